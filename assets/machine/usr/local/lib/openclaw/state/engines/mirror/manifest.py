"""The manifest of a mirror backup: what S3 cannot keep (modes, owners, links, empty directories) and what proves it
(checksums, object versions). One gzipped line of JSON per entry, and a last one for the signature (items.py)."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote


@dataclass(frozen=True)
class Item:
    path: str
    kind: str  # file, directory, link, or hardlink (of `target`, a path in the manifest)
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    size: int = 0
    target: str = ""
    sha256: str = ""
    etag: str = ""
    version: str = ""
    # The key of an object that is not at its path's own.
    stored: str = ""

    @property
    def key(self) -> str:
        return self.stored or key_of(self.path)


def key_of(path: str) -> str:
    """S3 keys are UTF-8; what is not in a file's name is written as %XX, and so is % then."""
    try:
        path.encode("utf-8")
        return f"mirror/{path}"
    except UnicodeEncodeError:
        return "mirror/" + quote(os.fsencode(path), safe="/ !'()+,=@~")


def describe(tree: Path, path: str, hardlinks: dict[tuple[int, int], str]) -> Item:
    """The item of a staged entry, without digests."""
    status = (tree / path).lstat()
    mode, common = status.st_mode, (status.st_uid, status.st_gid, status.st_mtime_ns)
    if stat.S_ISDIR(mode):
        return Item(path, "directory", stat.S_IMODE(mode), *common)
    if stat.S_ISLNK(mode):
        return Item(path, "link", 0o777, *common, target=os.readlink(tree / path))
    if status.st_nlink > 1:
        first = hardlinks.setdefault((status.st_dev, status.st_ino), path)
        if first != path:
            return Item(path, "hardlink", stat.S_IMODE(mode), *common, target=first)
    return Item(path, "file", stat.S_IMODE(mode), *common, size=status.st_size)


def with_object(item: Item, sha256: str, etag: str, version: str) -> Item:
    return replace(item, sha256=sha256, etag=etag, version=version)


def digests(path: Path) -> tuple[str, str]:
    """SHA-256, and the MD5 that S3 shows as the ETag of an object sent in one part."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            sha256.update(block)
            md5.update(block)
    return sha256.hexdigest(), md5.hexdigest()
