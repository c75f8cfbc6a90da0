"""SQLite, in a process without rights: it parses what others have made, and acts on what stands in their schema.

Each request is one JSON object, and so is each answer. Databases in use are only read, and copied into the process's
own directory; what is changed lies there alone, without a log or a journal that came along.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import socket
import sqlite3
import stat
from pathlib import Path
from typing import Any

from openclaw.state.databases.connection import SIDECARS, opened
from openclaw.state.databases.faults import is_of_this_machine
from openclaw.system import file_copy, unprivileged
from openclaw.system.links import is_behind_link

# Of what an integrity check finds.
MOST_FAULTS, MOST_WORDS = 5, 500


class Replaced(Exception):
    """Another file has the name by now."""


def copy(source: str, root: str, inode: list[int], target: str, *, check: list[str] | None) -> dict[str, Any]:
    """One transaction's view of a database in use, the write-ahead log included.

    All pages in one step: a writer cannot make it start again.

    @param check whether to look for faults: for none, or also for anything that hangs on these tables
    """
    _require(source, root, inode)
    for suffix in SIDECARS:
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISREG(os.lstat(source + suffix).st_mode):
                raise sqlite3.OperationalError(f"unable to open database file: its {suffix} is not a regular file")
    try:
        version = _copy(source, "mode=ro", target)
    except sqlite3.OperationalError as error:
        return recover(source, root, inode, target, check=check, reason=error)
    _require(source, root, inode)
    return _copied(target, version, check)


def recover(
    source: str, root: str, inode: list[int], target: str, *, check: list[str] | None, reason: Exception | None = None
) -> dict[str, Any]:
    """For one that is locked all the time, or that a killed writer left in mid-transaction: all its files as they are
    at one moment, and SQLite recovers the copy as it would recover them.

    @raises the reason when they do not hold still
    """
    reason = reason or sqlite3.OperationalError("database is locked")
    recovered = f"{target}-recovered"
    parts = [(source + suffix, recovered + suffix) for suffix in ("", "-journal", "-wal")]
    try:
        _remove(target, *(copied for _, copied in parts))
        before = [_fingerprint(path) for path, _ in parts]
        for path, copied in parts:
            with contextlib.suppress(FileNotFoundError):
                file_copy.copy_file(path, Path(copied))
        _require(source, root, inode)
        if [_fingerprint(path) for path, _ in parts] != before:
            raise reason
        return _copied(target, _copy(recovered, "mode=rw", target), check)
    except (OSError, file_copy.Changing, sqlite3.OperationalError) as error:
        if getattr(error, "errno", 0) == errno.ENOSPC:
            raise
        raise reason from error


def faults(path: str) -> dict[str, Any]:
    """Of a database without a log beside it."""
    try:
        # Immutable: no lock file and no log appear beside what is checked.
        with opened(path, "mode=ro&immutable=1") as database:
            lines = [str(row[0])[:MOST_WORDS] for row in database.execute(f"PRAGMA integrity_check({MOST_FAULTS})")]
    except sqlite3.DatabaseError as error:
        if is_of_this_machine(error):
            raise
        lines = [str(error)]
    return {"faults": [] if lines == ["ok"] else lines[:MOST_FAULTS] or ["it says nothing"]}


def change(path: str, tables: list[str], columns: list[str], statement: str, values: list[Any]) -> dict[str, Any]:
    """In those of the named tables that are there; plain ones only, on which nothing else hangs.

    @param statement with {} for the table's name
    """
    changed = 0
    with opened(path, "mode=rw") as database:
        present = [name for name in tables if _is_plain_table(database, name, columns)]
        # What is deleted leaves nothing in its page, by which two copies would differ.
        database.execute("PRAGMA secure_delete=ON")
        if present:
            # In the database itself, with no log left beside it.
            mode = database.execute("PRAGMA journal_mode").fetchone()[0]
            database.execute("PRAGMA journal_mode=DELETE")
            for name in present:
                changed += database.execute(statement.format(name), values).rowcount
            database.commit()
            database.execute(f"PRAGMA journal_mode={'WAL' if mode == 'wal' else 'DELETE'}")
    return {"changed": changed}


def value(path: str, table: str, query: str) -> dict[str, Any]:
    """Of a plain table alone: a view would run what its maker wrote."""
    with opened(path, "mode=ro&immutable=1") as database:
        row = database.execute(query).fetchone() if _is_plain_table(database, table, []) else None
    found = row[0] if row else None
    return {"value": found[:MOST_WORDS] if isinstance(found, str) else None}


def fold(path: str) -> dict[str, Any]:
    """Moves all that SQLite reads in the write-ahead log beside a database into it: the number of pages there."""
    # Whoever closes the database last takes the log away.
    with opened(path, "mode=rw") as database:
        busy, read, moved = database.execute("PRAGMA wal_checkpoint").fetchone()
    if busy or moved != read:
        raise sqlite3.OperationalError(f"database is locked: {moved} of the {read} pages of its log were moved")
    return {"read": read}


def _copy(source: str, options: str, target: str) -> int:
    _remove(target)
    with opened(source, options) as live, opened(target, "mode=rwc") as staged:
        # A staged copy does not survive a power cut anyway.
        staged.execute("PRAGMA synchronous=OFF")
        # The read lock, or an error after BUSY_SECONDS: backup() alone waits for a locked database for ever.
        live.execute("BEGIN")
        live.execute("SELECT count(*) FROM sqlite_master").fetchone()
        live.backup(staged)
        return int(staged.execute("PRAGMA user_version").fetchone()[0])


def _copied(target: str, version: int, check: list[str] | None) -> dict[str, Any]:
    found = [] if check is None else faults(target)["faults"] or _attached(target, check)
    return {"version": version, "faults": found}


def _attached(path: str, tables: list[str]) -> list[str]:
    with opened(path, "mode=ro&immutable=1") as database:
        try:
            for name in tables:
                _is_plain_table(database, name, [])
        except sqlite3.DatabaseError as error:
            return [str(error)]
    return []


def _is_plain_table(database: sqlite3.Connection, name: str, columns: list[str]) -> bool:
    """@raises sqlite3.DatabaseError where something would run with a change of it"""
    query = "SELECT type, sql FROM sqlite_master WHERE tbl_name = ? COLLATE NOCASE"
    found = database.execute(query, (name,)).fetchall()
    hung = {str(kind) for kind, _ in found} - {"table", "index"}
    if hung:
        raise sqlite3.DatabaseError(f"{name} is, or has, a {' and a '.join(sorted(hung))}")
    for kind, sql in found:
        if kind == "table" and not re.match(r"CREATE TABLE\b", str(sql)):
            raise sqlite3.DatabaseError(f"{name} is not a plain table")
    present = {row[1] for row in database.execute(f"PRAGMA table_info({name})")}
    return bool(found) and present.issuperset(columns)


def _require(source: str, root: str, inode: list[int]) -> None:
    """@raises Replaced unless the path is that of the file that was found there"""
    try:
        status = os.lstat(source)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Replaced from error
    if [status.st_dev, status.st_ino] != inode or is_behind_link(source, Path(root)):
        raise Replaced


def _fingerprint(path: str) -> tuple[int, ...]:
    try:
        return file_copy.fingerprint(os.lstat(path))
    except FileNotFoundError:
        return ()


def _remove(*paths: str) -> None:
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


_REQUESTS = {one.__name__: one for one in (copy, recover, faults, change, value, fold)}
# Whose values are file names: each byte as one character, whatever either side's locale is.
_NAMES = ("source", "root", "target", "path")


def answer(request: bytes) -> dict[str, Any]:
    given = json.loads(request)
    given.update({name: os.fsdecode(given[name].encode("latin-1")) for name in _NAMES if name in given})
    try:
        return _REQUESTS[given.pop("what")](**given)
    except Replaced:
        return {"replaced": True}
    except (sqlite3.Error, OSError, MemoryError) as error:
        is_full = getattr(error, "errno", 0) in (errno.ENOSPC, errno.EDQUOT) or "disk is full" in str(error)
        passing = is_of_this_machine(error) or not isinstance(error, sqlite3.Error)
        return {"error": str(error)[:MOST_WORDS] or type(error).__name__, "passing": passing, "full": is_full}


def serve(connection: socket.socket) -> None:
    while True:
        request, _ = unprivileged.receive(connection)
        if not request:
            return
        unprivileged.send(connection, json.dumps(answer(request)).encode())
