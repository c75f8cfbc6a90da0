"""Proof that a pulled tree can be served: whole databases, no lease of a lost machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from openclaw.state.databases import sqlite
from openclaw.state.databases.faults import is_of_this_machine
from openclaw.state.openclaw_data import leases
from openclaw.state.openclaw_data.layout import is_openclaw_database
from openclaw.system import journal
from openclaw.system.errors import Damaged, StateError


def databases(tree: Path) -> Iterator[Path]:
    for directory, _, names in os.walk(tree):
        for name in names:
            path = Path(directory) / name
            if stat.S_ISREG(path.lstat().st_mode) and sqlite.is_database(path):
                yield path


def verify(tree: Path) -> int:
    """Returns the number of databases.

    @raises Damaged naming the first that is not sound, StateError where this machine cannot tell

    Only OpenClaw's own databases decide: a broken one elsewhere was broken when it was saved.
    """
    count = 0
    for path in databases(tree):
        count += 1
        faults = sqlite.faults(path)
        name = str(path.relative_to(tree))
        if faults and is_openclaw_database(name):
            if is_of_this_machine(faults[0]):
                raise StateError(f"{name} cannot be checked now: {faults[0]}")
            raise Damaged(f"{name} does not pass SQLite's integrity check: {faults[0]}")
        if faults:
            journal.say(f"{name} does not pass SQLite's integrity check, as when it was saved: {faults[0]}")
    return count


def clear_leases(tree: Path) -> None:
    for path in databases(tree / ".openclaw"):
        if not is_openclaw_database(str(path.relative_to(tree))):
            continue
        status = path.stat()
        cleared = leases.clear_leases(path)
        if cleared:
            journal.say(f"{path.relative_to(tree)}: cleared {cleared} owner leases of the former machine")
            os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))
