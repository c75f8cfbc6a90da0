"""A connection to a database that others may have made, which files are one, and what SQLite keeps beside it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

HEADER = b"SQLite format 3\x00"
BUSY_SECONDS = 5
# Of a database, beside it.
SIDECARS = ("-wal", "-shm", "-journal")


def is_database(path: str | Path) -> bool:
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return has_header(fd)
        finally:
            os.close(fd)
    return False


def has_header(fd: int) -> bool:
    """@param fd of a file that is open for reading"""
    return os.pread(fd, len(HEADER), 0) == HEADER


@contextlib.contextmanager
def opened(path: str | Path, options: str) -> Iterator[sqlite3.Connection]:
    # Every byte of the path: a file name need not be UTF-8, and may hold what a URI has a meaning for.
    name = "".join(f"%{byte:02x}" for byte in os.fsencode(path))
    connection = sqlite3.connect(f"file:{name}?{options}", uri=True, timeout=BUSY_SECONDS)
    try:
        if sys.version_info >= (3, 12):
            connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE)
        # No function with side effects runs because a schema says so; a page's cells are looked at before their use.
        for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "mmap_size=0"):
            connection.execute(f"PRAGMA {pragma}").close()
        yield connection
    finally:
        connection.close()
