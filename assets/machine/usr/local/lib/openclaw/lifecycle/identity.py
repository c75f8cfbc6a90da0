"""Which machine this is, and which deployment made it."""

import hashlib

from .metadata import Metadata, Unavailable


def instance_id():
    """Empty when the metadata service does not say."""
    return _ask("instance-id")


def deployment():
    """Equal on two machines if the same deploy made them: user data has the init's fingerprint in it, and the init says
    as what they are launched."""
    user_data = _ask("user-data", directory="")
    return hashlib.sha256(user_data.encode()).hexdigest()[:16] if user_data else ""


def _ask(path, **options):
    try:
        return Metadata().get(path, **options) or ""
    except Unavailable:
        return ""
