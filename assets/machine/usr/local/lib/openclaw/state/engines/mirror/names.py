"""The name of a mirror's manifest: all that a list of backups tells, and a mark that only this deployment can make."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from urllib.parse import quote, unquote

from openclaw.state.engines.base import Snapshot, SnapshotMetadata
from openclaw.state.guards import order
from openclaw.system import signing

PREFIX = "mirror/manifests/"
INTENTS = "mirror/intents/"
_SUFFIX = ".jsonl.gz"
_NAME = re.compile(
    r"(\d{8,10})-(\d{8,10})_(\d{8}T\d{6}Z)_(\d{1,12})_(\d{1,16})_([^_]*)_([^_]*)_([^_]*)_([0-9a-f]{8})(-refused\d{0,3})?"
)
_INSTANCE = re.compile(r"(i-[0-9a-f]{8,17})?")
_VERSION = re.compile(r"(\d{4}\.\d{1,2}\.\d{1,3})?")
_IMAGE = re.compile(r"[!-~]{0,512}")
_STAMP = "%Y%m%dT%H%M%SZ"


def key_of(snapshot_id: str) -> str:
    return f"{PREFIX}{snapshot_id}{_SUFFIX}"


def new_id(metadata: SnapshotMetadata, now: datetime, files: int, size: int, key: str) -> str:
    """@param key that it is marked with"""
    words = (metadata.instance, metadata.openclaw or "", metadata.image)
    described = "_".join(quote(word, safe=":@.-").replace("_", "%5F") for word in words)
    number = f"{metadata.generation:08d}-{metadata.sequence:08d}"
    told = f"{number}_{now.strftime(_STAMP)}_{files}_{size}_{described}"
    refused = f"-refused{metadata.offers or ''}" if metadata.set_aside else ""
    return f"{told}_{_mark(key, told, refused)}{refused}"


def is_marked(snapshot: Snapshot, key: str) -> bool:
    """Eight digits keep strangers' names out of every list; the manifest itself is signed in full."""
    told, _, rest = snapshot.id.rpartition("_")
    given, refused = rest[:8], rest[8:]
    return signing.is_same(given, _mark(key, told, refused))


def is_before(snapshot: Snapshot, mark: str) -> bool:
    """Whether it says that it is from before the first signed one.

    @param mark the beginning of that one's name
    """
    found = re.fullmatch(r"(\d{8,10})-(\d{8,10})_(\d{8}T\d{6}Z)", mark)
    if not found:
        return False
    first = int(found[1]), int(found[2])
    return (snapshot.generation, snapshot.sequence) < first and f"{snapshot.time:{_STAMP}}" < found[3]


def mark_of(snapshot_id: str) -> str:
    return "_".join(snapshot_id.split("_")[:2])


def snapshot_of(key: str) -> Snapshot | None:
    """None if the name is not one of ours: such an object is ignored, whoever put it there."""
    if not key.startswith(PREFIX) or not key.endswith(_SUFFIX):
        return None
    snapshot_id = key[len(PREFIX) : -len(_SUFFIX)]
    found = _NAME.fullmatch(snapshot_id)
    if not found:
        return None
    generation, sequence, stamp, files, size, *words, _, refused = found.groups()
    instance, openclaw, image = (unquote(word) for word in words)
    try:
        time = datetime.strptime(stamp, _STAMP).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    known = _INSTANCE.fullmatch(instance) and _VERSION.fullmatch(openclaw) and _IMAGE.fullmatch(image)
    if not known or not 1 <= int(generation) <= order.LAST or not 1 <= int(sequence) <= order.LAST:
        return None
    return Snapshot(
        engine="mirror",
        id=snapshot_id,
        time=time,
        generation=int(generation),
        sequence=int(sequence),
        files=int(files),
        bytes=int(size),
        instance=instance,
        image=image,
        openclaw=openclaw or None,
        offers=int((refused or "").replace("-refused", "") or 0),
        set_aside=bool(refused),
    )


def _mark(key: str, told: str, refused: str) -> str:
    return signing.begin(key, "manifest's name", f"{told}{refused}").hexdigest()[:8]
