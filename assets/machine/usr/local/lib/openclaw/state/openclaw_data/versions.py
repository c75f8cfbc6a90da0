"""Which OpenClaw wrote the data, and which one would read it.

Compared are calendar versions: of the data, the higher of the image tag recorded with the snapshot and of what
OpenClaw notes in openclaw.json (meta.lastTouchedVersion); of the machine, the image's tag. A reference without such
a tag cannot be compared: OpenClaw itself then refuses newer data, with exit status 78.
"""

from __future__ import annotations

import re
from pathlib import Path

from openclaw.system import journal
from openclaw.system.errors import Refused

_TAG = re.compile(r":v?(\d{4}\.\d{1,2}\.\d{1,3})(?=[-@]|$)")
# Of a configuration; a file of any size may have its name.
_MOST_BYTES = 16 << 20
_TOUCHED = re.compile(rb"""["']?lastTouchedVersion["']?\s*:\s*["'](\d{4}\.\d{1,2}\.\d{1,3})""")


def of_image(reference: str) -> str | None:
    found = _TAG.search(reference)
    return found.group(1) if found else None


def of_data(tree: Path) -> str | None:
    path = tree / ".openclaw" / "openclaw.json"
    if path.is_symlink() or not path.is_file():
        return None
    with path.open("rb") as stream:
        found = _TOUCHED.search(stream.read(_MOST_BYTES))
    return found.group(1).decode() if found else None


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def refuse_newer(tree: Path, recorded: str | None, image: str) -> None:
    """@raises Refused naming both versions when the data is newer than the image"""
    known = [version for version in (recorded, of_data(tree)) if version]
    if not known:
        return
    data, machine = max(known, key=_order), of_image(image)
    if machine is None:
        journal.say(f"the data was written by OpenClaw {data}; the image {image} has no version to compare it with")
    elif _order(data) > _order(machine):
        raise Refused(
            f"the data was written by OpenClaw {data}, the image is OpenClaw {machine} ({image}): an older OpenClaw "
            f"cannot read it; deploy image {data} or newer, or restore a snapshot from before the upgrade"
        )
