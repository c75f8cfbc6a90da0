"""A tree made again from a manifest, every file proven by its checksum."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .. import log
from ..errors import Damaged
from ..settings import OWNER, ROOTS
from .mirror_manifest import Item
from .mirror_objects import Objects, digests

# From this many files on, one recursive copy is quicker than a call for each.
MANY = 8


def fetch_tree(objects: Objects, items: Sequence[Item], target: Path) -> None:
    """@raises Damaged when a file's stored content is not the manifest's"""
    scratch = target / ".fetched"
    by_root: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        by_root[item.path.partition("/")[0]].append(item)
    try:
        for root, members in by_root.items():
            files = [item for item in members if item.kind == "file"]
            if len(files) > MANY:
                objects.fetch_all(f"mirror/{root}/", scratch / "mirror" / root)
            _make_directories(target, members)
            with ThreadPoolExecutor(max_workers=4) as pool:
                list(pool.map(lambda item: _bring(objects, item, scratch / item.key, target / item.path), files))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    _make_links(target, items)
    _set_attributes(target, items)


def plain_items(listed: dict[str, str]) -> Iterator[Item]:
    """Objects without a manifest, as people put them: OpenClaw's owner, private but for the workspace."""
    now = time.time_ns()
    directories: set[str] = set()
    for key, etag in sorted(listed.items()):
        path = key[len("mirror/") :]
        parts = path.split("/")
        if parts[0] not in ROOTS or len(parts) < 2:
            continue
        if any(part in ("", ".", "..") for part in parts[:-1]) or parts[-1] in (".", ".."):
            log.say(f"left in the bucket, for it is no path: {key!r}")
            continue
        file_mode, directory_mode = (0o644, 0o755) if parts[0] == "workspace" else (0o600, 0o700)
        for depth in range(1, len(parts)):
            directory = "/".join(parts[:depth])
            if directory not in directories:
                directories.add(directory)
                yield Item(directory, "directory", directory_mode, OWNER, OWNER, now)
        # Consoles make directories as objects that end in a slash.
        if parts[-1]:
            yield Item(path, "file", file_mode, OWNER, OWNER, now, etag=etag)


def _make_directories(target: Path, items: Sequence[Item]) -> None:
    for item in items:
        path = target / item.path
        (path if item.kind == "directory" else path.parent).mkdir(mode=0o700, parents=True, exist_ok=True)


def _bring(objects: Objects, item: Item, fetched: Path, target: Path) -> None:
    """The current object where it is the right one, else the version that the manifest names."""
    if not _is_right(fetched, item):
        fetched = fetched.with_name(fetched.name + ".version")
        for version in dict.fromkeys((item.version, "")):
            if objects.fetch(item.key, fetched, version) and _is_right(fetched, item):
                break
        else:
            raise Damaged(f"{item.key} (version {item.version or 'current'}) is gone or not what was stored")
    os.replace(fetched, target)


def _is_right(path: Path, item: Item) -> bool:
    if not path.is_file():
        return False
    return not item.sha256 or digests(path)[0] == item.sha256


def _make_links(target: Path, items: Sequence[Item]) -> None:
    for item in items:
        path = target / item.path
        if item.kind == "link":
            os.symlink(item.target, path)
        elif item.kind == "hardlink":
            os.link(target / item.target, path)


def _set_attributes(target: Path, items: Sequence[Item]) -> None:
    """Children before their directories, whose times they would change."""
    for item in sorted(items, key=lambda one: one.path, reverse=True):
        path = target / item.path
        os.chown(path, item.uid, item.gid, follow_symlinks=False)
        if item.kind != "link":
            os.chmod(path, stat.S_IMODE(item.mode))
        os.utime(path, ns=(item.mtime_ns, item.mtime_ns), follow_symlinks=False)
