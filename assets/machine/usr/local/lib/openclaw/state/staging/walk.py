"""What a backup takes in: all of the roots but what is left out."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from openclaw.state.openclaw_data import exclusions


def walk(roots: Mapping[str, Path]) -> Iterator[tuple[str, str, os.stat_result]]:
    """Path below the data directory, source and status; directories before what they hold, through no link."""
    for name, root in roots.items():
        yield name, str(root), root.lstat()
        yield from _directory(name, str(root))


def _directory(relative: str, directory: str) -> Iterator[tuple[str, str, os.stat_result]]:
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise
        return
    subdirectories = []
    try:
        with os.scandir(fd) as entries:
            for entry in entries:
                path = f"{relative}/{entry.name}"
                if exclusions.is_excluded(path):
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                yield path, f"{directory}/{entry.name}", status
                if stat.S_ISDIR(status.st_mode):
                    subdirectories.append(entry.name)
    finally:
        os.close(fd)
    for name in subdirectories:
        yield from _directory(f"{relative}/{name}", f"{directory}/{name}")
