"""The staged copy as a tree of files: what is put into it, shared within it and dropped from it.

Every path is relative to it. A killed run, or a person, may have left anything where something is put.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from openclaw.state.databases import page_log
from openclaw.state.staging.index import Index
from openclaw.system import files
from openclaw.system.links import is_behind_link
from openclaw.system.status import AnyStatus


class StagedTree:
    def __init__(self, home: Path):
        self.root = home / "tree"
        # What is on its way in; the same file system.
        self.new = home / "new"
        self._made: set[str] = set()
        # The first name of each file with several.
        self._names: dict[tuple[int, int], str] = {}

    def begin_walk(self) -> None:
        self._made.clear()
        self._names.clear()

    def clear_new(self) -> Path:
        """Where to make what place() then puts in."""
        files.remove_tree(self.new)
        return self.new

    def place(self, path: str, status: AnyStatus) -> None:
        """Puts what was made into its place, with the source's owner, mode and time."""
        self._make_parents(path)
        _give(self.new, status)
        os.utime(self.new, ns=(status.st_mtime_ns, status.st_mtime_ns), follow_symlinks=False)
        _replace(self.new, self.root / path)

    def holds(self, path: str, status: AnyStatus) -> bool:
        """Whether what was made is what is in this database's place already, owner and mode with it. Its time, which a
        checkpoint of the log changes, is then that of the source."""
        database = self.root / path
        if not files.is_regular(database) or not page_log.is_same(database, self.new):
            return False
        log = page_log.log_of(database)
        newest = log if os.path.lexists(log) else database
        now = newest.lstat()
        if (now.st_mode, now.st_uid, now.st_gid) != (status.st_mode, status.st_uid, status.st_gid):
            return False
        os.utime(newest, ns=(status.st_mtime_ns, status.st_mtime_ns), follow_symlinks=False)
        return True

    def log(self, path: str, status: AnyStatus) -> bool:
        """Logs what was made beside the database that is in its place; False where it has to take that place."""
        self._make_parents(path)
        database = self.root / path
        log = page_log.log_of(database)
        if os.path.lexists(log) and not files.is_regular(log):
            # What somebody had there before there was a database: a link, through which the log would be written.
            files.remove_tree(log)
        if not files.is_regular(database) or not page_log.append(database, self.new):
            return False
        newest = log if os.path.lexists(log) else database
        for one in {database, newest}:
            _give(one, status)
        os.utime(newest, ns=(status.st_mtime_ns, status.st_mtime_ns), follow_symlinks=False)
        self.new.unlink()
        return True

    def remove(self, path: str) -> None:
        files.remove_tree(self.root / path)

    def make_directory(self, path: str, status: AnyStatus) -> None:
        target = self.root / path
        if os.path.lexists(target) and not files.is_directory(target):
            target.unlink()
        target.mkdir(mode=0o700, exist_ok=True)
        os.chown(target, status.st_uid, status.st_gid)
        os.chmod(target, stat.S_IMODE(status.st_mode))

    def is_first_name(self, path: str, status: AnyStatus) -> bool:
        """Of a file with several; the first one asked for."""
        return self._first_name(path, status) == path

    def share(self, path: str, status: AnyStatus) -> bool:
        """Makes path a hard link of the first staged name of the same file."""
        original, target = self.root / self._first_name(path, status), self.root / path
        try:
            if not os.path.lexists(target) or not os.path.samestat(target.lstat(), original.lstat()):
                self._make_parents(path)
                os.link(original, self.clear_new(), follow_symlinks=False)
                _replace(self.new, target)
        except FileNotFoundError:
            return False
        return True

    def drop_unseen(self, index: Index) -> None:
        """What the walk did not meet is gone."""
        index.keep_logs()
        for path, kind in index.unseen():
            target = self.root / path
            if is_behind_link(target, self.root):
                # The directory it was in went as a whole; behind the link in its place there are others' files.
                continue
            if (kind == "directory") == files.is_directory(target):
                files.remove_tree(target)
        index.forget_unseen()

    def set_directory_times(self, index: Index) -> None:
        """At the end: each file that comes in changes its directory's."""
        for entry in index.entries():
            if entry.kind == "directory":
                with contextlib.suppress(FileNotFoundError):
                    changed = int(entry.fingerprint.partition(":")[0])
                    os.utime(self.root / entry.path, ns=(changed, changed), follow_symlinks=False)

    def _first_name(self, path: str, status: AnyStatus) -> str:
        return self._names.setdefault((status.st_dev, status.st_ino), path)

    def _make_parents(self, path: str) -> None:
        """Known databases come before the walk that stages their directories. Through a link, what is written here
        would go to others' files."""
        relative = os.path.dirname(path)
        if relative in self._made:
            return
        parent = self.root
        for name in relative.split("/"):
            parent = parent / name
            if os.path.lexists(parent) and not files.is_directory(parent):
                parent.unlink()
            parent.mkdir(mode=0o700, exist_ok=True)
        self._made.add(relative)


def _give(path: Path, status: AnyStatus) -> None:
    """Owner and mode, where they differ: a file that is touched counts as changed."""
    now = path.lstat()
    if (now.st_uid, now.st_gid) != (status.st_uid, status.st_gid):
        os.chown(path, status.st_uid, status.st_gid, follow_symlinks=False)
        # It takes a set-user-ID bit away.
        now = path.lstat()
    if not stat.S_ISLNK(now.st_mode) and now.st_mode != status.st_mode:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.fchmod(fd, stat.S_IMODE(status.st_mode))
        finally:
            os.close(fd)


def _replace(new: Path, target: Path) -> None:
    if files.is_directory(target):
        files.remove_tree(target)
    os.replace(new, target)
