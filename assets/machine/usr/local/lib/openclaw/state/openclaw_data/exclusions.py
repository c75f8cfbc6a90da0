"""What is left out: caches, regenerable directories, and what only a running process understands."""

from __future__ import annotations

import fnmatch
import re

STATE = ".openclaw"
DIRECTORIES = {"cache", "tmp", "tools", "dev", "git", "plugin-skills", "logs"}
NAMES = (
    "*.sqlite-wal",
    "*.sqlite-shm",
    "*.memory-reindex-*",
    "*.reindex-lock.sqlite",
    "*.generation-lock.sqlite",
    "*.generation-writer.sqlite",
    "*.lock.sqlite",
    "*.pid",
)
_names = re.compile("|".join(fnmatch.translate(name) for name in NAMES))


def is_excluded(path: str) -> bool:
    """@param path below the data directory, e.g. ".openclaw/cache". People's own files in the workspace all stay."""
    root, _, inside = path.partition("/")
    if root != STATE or not inside:
        return False
    return inside in DIRECTORIES or _names.fullmatch(inside.rpartition("/")[2]) is not None
