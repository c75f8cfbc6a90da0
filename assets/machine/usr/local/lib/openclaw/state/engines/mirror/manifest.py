"""The manifest of a mirror backup: what S3 cannot keep (modes, owners, links, empty directories) and what proves it
(checksums, object versions). One gzipped line of JSON per entry, and a last one for the signature (items.py)."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

# Objects whose path is too long for a key: by its SHA-256.
LONG = "mirror/.long/"
# In bytes. https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
MOST_KEY = 1024
_SAFE = "/ !'()+,=@~"
# What XML has no place for, or some servers get wrong; surrogates stand for bytes that are not UTF-8.
_ODD = re.compile("[%\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


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
    # The key, where it is not the path's own as machines before had it.
    stored: str = ""

    @property
    def key(self) -> str:
        return self.stored or _former_key_of(self.path)


def key_of(path: str, apart: str = "") -> str:
    """The path itself, with what is odd in a key as %XX, so that two paths never have the same one.

    @param apart the beginning of the key of what is kept apart from the mirror, as "aside/…/"
    """
    name = quote(os.fsencode(path), safe=_SAFE) if _ODD.search(path) else path
    key = f"{apart}mirror/{name}"
    return key if len(key.encode()) <= MOST_KEY else apart + LONG + hashlib.sha256(os.fsencode(path)).hexdigest()


def _former_key_of(path: str) -> str:
    """Manifests of machines before say nothing of the key: % and line breaks were escaped beside bytes that are not
    UTF-8 only."""
    try:
        path.encode("utf-8")
        return f"mirror/{path}"
    except UnicodeEncodeError:
        return "mirror/" + quote(os.fsencode(path), safe=_SAFE)


def place(item: Item, apart: str = "") -> Item:
    """With the key that it is to be stored at."""
    key = key_of(item.path, apart)
    return replace(item, stored="" if key == _former_key_of(item.path) else key)


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
    return place(Item(path, "file", stat.S_IMODE(mode), *common, size=status.st_size))


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
