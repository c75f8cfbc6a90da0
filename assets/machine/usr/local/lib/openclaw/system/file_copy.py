"""Copies of single files that are whole: of one moment, or none."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from pathlib import Path

from openclaw.system.status import AnyStatus

FICLONE = 0x40049409
ATTEMPTS = 6
# Change times have the kernel's tick as their grain: a younger one could hide a second write.
GRAIN_NS = 20_000_000
CHUNK = 8 << 20


class Changing(Exception):
    """The file was written during every attempt."""


def fingerprint(status: AnyStatus) -> tuple[int, int, int, int]:
    """What changes whenever a file's content does."""
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def stored_bytes(status: os.stat_result) -> int:
    """Of a file's content: its holes take no space, and to lose them is not a loss."""
    return min(status.st_size, status.st_blocks * 512)


def copy_file(source: str | Path, target: Path) -> os.stat_result:
    """As copy_open does, by path. @raises Changing, OSError where it is not a regular file"""
    fd = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(source))
        return copy_open(fd, target)
    finally:
        os.close(fd)


def copy_open(fd: int, target: Path) -> os.stat_result:
    """Copies a regular file that is open for reading; returns its status as of the copy.

    @raises Changing after several attempts
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(0.02 * 2**attempt)
        before = _settled(fd)
        _copy_content(fd, before.st_size, target)
        after = os.fstat(fd)
        if fingerprint(after) == fingerprint(before):
            return before
        if attempt == ATTEMPTS - 1 and after.st_size > before.st_size and _is_prefix(target, fd):
            # A log: what it held at that moment.
            return before
    raise Changing(str(target))


def _is_prefix(copy: Path, fd: int) -> bool:
    """Whether the file, read once more, still begins with what was copied."""
    os.lseek(fd, 0, os.SEEK_SET)
    with open(copy, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            if os.read(fd, len(block)) != block:
                return False
    return True


def _settled(fd: int) -> os.stat_result:
    status = os.fstat(fd)
    if abs(time.time_ns() - status.st_ctime_ns) < GRAIN_NS:
        time.sleep(GRAIN_NS / 1e9)
        status = os.fstat(fd)
    return status


def _copy_content(source: int, size: int, target: Path) -> None:
    fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            # Where the file system shares blocks (XFS does), the copy costs no space; a later write parts the two.
            fcntl.ioctl(fd, FICLONE, source)
        except OSError as error:
            if error.errno not in (
                errno.EOPNOTSUPP,
                errno.ENOTTY,
                errno.EINVAL,
                errno.EXDEV,
                errno.EPERM,
                errno.ENOSYS,
            ):
                raise
            _copy_bytes(source, fd, size)
    finally:
        os.close(fd)


def _copy_bytes(source: int, target: int, size: int) -> None:
    """What there is; where the source has holes, the copy has them too."""
    os.ftruncate(target, size)
    at = 0
    while at < size:
        try:
            at = os.lseek(source, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return
        end = min(os.lseek(source, at, os.SEEK_HOLE), size)
        while at < end:
            count = _copy_range(source, target, at, min(end - at, CHUNK))
            if count == 0:
                return
            at += count


def _copy_range(source: int, target: int, at: int, count: int) -> int:
    try:
        return os.copy_file_range(source, target, count, at, at)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM):
            raise
        return os.pwrite(target, os.pread(source, count, at), at)
