"""A tree made again from a manifest, every file proven by its checksum."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from openclaw.aws.client import Aws
from openclaw.aws.transfers import Wanted, fetch
from openclaw.state.engines.mirror.manifest import Item, digests
from openclaw.state.guards.paths import is_relative
from openclaw.state.openclaw_data.layout import OWNER, ROOTS
from openclaw.system import files, journal
from openclaw.system.errors import Damaged


def fetch_tree(aws: Aws, items: Sequence[Item], target: Path) -> None:
    """@raises Damaged when a file's stored content is not the manifest's"""
    _make_directories(target, items)
    scratch = target / ".fetched"
    scratch.mkdir(mode=0o700)
    missing = {scratch / str(number): item for number, item in enumerate(items) if item.kind == "file"}
    # By version, which nothing can have replaced; where that one is lost, the current one may be the same.
    for versioned in (True, False):
        wanted = [_wanted(item, path, versioned) for path, item in missing.items() if versioned or _fits(aws, item)]
        for one in fetch(aws, wanted):
            item = missing[one.target]
            if not item.sha256 or digests(one.target)[0] == item.sha256:
                os.replace(one.target, target / item.path)
                del missing[one.target]
    for item in missing.values():
        raise Damaged(f"{item.key} (version {item.version or 'current'}) is gone or not what was stored")
    files.remove_tree(scratch)
    _make_links(target, items)
    _set_attributes(target, items)


def _fits(aws: Aws, item: Item) -> bool:
    """Whether the current object can be what is wanted: one of another size only fills the disk."""
    return not item.sha256 or aws.size(item.key) == item.size


def _wanted(item: Item, path: Path, versioned: bool) -> Wanted:
    if versioned and item.version:
        return Wanted(item.key, path, item.version, item.size, item.etag)
    return Wanted(item.key, path)


def plain_items(listed: dict[str, str], paths: dict[str, str]) -> Iterator[Item]:
    """Objects without a manifest, as people put them: OpenClaw's owner, private but for the workspace.

    @param listed ETags by key
    @param paths of keys that do not simply hold theirs
    """
    now = time.time_ns()
    directories: set[str] = set()
    # A key can begin with another one; a path cannot go through a file.
    above = {key[: match.start()] for key in listed for match in re.finditer("/", key)}
    for key, etag in sorted(listed.items()):
        path = paths.get(key, key[len("mirror/") :])
        parts = path.split("/")
        if parts[0] not in ROOTS or len(parts) < 2:
            continue
        # Consoles make directories as objects that end in a slash.
        if not is_relative(path[:-1] if path.endswith("/") else path):
            journal.say(f"left in the bucket, for it is not a path: {key!r}")
            continue
        if key in above:
            journal.say(f"left in the bucket, for other keys make a directory of it: {key!r}")
            continue
        file_mode, directory_mode = (0o644, 0o755) if parts[0] == "workspace" else (0o600, 0o700)
        for depth in range(1, len(parts)):
            directory = "/".join(parts[:depth])
            if directory not in directories:
                directories.add(directory)
                yield Item(directory, "directory", directory_mode, OWNER, OWNER, now)
        if parts[-1]:
            yield Item(path, "file", file_mode, OWNER, OWNER, now, etag=etag, stored=key)


def _make_directories(target: Path, items: Sequence[Item]) -> None:
    for item in items:
        path = target / item.path
        (path if item.kind == "directory" else path.parent).mkdir(mode=0o700, parents=True, exist_ok=True)


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
