"""Whether what lies in the bucket was written by who has the key (HMAC with SHA-256)."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any

# The field of a signed document that holds the signature.
FIELD = "hmac"


def begin(key: str, kind: str, name: str = "") -> hmac.HMAC:
    """To be updated with the content. One signature is good for one kind of document, and for one name of it."""
    return hmac.new(key.encode("utf-8"), f"{kind}\0{name}\0".encode(), "sha256")


def of(key: str, kind: str, value: Mapping[str, Any], name: str = "") -> str:
    """Of a document's fields but the signature itself, in whatever order they stand."""
    signed = begin(key, kind, name)
    rest = {field: one for field, one in value.items() if field != FIELD}
    signed.update(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode("ascii"))
    return signed.hexdigest()


def is_signed(key: str, kind: str, value: Mapping[str, Any], name: str = "") -> bool:
    return is_same(value.get(FIELD), of(key, kind, value, name))


def is_same(given: Any, made: str) -> bool:
    return isinstance(given, str) and given.isascii() and hmac.compare_digest(given, made)
