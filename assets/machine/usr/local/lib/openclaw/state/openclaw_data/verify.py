"""Proof that a pulled tree can be served: whole databases, no lease of a lost machine."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from openclaw.state.databases.sqlite import Databases, Unreadable, is_database
from openclaw.state.openclaw_data import leases
from openclaw.state.openclaw_data.layout import is_openclaw_database
from openclaw.system import files, journal
from openclaw.system.errors import Damaged, StateError


def databases_in(tree: Path) -> Iterator[Path]:
    return (Path(path) for path, status in files.walk(tree) if stat.S_ISREG(status.st_mode) and is_database(path))


def verify(tree: Path, databases: Databases) -> int:
    """Returns the number of databases.

    @raises Damaged naming the first of OpenClaw's own that is not sound, StateError where one cannot be checked now. A
    broken one elsewhere was broken when it was saved, and decides nothing
    """
    count = 0
    for path in databases_in(tree):
        count += 1
        name = str(path.relative_to(tree))
        try:
            faults = databases.faults(path)
        except Unreadable as error:
            if is_openclaw_database(name):
                raise StateError(f"{name} cannot be checked now: {error}") from error
            faults = [str(error)]
        if faults and is_openclaw_database(name):
            raise Damaged(f"{name} does not pass SQLite's integrity check: {faults[0]}")
        if faults:
            journal.say(f"{name} does not pass SQLite's integrity check, as when it was saved: {faults[0]}")
    return count


def clear_leases(tree: Path, databases: Databases) -> None:
    """@raises Damaged for one of OpenClaw's own databases that cannot be changed, or in which more than that would
    happen; StateError where it cannot be changed now"""
    for path in databases_in(tree / ".openclaw"):
        name = str(path.relative_to(tree))
        if not is_openclaw_database(name):
            continue
        try:
            cleared = leases.clear_leases(databases, path)
        except Unreadable as error:
            kind = StateError if error.passing else Damaged
            raise kind(f"{name}: the owner leases of the former machine cannot be cleared: {error}") from error
        if cleared:
            journal.say(f"{name}: cleared {cleared} owner leases of the former machine")
