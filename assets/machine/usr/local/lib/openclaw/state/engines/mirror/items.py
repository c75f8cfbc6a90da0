"""A manifest read back: signed by this deployment, and nothing in it that could act outside of the tree.

Of an entry's fields those of Item are known; any other is a newer version's, and left out.
"""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from openclaw.state.engines.mirror.manifest import Item
from openclaw.state.engines.mirror.names import INTENTS, PREFIX
from openclaw.state.guards.paths import is_relative
from openclaw.state.openclaw_data.layout import OWNER, ROOTS
from openclaw.system import documents, journal, signing

KIND = "manifest"
# Of the object, in bytes, and of one line of what is packed in it.
LIMIT = 256 << 20
LINE = 64 << 10
KINDS = ("file", "directory", "link", "hardlink")
# S3's largest object.
_LARGEST = 50 << 40


def _is_stored_key(value: Any) -> bool:
    if not isinstance(value, str) or "\0" in value or len(value) > 1024:
        return False
    return value == "" or (value.startswith(("aside/", "mirror/")) and not value.startswith((PREFIX, INTENTS)))


def _is_target(value: Any) -> bool:
    try:
        return isinstance(value, str) and "\0" not in value and len(os.fsencode(value)) <= 4095
    except ValueError:
        return False


FIELDS = {
    "path": documents.Field(
        f"a path below {', '.join(ROOTS)}", lambda value: isinstance(value, str) and is_relative(value)
    ),
    "kind": documents.Field(f"one of {', '.join(KINDS)}", lambda value: value in KINDS),
    "mode": documents.whole(0, 0o7777),
    "uid": documents.whole(0, (1 << 32) - 1),
    "gid": documents.whole(0, (1 << 32) - 1),
    "mtime_ns": documents.whole(-(1 << 62), 1 << 62),
    "size": documents.whole(0, _LARGEST, default=0),
    "target": documents.Field("text of at most 4095 bytes without NUL", _is_target, ""),
    "sha256": documents.text(r"([0-9a-f]{64})?", "a SHA-256 in hexadecimal", ""),
    "etag": documents.text(r"[!-~]{0,128}", "an ETag", ""),
    "version": documents.text(r"[!-~]{0,1024}", "the version of an object", ""),
    "stored": documents.Field("a key below aside/ or mirror/", _is_stored_key, ""),
}


def write(path: Path, snapshot_id: str, items: Iterable[Item], key: str) -> None:
    """The last line carries the signature: an entry for the tree's own directory to versions that know of none.

    Surrogates (names that are not UTF-8) survive JSON's escapes.
    """
    signed = signing.begin(key, KIND, snapshot_id)
    with gzip.open(path, "wt", encoding="ascii", compresslevel=5) as stream:
        for item in items:
            line = json.dumps(asdict(item), separators=(",", ":")) + "\n"
            signed.update(line.encode("ascii"))
            stream.write(line)
        last = Item("", "directory", 0o700, OWNER, OWNER, 0, target=signed.hexdigest())
        stream.write(json.dumps(asdict(last), separators=(",", ":")) + "\n")


def read(path: Path, snapshot_id: str, key: str, unsigned: bool = False) -> list[Item]:
    """@param unsigned whether one that is from before there was a key is taken too

    @raises documents.Malformed, or OSError, EOFError and zlib.error if it is not gzip
    """
    signature, is_signed = _verified(path, snapshot_id, key)
    if not is_signed and (signature or not unsigned):
        raise documents.Malformed(
            "it is not signed with this deployment's key (the parameter state-key: with a copied bucket, copy it too)"
        )
    items: dict[str, Item] = {}
    for number, line in enumerate(_lines(path), 1):
        if is_signed and line == signature:
            continue
        try:
            item = Item(**documents.check(documents.load(line, LINE), FIELDS))
        except documents.Malformed as error:
            raise documents.Malformed(f"line {number}: {error}") from error
        if item.path in items:
            raise documents.Malformed(f"line {number}: {documents.shown(item.path)} is in it twice")
        items[item.path] = item
    for item in items.values():
        _require_place(item, items)
    return _made_harmless(items.values())


def _verified(path: Path, snapshot_id: str, key: str) -> tuple[bytes, bool]:
    """The last line, where that is a signature, and whether it is that of all before it. Nothing more is kept in
    memory: who has no key could pack anything."""
    signed, last = signing.begin(key, KIND, snapshot_id), b""
    for line in _lines(path):
        signed.update(last)
        last = line
    try:
        given = documents.load(last, LINE)
    except documents.Malformed:
        return b"", False
    if not isinstance(given, dict) or given.get("path") != "":
        return b"", False
    return last, signing.is_same(given.get("target"), signed.hexdigest())


def _lines(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rb") as stream:
        while line := stream.readline(LINE + 1):
            if len(line) > LINE:
                raise documents.Malformed(f"a line of it has more than {LINE} bytes")
            yield line


def _require_place(item: Item, items: dict[str, Item]) -> None:
    if item.path in ROOTS and item.kind != "directory":
        raise documents.Malformed(f"{item.path} must be a directory, got a {item.kind}")
    above = item.path.rpartition("/")[0]
    while above:
        if above in items and items[above].kind != "directory":
            raise documents.Malformed(
                f"{documents.shown(item.path)} is below {documents.shown(above)}, a {items[above].kind}"
            )
        above = above.rpartition("/")[0]
    if item.kind == "hardlink" and (item.target not in items or items[item.target].kind != "file"):
        raise documents.Malformed(
            f"the hard link {documents.shown(item.path)} must be to a file of this manifest, "
            f"got {documents.shown(item.target)}"
        )
    if item.kind == "link" and not item.target:
        raise documents.Malformed(f"the link {documents.shown(item.path)} has no target")


def _made_harmless(items: Iterable[Item]) -> list[Item]:
    """Owned by OpenClaw's user; no file runs as somebody else. A directory may hand its group down, and be sticky."""
    found: list[Item] = []
    changed: Counter[str] = Counter()
    for item in items:
        mode = item.mode & (0o3777 if item.kind == "directory" else 0o777)
        if mode != item.mode:
            changed["with a set-uid, set-gid or sticky bit"] += 1
        if (item.uid, item.gid) != (OWNER, OWNER):
            changed[f"of another owner than {OWNER}"] += 1
        found.append(replace(item, mode=mode, uid=OWNER, gid=OWNER))
    for what, count in changed.items():
        journal.say(f"{count} entries {what}: they come in without")
    return found
