"""What is left out: caches, regenerable directories, what only a running process understands, and the full copies that
OpenClaw's migrations made a while ago.

By name only where OpenClaw itself writes: in a workspace, a plugin or a skill the same name is somebody's file. Read in
the backup plan of OpenClaw 2026.9.6 (`openclaw backup create --dry-run --json`), which also leaves out `git`, `tools`
and `dev`: it tells a person to install again what lay there. A replacement has no such person, so they are kept.
"""

from __future__ import annotations

import os
import re
import stat
from typing import Protocol

STATE = ".openclaw"
DIRECTORIES = {"cache", "tmp", "plugin-skills", "logs"}
# A migration's copies are the way back for as long as the new version is on trial.
TRIAL_SECONDS = 7 * 24 * 3600
# Below these, and directly in the state directory, each name is OpenClaw's own.
_OWN = {"state", "memory", "identity", "credentials", "cron", "devices", "nodes", "sessions"}
_OWN_OF_AGENT = {"agent", "sessions", "session-sqlite-import-archive"}
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_TRANSIENT = re.compile(
    r".+\.pid"
    r"|.+\.sqlite-(?:wal|shm)"
    r"|.+\.lock\.sqlite"
    rf"|.+\.sqlite\.(?:generation-lock|generation-writer|reindex-lock)\.sqlite(?:-journal)?"
    rf"|.+\.sqlite\.(?:backup|memory-reindex|tmp)-{_UUID}(?:-journal)?",
    re.IGNORECASE,
)
_COPY = re.compile(r".+\.pre-startup-migration-[^/]+\.bak")
_ARCHIVE = re.compile(r"session-sqlite-import-archive|.+\.migrated(?:[.-].+)?")


class FileTimes(Protocol):
    """What is needed of an os.stat_result."""

    @property
    def st_mode(self) -> int: ...
    @property
    def st_mtime_ns(self) -> int: ...
    @property
    def st_ctime_ns(self) -> int: ...


def is_excluded(path: str) -> bool:
    """@param path below the data directory, e.g. ".openclaw/cache". People's own files all stay."""
    root, _, inside = path.partition("/")
    if root != STATE or not inside:
        return False
    return inside in DIRECTORIES or (_is_own(inside) and _TRANSIENT.fullmatch(os.path.basename(inside)) is not None)


def is_migration_copy(path: str) -> bool:
    """@param path of a file below the data directory"""
    root, _, inside = path.partition("/")
    if root != STATE or not _is_own(inside):
        return False
    return _COPY.fullmatch(os.path.basename(inside)) is not None or any(map(_ARCHIVE.fullmatch, inside.split("/")))


def is_old_migration_copy(path: str, status: FileTimes, now: float) -> bool:
    """Whether it has outlived its trial.

    @param now in seconds since 1970. A copy is as old as its content; what a migration only renamed keeps the time of
    its content, and is as old as its name
    """
    if not stat.S_ISREG(status.st_mode) or not is_migration_copy(path):
        return False
    is_new_file = _COPY.fullmatch(os.path.basename(path)) is not None
    made = status.st_mtime_ns if is_new_file else max(status.st_mtime_ns, status.st_ctime_ns)
    return now - made / 1e9 > TRIAL_SECONDS


def _is_own(inside: str) -> bool:
    """@param inside the state directory, e.g. "agents/main/agent/openclaw-agent.sqlite" """
    first, *rest = inside.split("/")
    if any(part.startswith("workspace") for part in (first, *rest[:-1])):
        return False
    if first == "agents":
        return len(rest) < 3 or rest[1] in _OWN_OF_AGENT
    return not rest or first in _OWN
