"""What a snapshot's tags tell. restic vouches for them, and whoever has the password can set any: a value that is none
counts as not there, and the snapshot then as one that a person made."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from openclaw.state.guards import order

_LARGEST = 1 << 60
_INSTANCE = r"i-[0-9a-f]{8,17}"
_VERSION = r"\d{4}\.\d{1,2}\.\d{1,3}"


def parse(tags: Any) -> dict[str, str]:
    """By name; a tag without a value has an empty one."""
    texts: Iterable[str] = filter(lambda tag: isinstance(tag, str), tags if isinstance(tags, list) else [])
    return dict(tag.partition("=")[::2] for tag in texts)


def number(tags: dict[str, str], name: str) -> int:
    return _whole(tags.get(name, ""), order.LAST)


def amount(tags: dict[str, str], name: str) -> int:
    return _whole(tags.get(name, ""), _LARGEST)


def instance(tags: dict[str, str]) -> str:
    return _text(tags.get("instance", ""), _INSTANCE)


def image(tags: dict[str, str]) -> str:
    return _text(tags.get("image", ""), r"[!-~]{1,512}")


def openclaw(tags: dict[str, str]) -> str | None:
    return _text(tags.get("openclaw", ""), _VERSION) or None


def _whole(text: str, most: int) -> int:
    found = int(text) if re.fullmatch(r"[0-9]{1,19}", text) else 0
    return found if found <= most else 0


def _text(text: str, pattern: str) -> str:
    return text if re.fullmatch(pattern, text) else ""
