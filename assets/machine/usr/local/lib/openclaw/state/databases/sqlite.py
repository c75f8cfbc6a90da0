"""SQLite databases: found by content, copied while in use, checked, freed of the lost machine's leases."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from openclaw.system import file_copy

HEADER = b"SQLite format 3\x00"
BUSY_SECONDS = 5
# Of a database, beside it.
SIDECARS = ("-wal", "-shm", "-journal")


def is_database(path: str | Path) -> bool:
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return os.read(fd, len(HEADER)) == HEADER
        finally:
            os.close(fd)
    return False


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
        before = [_fingerprint(path) for path, _ in parts]
        for path, copied in parts:
            with contextlib.suppress(FileNotFoundError):
                file_copy.copy_file(path, copied)
        if [_fingerprint(path) for path, _ in parts] != before:
            raise reason
        return _copy(recovered, "mode=rw", target)
    except (OSError, file_copy.Changing, sqlite3.OperationalError) as error:
        if getattr(error, "errno", 0) == errno.ENOSPC:
            raise
        raise reason from error
    finally:
        _remove(*(copied for _, copied in parts), Path(f"{recovered}-shm"))


def _fingerprint(path: str | Path) -> tuple[int, ...]:
    try:
        return file_copy.fingerprint(os.lstat(path))
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
    except (sqlite3.Error, MemoryError) as error:
        return [str(error) or "out of memory"]
    return [] if lines == ["ok"] else lines


def user_version(path: Path) -> int:
    with opened(path, "mode=ro&immutable=1") as database:
        return database.execute("PRAGMA user_version").fetchone()[0]
