"""What a path below the data directory may be, whoever names it: a person, a request or a manifest."""

from __future__ import annotations

import os
from collections.abc import Sequence

from openclaw.state.openclaw_data.layout import ROOTS
from openclaw.system.errors import Refused

# Of a path, and of one name in it, in bytes: what Linux takes.
_PATH, _NAME = 4095, 255


def relative(path: str) -> str:
    """Below the data directory. @raises Refused for anything else"""
    parts = path.strip("/").split("/")
    if parts[0] not in ROOTS or any(part in ("", ".", "..") for part in parts):
        raise Refused(f"a path must begin with one of {', '.join(ROOTS)} and hold no '..', got {path[:200]!r}")
    if not _can_be(parts):
        raise Refused(
            f"a path must have at most {_PATH} bytes, each name in it at most {_NAME}, and no NUL, got {path[:200]!r}"
        )
    return "/".join(parts)


def is_relative(path: str) -> bool:
    """Whether it is exactly what relative would make of it."""
    try:
        return relative(path) == path
    except Refused:
        return False


def _can_be(parts: Sequence[str]) -> bool:
    try:
        names = [os.fsencode(part) for part in parts]
    except ValueError:
        # Half of a surrogate pair.
        return False
    return len(b"/".join(names)) <= _PATH and all(len(name) <= _NAME and b"\0" not in name for name in names)
