"""A database in two files, as SQLite itself keeps one: as it was staged first, and beside it a write-ahead log of the
pages that differ by now.

Where rows all over a database change, a store of blocks (restic's are half a MiB and more) sends nearly all of it
again; of the log it sends the new end. Any SQLite reads the pair as one database, without a program of ours.
https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from openclaw.state.databases.sqlite import Databases, Unreadable, is_database
from openclaw.state.openclaw_data.layout import is_openclaw_database
from openclaw.system import file_copy, files, journal
from openclaw.system.errors import Damaged, StateError
from openclaw.system.links import is_behind_link

SUFFIX = "-wal"
# Beside the roots: which databases of a tree have a log of ours, and its bytes. Any other file with such a name is
# somebody's own.
LIST = "page-logs.json"
# Of a file's name, on every file system that a machine of ours has.
_MOST_NAME_BYTES = 255
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
    pages have another size, or too many of them differ; or its name leaves no room for the log's.
    """
    if len(os.fsencode(log_of(database).name)) > _MOST_NAME_BYTES:
        return False
    with open(database, "rb") as base, open(now, "rb") as fresh:
        size = _logged_page_size(fresh)
        log = log_of(database)
        if not size or size != _logged_page_size(base) or (os.path.lexists(log) and not _is_ours(log)):
            return False
        with open(log, "a+b") as stream:
            fits = _Log(stream, base, size).append(fresh)
        if not log.stat().st_size:
            log.unlink()
        return fits


