"""A database in two files, as SQLite itself keeps one: as it was staged first, and beside it a write-ahead log of the
pages that differ by now.

Where rows all over a database change, a store of blocks (restic's are half a MiB and more) sends nearly all of it
again; of the log it sends the new end. Any SQLite reads the pair as one database, without a program of ours.
https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

from __future__ import annotations

import os
import sqlite3
import struct
from pathlib import Path
from typing import BinaryIO

from openclaw.state.databases import sqlite
from openclaw.system.errors import Damaged

SUFFIX = "-wal"
# What costs less than the database stored anew, as parts of its pages: the log to store and to restore, and what one
# transaction adds to compute (its checksums take 0.1 ms a page).
MOST_PART, MOST_AT_ONCE = 0.5, 0.25

# The words of the checksums are little-endian, all else is big-endian; the salts are any that all frames share.
_MAGIC, _FORMAT, _CHECKPOINTS, _SALTS = 0x377F0682, 3007000, 0, (0, 0)
_HEADER, _FRAME = struct.Struct(">8I"), struct.Struct(">6I")


def log_of(database: Path) -> Path:
    return database.with_name(database.name + SUFFIX)


def append(database: Path, now: Path) -> bool:
    """Adds to the log, as one transaction, what makes the pair equal to `now`, a copy that nobody writes to.

    False, and nothing is changed, where `now` has to be stored anew: it has no write-ahead log as its journal, its
    pages have another size, or too many of them differ.
    """
    with open(database, "rb") as base, open(now, "rb") as fresh:
        size = _logged_page_size(fresh)
        if not size or size != _logged_page_size(base):
            return False
        log = log_of(database)
        with open(log, "a+b") as stream:
            fits = _Log(stream, base, size).append(fresh)
        if not log.stat().st_size:
            log.unlink()
        return fits


def fold(tree: Path) -> None:
    """Makes each pair in a restored tree one file again. @raises Damaged where SQLite does not read all of a log"""
    for directory, _, names in os.walk(tree):
        for name in names:
            log, database = Path(directory, name), Path(directory, name[: -len(SUFFIX)])
            if name.endswith(SUFFIX) and not log.is_symlink() and sqlite.is_database(database):
                _fold(database)


def _fold(database: Path) -> None:
    log, directory = log_of(database).stat(), database.parent.stat()
    with open(database, "rb") as base:
        frames = (log.st_size - _HEADER.size) / (_FRAME.size + _logged_page_size(base))
    try:
        # Whoever closes the database last takes the log away, with all of it in the database.
        with sqlite.opened(database, "mode=rw") as connection:
            _, read, moved = connection.execute("PRAGMA wal_checkpoint").fetchone()
    except sqlite3.Error as error:
        raise Damaged(f"{database}: its log cannot be read: {error}") from error
    if not read == moved == frames:
        raise Damaged(f"{database}: SQLite reads {read} pages of its log, which holds {frames:g}")
    # The log has the time of the newer one.
    for path, times in ((database, log), (database.parent, directory)):
        os.utime(path, ns=(times.st_mtime_ns, times.st_mtime_ns))


class _Log:
    def __init__(self, stream: BinaryIO, base: BinaryIO, page_size: int):
        self._stream, self._base, self._page_size = stream, base, page_size
        # Where the newest of each page begins.
        self._pages: dict[int, int] = {}
        self._frames, self._checksum = 0, (0, 0)
        self._read_frames()

    def append(self, fresh: BinaryIO) -> bool:
        count = os.fstat(fresh.fileno()).st_size // self._page_size
        most = min(int(count * MOST_PART) - self._frames, int(count * MOST_AT_ONCE))
        changed = []
        fresh.seek(0)
        for number in range(1, count + 1):
            if fresh.read(self._page_size) != self._page(number):
                changed.append(number)
                if len(changed) > most:
                    return False
        for number in changed:
            fresh.seek((number - 1) * self._page_size)
            # The last frame of a transaction says how many pages there are.
            self._write(number, count if number == changed[-1] else 0, fresh.read(self._page_size))
        return True

    def _read_frames(self) -> None:
        end, step = os.fstat(self._stream.fileno()).st_size, _FRAME.size + self._page_size
        for at in range(_HEADER.size, end, step):
            number, _, _, _, *checksum = _FRAME.unpack(os.pread(self._stream.fileno(), _FRAME.size, at))
            self._pages[number] = at + _FRAME.size
            self._frames, self._checksum = self._frames + 1, tuple(checksum)

    def _page(self, number: int) -> bytes:
        at = self._pages.get(number)
        if at is not None:
            return os.pread(self._stream.fileno(), self._page_size, at)
        return os.pread(self._base.fileno(), self._page_size, (number - 1) * self._page_size)

    def _write(self, number: int, count: int, page: bytes) -> None:
        if not self._frames:
            fields = (_MAGIC, _FORMAT, self._page_size, _CHECKPOINTS, *_SALTS)
            self._checksum = _sum(struct.pack(">6I", *fields), self._checksum)
            self._stream.write(_HEADER.pack(*fields, *self._checksum))
        self._checksum = _sum(struct.pack(">2I", number, count) + page, self._checksum)
        self._stream.write(_FRAME.pack(number, count, *_SALTS, *self._checksum) + page)
        self._frames += 1


def _sum(data: bytes, checksum: tuple[int, int]) -> tuple[int, int]:
    first, second = checksum
    for even, odd in struct.iter_unpack("<2I", data):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second


def _logged_page_size(database: BinaryIO) -> int:
    """0 for a database whose journal is no write-ahead log."""
    database.seek(0)
    header = database.read(20)
    size, written_by, read_by = struct.unpack(">H2B", header[16:20]) if len(header) == 20 else (0, 0, 0)
    if (written_by, read_by) != (2, 2):
        return 0
    return 65536 if size == 1 else size
