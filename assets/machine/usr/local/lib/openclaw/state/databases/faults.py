"""Whether the cause of SQLite's error is the database or the machine that reads it."""

from __future__ import annotations

import sqlite3

# SQLite's words for the result codes FULL, IOERR, CANTOPEN, BUSY, LOCKED, NOMEM, READONLY, PERM, AUTH, NOLFS, PROTOCOL
# and INTERRUPT (sqlite3ErrStr in https://www.sqlite.org/src/file/src/main.c). Python tells the codes since 3.11.
_OF_THE_MACHINE = (
    "disk is full",
    "disk I/O error",
    "unable to open database file",
    "is locked",
    "out of memory",
    "readonly database",
    "access permission denied",
    "not authorized",
    "large file support is disabled",
    "locking protocol",
    "interrupted",
)


def is_of_this_machine(error: BaseException) -> bool:
    """True for what another try, or another machine, may not meet: it says nothing about the database.

    @param error raised by sqlite3
    """
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, sqlite3.OperationalError) and any(word in str(error) for word in _OF_THE_MACHINE)
