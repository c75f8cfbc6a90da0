"""What reads the mounts: a process with the rights of those who write there, and no others.

It goes by directory descriptors, through no link, and opens regular files alone. Each request is one packet, and so is
each answer: WALK begins again, NEXT asks for the next entries, OPEN for some of those as descriptors, LOOK for one file
by its path with what SQLite keeps beside it. What it answers is only what the kernel told it: mounts.py, which is root,
believes no more than that.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
import struct
from collections.abc import Iterator

from openclaw.state.openclaw_data import exclusions
from openclaw.system import unprivileged

ROOTS, WALK, NEXT, OPEN, LOOK = b"R", b"W", b"N", b"O", b"L"
# Mode, owner, group, links, device, inode, bytes, times of content and change in ns.
ENTRY = struct.Struct("<4I3Q2q")
COUNTS, INDEX, ERROR = struct.Struct("<2I"), struct.Struct("<I"), struct.Struct("<i")
SIDECARS = (b"-wal", b"-journal", b"-shm")
# Of one answer: together less than a packet.
MOST_ENTRIES, MOST_NAME_BYTES = 400, 24_000
# What this machine can store under and restore to: the kernel takes 4,096 bytes, and its own directories come before.
MOST_PATH_BYTES = 3_800
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Gone, or something else by now: no failure, for the next look finds it as it is.
_CHANGED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class Directory:
    """Open for as long as something refers to it."""

    def __init__(self, descriptor: int):
        self.descriptor = descriptor

    def __del__(self) -> None:
        os.close(self.descriptor)


# Path, its directory and its name there, status, and where a link leads to.
Entry = tuple[bytes, Directory, bytes, os.stat_result, bytes]
Fault = tuple[bytes, bytes]


class Walk:
    """Directories before what they hold. No recursion: how deep a tree is decides whoever makes it."""

    def __init__(self, roots: dict[bytes, Directory]):
        self._roots = roots
        self._pending = list(reversed(roots))
        # The directories from a root to the current one.
        self._chain: list[tuple[bytes, Directory]] = []

    def items(self) -> Iterator[Entry | Fault]:
        for name, root in self._roots.items():
            yield name, root, b".", os.fstat(root.descriptor), b""
        while self._pending:
            path = self._pending.pop()
            try:
                directory = self._open(path)
            except OSError as error:
                if error.errno not in _CHANGED:
                    yield path, _words(error)
                continue
            yield from self._directory(path, directory)

    def _open(self, path: bytes) -> Directory:
        root, *names = path.split(b"/")
        wanted = [root, *names]
        same = 0
        while same < min(len(wanted), len(self._chain)) and self._chain[same][0] == wanted[same]:
            same += 1
        del self._chain[same:]
        if not self._chain:
            self._chain.append((root, self._roots[root]))
        for name in wanted[len(self._chain) :]:
            above = self._chain[-1][1]
            self._chain.append((name, Directory(os.open(name, _DIRECTORY, dir_fd=above.descriptor))))
        return self._chain[-1][1]

    def _directory(self, path: bytes, directory: Directory) -> Iterator[Entry | Fault]:
        below = []
        try:
            with os.scandir(directory.descriptor) as entries:
                for entry in entries:
                    name = os.fsencode(entry.name)
                    inside = b"%s/%s" % (path, name)
                    if exclusions.is_excluded(os.fsdecode(inside)):
                        continue
                    if len(inside) > MOST_PATH_BYTES:
                        yield inside[:MOST_PATH_BYTES], b"the path is longer than %d bytes" % MOST_PATH_BYTES
                        continue
                    try:
                        status = entry.stat(follow_symlinks=False)
                        is_link = stat.S_ISLNK(status.st_mode)
                        leads_to = os.readlink(name, dir_fd=directory.descriptor) if is_link else b""
                    except OSError as error:
                        # EINVAL: what was a link is none any more.
                        if error.errno not in (*_CHANGED, errno.EINVAL):
                            yield inside, _words(error)
                        continue
                    yield inside, directory, name, status, leads_to
                    if stat.S_ISDIR(status.st_mode):
                        below.append(inside)
        except OSError as error:
            yield path, _words(error)
        self._pending.extend(reversed(below))


class Reader:
    def __init__(self, roots: dict[bytes, Directory]):
        self._roots = roots
        self._items: Iterator[Entry | Fault] = iter(())
        # What was answered last, and the answer after it: read while the other side works.
        self._entries: list[Entry] = []
        self._ahead: tuple[list[Entry], list[Fault]] = ([], [])

    def answer(self, request: bytes) -> tuple[bytes, list[int]]:
        kind, rest = request[:1], request[1:]
        if kind == OPEN:
            return self._open([number for (number,) in INDEX.iter_unpack(rest)])
        if kind == LOOK:
            return self._look(rest)
        if kind == WALK:
            self._items = Walk(self._roots).items()
            self.read_ahead()
        self._entries, faults = self._ahead
        return _packed(self._entries, faults), []

    def read_ahead(self) -> None:
        entries: list[Entry] = []
        faults: list[Fault] = []
        size = 0
        while len(entries) + len(faults) < MOST_ENTRIES and size < MOST_NAME_BYTES:
            item = next(self._items, None)
            if item is None:
                break
            if len(item) == 2:
                faults.append(item)
            else:
                entries.append(item)
            size += len(item[0]) + len(item[-1])
        self._ahead = entries, faults

    def _open(self, numbers: list[int]) -> tuple[bytes, list[int]]:
        """An error number for each, 0 for those whose descriptor comes along."""
        results, opened = [], []
        for number in numbers:
            _, directory, name, _, _ = self._entries[number]
            try:
                opened.append(_open_file(name, directory.descriptor))
                results.append(0)
            except OSError as error:
                results.append(error.errno or errno.EIO)
        return b"".join(map(ERROR.pack, results)), opened

    def _look(self, path: bytes) -> tuple[bytes, list[int]]:
        root, *above, name = path.split(b"/")
        directory = self._roots[root]
        try:
            for one in above:
                directory = Directory(os.open(one, _DIRECTORY, dir_fd=directory.descriptor))
            beside = [_beside(name + suffix, directory) for suffix in SIDECARS]
            opened = _open_file(name, directory.descriptor)
        except OSError as error:
            return ERROR.pack(error.errno), []
        return ERROR.pack(0) + b"".join(beside), [opened]


def serve(connection: socket.socket) -> None:
    names, descriptors = unprivileged.receive(connection)
    roots = dict(zip(names[len(ROOTS) :].split(b"\0"), map(Directory, descriptors)))
    unprivileged.send(connection, ROOTS)
    reader = Reader(roots)
    while True:
        request, _ = unprivileged.receive(connection)
        if not request:
            return
        answer, opened = reader.answer(request)
        unprivileged.send(connection, answer, opened)
        unprivileged.close_all(opened)
        if request[:1] in (WALK, NEXT):
            reader.read_ahead()


def _open_file(name: bytes, directory: int) -> int:
    descriptor = os.open(name, _FILE, dir_fd=directory)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.ENOENT, "no regular file any more")


def _beside(name: bytes, directory: Directory) -> bytes:
    """Zeros where there is none, or the name is longer than one can be."""
    try:
        return _packed_status(os.stat(name, dir_fd=directory.descriptor, follow_symlinks=False))
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENAMETOOLONG):
            raise
        return bytes(ENTRY.size)


def _packed_status(status: os.stat_result) -> bytes:
    return ENTRY.pack(
        status.st_mode,
        status.st_uid,
        status.st_gid,
        status.st_nlink,
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _packed(entries: list[Entry], faults: list[Fault]) -> bytes:
    """Numbers, then texts: the paths, where each link leads to, path and reason of each fault."""
    texts = [entry[0] for entry in entries]
    texts += [entry[4] for entry in entries if stat.S_ISLNK(entry[3].st_mode)]
    texts += [text for fault in faults for text in fault]
    numbers = b"".join(_packed_status(entry[3]) for entry in entries)
    return COUNTS.pack(len(entries), len(faults)) + numbers + b"\0".join(texts)


def _words(error: OSError) -> bytes:
    return (error.strerror or str(error)).encode()