def is_same(database: Path, now: Path) -> bool:
    """Whether the database, with its log where it has one, holds what `now` holds."""
    log = log_of(database)
    with open(database, "rb") as base, open(now, "rb") as fresh:
        size = _logged_page_size(fresh)
        if not size or size != _logged_page_size(base) or (os.path.lexists(log) and not _is_ours(log)):
            return False
        with contextlib.ExitStack() as stack:
            logged = stack.enter_context(open(log, "rb")) if os.path.lexists(log) else None
            pair = _Log(logged, base, size) if logged else None
            fresh.seek(0)
            # The first page says how many there are.
            for number in range(1, os.fstat(fresh.fileno()).st_size // size + 1):
                staged = pair.page(number) if pair else os.pread(base.fileno(), size, (number - 1) * size)
                if staged != fresh.read(size):
                    return False
    return True


def used_bytes(database: Path) -> int:
    """Of the pages that hold something, its log included. https://www.sqlite.org/fileformat2.html#the_database_header"""
    with open(database, "rb") as base:
        first, log = base.read(100), log_of(database)
        if _is_ours(log):
            with open(log, "rb") as stream:
                first = _Log(stream, base, _logged_page_size(base)).page(1)[:100]
        if len(first) < 100:
            return 0
        (size,) = struct.unpack_from(">H", first, 16)
        (count,), (free,) = struct.unpack_from(">I", first, 28), struct.unpack_from(">I", first, 36)
        used: int = max(0, count - free) * (65536 if size == 1 else size)
        return used


def write_list(tree: Path, databases: Iterable[str]) -> None:
    """Notes which of these databases, by their paths below the tree, have a log; all other logs are somebody's own."""
    logs = {path: log_of(tree / path) for path in databases}
    sizes = {path: log.lstat().st_size for path, log in logs.items() if _is_ours(log)}
    text = json.dumps(sizes, sort_keys=True, indent=0)
    # A file that is written again would be sent again.
    if not (tree / LIST).exists() or (tree / LIST).read_text() != text:
        (tree / LIST).write_text(text)


def fold(tree: Path, databases: Databases) -> None:
    """Makes each pair in a restored tree one file again. What no backup of ours wrote stays as it is.

    @raises Damaged where SQLite does not read all of the log of one of OpenClaw's own databases; a broken pair of
        anybody else's stays as it is, and is said
    @raises StateError where this machine cannot do it now: its disk is full, say
    """
    for path, size in list(_logs(tree)):
        try:
            _fold(tree, path, size, databases)
        except (Unreadable, OSError) as error:
            if isinstance(error, OSError) or error.passing:
                raise StateError(f"{tree / path}: its log cannot be read now: {error}") from error
            _give_up(path, f"its log cannot be read: {error}")
    files.remove_tree(_scratch(tree))


def _give_up(path: str, fault: str) -> None:
    if is_openclaw_database(path):
        raise Damaged(f"{path}: {fault}")
    journal.say(f"{json.dumps(path)}: {fault}; both files stay as they were saved")


def _logs(tree: Path) -> Iterator[tuple[str, int | None]]:
    """Databases with a log, and its bytes where they are known. @raises Damaged for a list that is none"""
    if not os.path.lexists(tree / LIST):
        # Saved before there was a list: the log's own header tells. Found all before the first is folded.
        for log in [Path(path) for path, _ in files.walk(tree) if path.endswith(SUFFIX)]:
            if _is_ours(log) and is_database(str(log)[: -len(SUFFIX)]):
                yield str(log.relative_to(tree))[: -len(SUFFIX)], None
        return
    for path, size in _listed(tree / LIST).items():
        database = tree / path
        # Of a restore of a part, the others are absent.
        if os.path.lexists(database) or os.path.lexists(log_of(database)):
            yield path, size
    (tree / LIST).unlink()


def _listed(path: Path) -> dict[str, int]:
    value: Any = None
    if stat.S_ISREG(path.lstat().st_mode):
        try:
            value = json.loads(path.read_text())
        except ValueError as error:
            raise Damaged(f"{LIST} cannot be read: {error}") from error
    if not isinstance(value, dict) or not all(type(size) is int and size >= 0 for size in value.values()):
        raise Damaged(f"{LIST} must hold the bytes of each log by its database's path, got {str(value)[:200]!r}")
    for name in value:
        if any(part in ("", ".", "..") for part in name.split("/")):
            raise Damaged(f"{LIST} names {name!r}, which is not a path below the data directory")
    return value


def _fold(tree: Path, path: str, size: int | None, databases: Databases) -> None:
    """@raises Unreadable, OSError"""
    database = tree / path
    log = log_of(database)
    if is_behind_link(database, tree) or not (is_database(database) and _is_ours(log)):
        _give_up(path, "the backup wrote a log beside it, and they are not both here")
        return
    times, directory = log.stat(), database.parent.stat()
    if size not in (None, times.st_size):
        _give_up(path, f"its log has {times.st_size} bytes, and {size} when it was saved")
        return
    pair = (database, log) if is_openclaw_database(path) else _copies(tree, database, log)
    frames = _frames(*pair)
    read = databases.fold(*pair)
    if read != frames:
        _give_up(path, f"SQLite reads {read} pages of its log, which holds {frames:g}")
        return
    # The log has the time of the newer one.
    os.utime(pair[0], ns=(times.st_mtime_ns, times.st_mtime_ns))
    os.replace(pair[0], database)
    log.unlink()
    os.utime(database.parent, ns=(directory.st_mtime_ns, directory.st_mtime_ns))


def _frames(database: Path, log: Path) -> float:
    with open(database, "rb") as base:
        return (log.stat().st_size - _HEADER.size) / (_FRAME.size + _logged_page_size(base))


def _copies(tree: Path, database: Path, log: Path) -> tuple[Path, Path]:
    """What is not OpenClaw's own stays as it was if SQLite cannot make one of the two."""
    scratch = _scratch(tree)
    files.remove_tree(scratch)
    scratch.mkdir(mode=0o700)
    copy = scratch / "database"
    _copy(database, copy)
    _copy(log, log_of(copy))
    return copy, log_of(copy)


def _copy(source: Path, target: Path) -> None:
    status = file_copy.copy_file(source, target)
    os.chown(target, status.st_uid, status.st_gid)
    os.chmod(target, stat.S_IMODE(status.st_mode))


def _scratch(tree: Path) -> Path:
    return tree / ".folding"


def _is_ours(log: Path) -> bool:
    """Whether the file begins as only our logs do: SQLite draws the salts of its own at random."""
    try:
        fd = os.open(log, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    with open(fd, "rb") as stream:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return False
        header = stream.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return False
    magic, version, size, checkpoints, *salts, first, second = _HEADER.unpack(header)
    known = (magic, version, checkpoints, *salts) == (_MAGIC, _FORMAT, _CHECKPOINTS, *_SALTS)
    return known and (first, second) == _header_sum(size)


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
            if fresh.read(self._page_size) != self.page(number):
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

    def page(self, number: int) -> bytes:
        at = self._pages.get(number)
        if at is not None:
            return os.pread(self._stream.fileno(), self._page_size, at)
        return os.pread(self._base.fileno(), self._page_size, (number - 1) * self._page_size)

    def _write(self, number: int, count: int, page: bytes) -> None:
        if not self._frames:
            self._checksum = _header_sum(self._page_size)
            self._stream.write(_HEADER.pack(*_header(self._page_size), *self._checksum))
        self._checksum = _sum(struct.pack(">2I", number, count) + page, self._checksum)
        self._stream.write(_FRAME.pack(number, count, *_SALTS, *self._checksum) + page)
        self._frames += 1


def _header(page_size: int) -> tuple[int, ...]:
    return _MAGIC, _FORMAT, page_size, _CHECKPOINTS, *_SALTS


def _header_sum(page_size: int) -> tuple[int, int]:
    return _sum(struct.pack(">6I", *_header(page_size)), (0, 0))


def _sum(data: bytes, checksum: tuple[int, int]) -> tuple[int, int]:
    first, second = checksum
    for even, odd in struct.iter_unpack("<2I", data):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second


def _logged_page_size(database: BinaryIO) -> int:
    """0 if the database's journal is not a write-ahead log."""
    database.seek(0)
    header = database.read(20)
    size, written_by, read_by = struct.unpack(">H2B", header[16:20]) if len(header) == 20 else (0, 0, 0)
    if (written_by, read_by) != (2, 2):
        return 0
    return 65536 if size == 1 else size
