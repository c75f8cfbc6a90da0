"""SQLite databases: found by content, copied while in use, checked, freed of the lost machine's leases."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from . import copying

HEADER = b"SQLite format 3\x00"
LEASE_TABLES = ("state_leases", "agent_database_leases")
# Their store_key begins with the path of OpenClaw's state directory.
STORE_TABLES = ("cron_jobs", "cron_run_receipts", "cron_job_scratch")
BUSY_SECONDS = 5
# Where OpenClaw keeps its own. Any other may be anything that somebody has sent or made.
DECISIVE = (".openclaw/state/", ".openclaw/agents/")


def is_database(path: str | Path) -> bool:
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return os.read(fd, len(HEADER)) == HEADER
        finally:
            os.close(fd)
    return False


def is_decisive(path: str) -> bool:
    """@param path below the data directory"""
    return path.startswith(DECISIVE)


@contextlib.contextmanager
def opened(path: str | Path, options: str) -> Iterator[sqlite3.Connection]:
    # The path as bytes: a file name need not be UTF-8.
    connection = sqlite3.connect(f"file:{quote(os.fsencode(path))}?{options}", uri=True, timeout=BUSY_SECONDS)
    try:
        yield connection
    finally:
        connection.close()


def copy(source: str | Path, target: Path) -> int:
    """Copies one transaction's view, the write-ahead log included, and returns its user_version.

    All pages in one step: a writer cannot make it start again. @raises sqlite3.Error
    """
    try:
        return _copy(source, "mode=ro", target)
    except sqlite3.OperationalError as error:
        return _copy_as_after_a_power_cut(source, target, error)


def _copy(source: str | Path, options: str, target: Path) -> int:
    with opened(source, options) as live, opened(target, "mode=rwc") as staged:
        # A staged copy does not survive a power cut anyway.
        staged.execute("PRAGMA synchronous=OFF")
        # The read lock, or an error after BUSY_SECONDS: backup() alone waits for a locked database for ever.
        live.execute("BEGIN")
        live.execute("SELECT count(*) FROM sqlite_master").fetchone()
        live.backup(staged)
        return staged.execute("PRAGMA user_version").fetchone()[0]


def _copy_as_after_a_power_cut(source: str | Path, target: Path, reason: sqlite3.OperationalError) -> int:
    """For one that is locked all the time, or that a killed writer left in mid-transaction: all its files as they are
    at one moment, and SQLite recovers the copy as it would recover them.

    @raises the reason when they do not hold still
    """
    recovered = target.with_name(f"{target.name}-recovered")
    parts = [(f"{source}{suffix}", Path(f"{recovered}{suffix}")) for suffix in ("", "-journal", "-wal")]
    _remove(*(copied for _, copied in parts), Path(f"{recovered}-shm"), target)
    try:
        before = [_moment(path) for path, _ in parts]
        for path, copied in parts:
            with contextlib.suppress(FileNotFoundError):
                copying.copy_file(path, copied)
        if [_moment(path) for path, _ in parts] != before:
            raise reason
        return _copy(recovered, "mode=rw", target)
    except (OSError, copying.Changing, sqlite3.OperationalError) as error:
        if getattr(error, "errno", 0) == errno.ENOSPC:
            raise
        raise reason from error
    finally:
        _remove(*(copied for _, copied in parts), Path(f"{recovered}-shm"))


def _moment(path: str | Path) -> tuple[int, ...]:
    try:
        return copying.moment(os.lstat(path))
    except FileNotFoundError:
        return ()


def _remove(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def faults(path: Path) -> list[str]:
    """What a read-only integrity check finds; empty for a sound database without a log beside it."""
    try:
        # Immutable: no lock file and no log appear beside what is checked.
        with opened(path, "mode=ro&immutable=1") as database:
            lines = [row[0] for row in database.execute("PRAGMA integrity_check(5)")]
    except sqlite3.Error as error:
        return [str(error)]
    return [] if lines == ["ok"] else lines


def user_version(path: Path) -> int:
    with opened(path, "mode=ro&immutable=1") as database:
        return database.execute("PRAGMA user_version").fetchone()[0]


def clear_leases(path: Path) -> int:
    """Removes the lost machine's owner leases, with which a gateway refuses to start for 300 s; returns how many."""
    return _change(path, LEASE_TABLES, "DELETE FROM {}")


def rename_stores(path: Path, old: str, new: str) -> int:
    """Gives rows that name their store by a path below old the one below new; returns how many."""
    change = "UPDATE {} SET store_key = ? || substr(store_key, ?) WHERE substr(store_key, 1, ?) = ?"
    return _change(path, STORE_TABLES, change, (new, len(old) + 1, len(old) + 1, f"{old}/"))


def _change(path: Path, names: Sequence[str], change: str, values: Sequence[Any] = ()) -> int:
    """In those of the named tables that are there; returns the number of rows."""
    changed = 0
    with opened(path, "mode=rw") as database:
        tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        present = [name for name in names if name in tables]
        if present:
            # In the database itself, with no log left beside it.
            mode = database.execute("PRAGMA journal_mode").fetchone()[0]
            database.execute("PRAGMA journal_mode=DELETE")
            for name in present:
                changed += database.execute(change.format(name), values).rowcount
            database.commit()
            database.execute(f"PRAGMA journal_mode={mode}")
    return changed
