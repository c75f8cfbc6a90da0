"""Room on the disk for the staged copy. A full disk costs what is too large for it, and the rest still has some.

A reserve is kept from the start, and let go when the first copy finds no room: half of it is for smaller copies, half
for what is not a copy of a file, the index and restic's cache.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from openclaw.system import files
from openclaw.system.status import AnyStatus

RESERVE_BYTES = 16 << 20


class Room:
    def __init__(self, home: Path):
        self._home, self._reserve = home, home / "reserve"
        self._size, self._is_full = 0, False

    def keep_reserve(self) -> None:
        """Of a disk that is nearly full, half of what there is."""
        self._size = min(RESERVE_BYTES, shutil.disk_usage(self._home).free // 2)
        if self._size:
            with open(self._reserve, "wb") as stream:
                os.posix_fallocate(stream.fileno(), 0, self._size)

    def release(self) -> None:
        files.remove(self._reserve)

    def note_full(self) -> bool:
        """Whether that is news: with the reserve let go, the copy may fit."""
        was_full, self._is_full = self._is_full, True
        self.release()
        return not was_full

    def require(self, status: AnyStatus) -> None:
        """@raises OSError where a copy would take what is kept; before the disk was full, the copy itself tells"""
        if self._is_full:
            files.require_room(status.st_size + self._size // 2, self._home)


def is_full(error: Exception) -> bool:
    """Whether the disk had no room for it."""
    return getattr(error, "errno", 0) in (errno.ENOSPC, errno.EDQUOT) or "disk is full" in str(error)
