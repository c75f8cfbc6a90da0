"""Whether a backup looks like a loss, and when that is plainly none: what went is the workspace's, not OpenClaw's."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from openclaw.state.databases import page_log, sqlite
from openclaw.state.openclaw_data.exclusions import is_migration_copy
from openclaw.state.openclaw_data.layout import is_openclaw_database
from openclaw.system import file_copy
from openclaw.system.files import is_regular, walk

if TYPE_CHECKING:
    from openclaw.state.engines.base import Snapshot
    from openclaw.state.staging.staged import Staged

# A backup with less than this part of the last one's files or bytes looks like a loss.
LEAST_PART = 0.5
# What is offered so often in a row, for so long, is what the machine goes on with.
OFFERS, OFFERED_SECONDS = 3, 1800
STATE, SECRETS, CONFIGURATION = ".openclaw", "auth-profile-secrets", ".openclaw/openclaw.json"


@dataclass(frozen=True)
class Measure:
    """What a state is compared by."""

    files: int
    bytes: int
    # Files and bytes by root.
    roots: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    # Bytes in use of each of OpenClaw's own databases, and its configuration as 1.
    vital: Mapping[str, int] = field(default_factory=dict)


def of_staged(staged: Staged) -> Measure:
    vital = _vital(staged.tree, filter(is_openclaw_database, staged.databases))
    roots = staged.index.totals_by_root()
    files, size = (sum(one[number] for one in roots.values()) for number in (0, 1))
    return Measure(files, size, roots, vital)


def of_tree(tree: Path) -> Measure:
    """Of a restored one."""
    roots: dict[str, tuple[int, int]] = {}
    databases = []
    for path, status in walk(tree):
        relative = os.path.relpath(path, tree)
        if stat.S_ISREG(status.st_mode) and not is_migration_copy(relative):
            root = relative.split("/")[0]
            files, size = roots.get(root, (0, 0))
            roots[root] = files + 1, size + file_copy.stored_bytes(status)
            if is_openclaw_database(relative) and sqlite.is_database(path):
                databases.append(relative)
    files, size = (sum(one[number] for one in roots.values()) for number in (0, 1))
    return Measure(files, size, roots, _vital(tree, databases))


def _vital(tree: Path, databases: Iterable[str]) -> dict[str, int]:
    vital = {path: page_log.used_bytes(tree / path) for path in databases}
    configuration = tree / CONFIGURATION
    if is_regular(configuration) and configuration.lstat().st_size:
        vital[CONFIGURATION] = 1
    return vital


def doubt(now: Measure, last: Measure) -> str:
    """What would go; empty if it is at most half, of everything and of OpenClaw's own state."""
    parts = [("", now.files, now.bytes, last.files, last.bytes)]
    if STATE in last.roots:
        parts.append((f" in {STATE}", *now.roots.get(STATE, (0, 0)), *last.roots[STATE]))
    for where, files, size, files_then, bytes_then in parts:
        for what, count, then in (("files", files, files_then), ("bytes", size, bytes_then)):
            if count < then * LEAST_PART:
                return f"this backup has {count} {what}{where}, the last good one {then}"
    return ""


def why_not_none(now: Measure, last: Measure) -> str:
    """Why it may be a loss all the same; empty where OpenClaw has all that it needs."""
    if not last.vital:
        return "nothing is known of the databases in the last good backup"
    for path, then in last.vital.items():
        if now.vital.get(path, 0) < then * LEAST_PART:
            return f"{path} has lost more than half, or is gone"
    if last.roots.get(SECRETS, (0, 0))[0] and not now.roots.get(SECRETS, (0, 0))[0]:
        return f"{SECRETS} is empty"
    return ""


def is_settled(snapshot: Snapshot) -> bool:
    """Whether a machine that finds this one set aside, newer than the last backup, may start from it: it has all that
    OpenClaw needs, and its machine offered it as often as it takes to be let go."""
    return snapshot.set_aside and snapshot.offers >= OFFERS
