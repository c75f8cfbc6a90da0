"""SQLite databases, copied while in use, checked and changed, by a process without rights that has a deadline."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from openclaw.state.databases.connection import SIDECARS, has_header, is_database, opened
from openclaw.state.openclaw_data.layout import OWNER
from openclaw.system import files, unprivileged
from openclaw.system.errors import StateError

__all__ = ["SIDECARS", "Databases", "Unreadable", "has_header", "is_database", "opened"]

# What SQLite takes at most: longer for a large database on a busy machine, and never for ever.
DEADLINE_SECONDS, BYTES_PER_SECOND = 20.0, 4 << 20


class Unreadable(Exception):
    """SQLite does not read it, or not now."""

    def __init__(self, reason: str, passing: bool):
        """@param passing whether another moment may change that"""
        super().__init__(reason)
        self.passing = passing


class Databases:
    """Its directory is the process's own, and no container's: only there can it write."""

    def __init__(self, var: Path):
        self.home = var / "databases"
        self._user = unprivileged_user()
        self._process = unprivileged.Process("openclaw.state.databases.worker", OWNER)

    def __enter__(self) -> Databases:
        files.remove_tree(self.home)
        self.home.mkdir(mode=0o700, parents=True)
        # The way to it; what else lies there stays closed by its own modes.
        self.home.parent.chmod(0o711)
        os.chown(self.home, self._user, -1)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.close()
        files.remove_tree(self.home)

    def copy(
        self, source: str, root: Path, status: os.stat_result, target: Path, check: Sequence[str] | None = None
    ) -> tuple[int, list[str]]:
        """A database in use, into target on the same file system; its user_version, and what a check of it finds.

        @param root that it lies below, through no link; status: of the file that was found there
        @param check tables that must be plain ones if they are there, for a whole check of its integrity
        @raises Unreadable, FileNotFoundError when another file, or none, has the name by now
        """
        made = self.home / "copy"
        names = {"source": _name(source), "root": _name(root), "target": _name(made)}
        given = {**names, "inode": [status.st_dev, status.st_ino], "check": check if check is None else list(check)}
        seconds = _deadline(status.st_size)
        try:
            answer = self._ask(seconds, what="copy", **given)
        except OSError:
            files.remove_tree(made)
            raise
        except unprivileged.Lost:
            # It may have been what lies beside the database: once more, without asking SQLite to read that in place.
            answer = self._ask_finally(seconds, what="recover", **given)
        if answer.get("replaced"):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), source)
        version, faults = answer.get("version"), answer.get("faults")
        if not isinstance(version, int) or not isinstance(faults, list):
            raise StateError(f"the process that reads databases answered {answer!r}")
        self._take(made, target)
        return version, [str(fault) for fault in faults]

    def faults(self, path: Path) -> list[str]:
        """What an integrity check of a file of ours finds; empty for a sound database.

        @raises Unreadable where it could not be made now: nothing is known about the database then
        """
        try:
            with self._lent(path) as (lent, seconds):
                return [str(fault) for fault in self._ask_finally(seconds, what="faults", path=lent)["faults"]]
        except Unreadable as error:
            if error.passing:
                raise
            return [str(error)]

    def change(
        self, path: Path, tables: Sequence[str], statement: str, values: Sequence[Any] = (), columns: Sequence[str] = ()
    ) -> int:
        """The number of rows changed in those of the named tables that a file of ours has, with these columns.

        @param statement with {} for the table's name
        @raises Unreadable
        """
        with self._lent(path) as (lent, seconds):
            given = {"tables": list(tables), "columns": list(columns), "statement": statement, "values": list(values)}
            return int(self._ask_finally(seconds, what="change", path=lent, **given)["changed"])

    def value(self, path: Path, table: str, query: str) -> Any:
        """The first text that a query finds in a file of ours; None where it finds none, or there is no such table.

        @raises Unreadable
        """
        with self._lent(path) as (lent, seconds):
            return self._ask_finally(seconds, what="value", path=lent, table=table, query=query)["value"]

    def fold(self, path: Path, log: Path) -> int:
        """Moves all that SQLite reads in a write-ahead log of ours into its database; the number of pages in the log,
        which is of no use afterwards.

        @raises Unreadable, OSError when the disk is full
        """
        with self._lent(path, log) as (lent, seconds):
            return int(self._ask_finally(seconds, what="fold", path=lent)["read"])

    def _ask(self, seconds: float, **request: Any) -> dict[str, Any]:
        """@raises Lost, Unreadable, OSError when the disk is full"""
        answer, received = self._process.ask(json.dumps(request).encode(), seconds)
        unprivileged.close_all(received)
        found: dict[str, Any] = json.loads(answer)
        if "error" not in found:
            return found
        if found.get("full"):
            raise OSError(errno.ENOSPC, str(found["error"]))
        raise Unreadable(str(found["error"]), bool(found.get("passing")))

    def _ask_finally(self, seconds: float, **request: Any) -> dict[str, Any]:
        try:
            return self._ask(seconds, **request)
        except unprivileged.Lost as error:
            raise Unreadable(f"SQLite gave no answer: {error}", passing=False) from error

    @contextlib.contextmanager
    def _lent(self, path: Path, log: Path | None = None) -> Iterator[tuple[str, float]]:
        """A file in a tree of ours, under another name in the process's directory, where no log but this one lies
        beside it; after it, owner, mode and time are as they were."""
        lent = self.home / "lent"
        try:
            with contextlib.ExitStack() as stack:
                size = stack.enter_context(self._under(lent, path))
                if log:
                    size += stack.enter_context(self._under(lent.with_name(f"{lent.name}-wal"), log))
                yield _name(lent), _deadline(size)
        finally:
            for name in os.listdir(self.home):
                files.remove_tree(self.home / name)

    @contextlib.contextmanager
    def _under(self, name: Path, path: Path) -> Iterator[int]:
        """Gives the process a file under another name, until the end; the file's bytes."""
        files.remove_tree(name)
        os.link(path, name, follow_symlinks=False)
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise StateError(f"{path} is not a regular file")
            os.fchown(fd, self._user, -1)
            os.fchmod(fd, 0o600)
            try:
                yield status.st_size
            finally:
                os.fchown(fd, status.st_uid, status.st_gid)
                os.fchmod(fd, stat.S_IMODE(status.st_mode))
                os.utime(fd, ns=(status.st_atime_ns, status.st_mtime_ns))
        finally:
            os.close(fd)

    def _take(self, made: Path, target: Path) -> None:
        """@raises StateError unless it is what the process can have made itself"""
        os.rename(made, target)
        fd = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(fd)
        finally:
            os.close(fd)
        if not stat.S_ISREG(status.st_mode) or (status.st_uid, status.st_nlink) != (self._user, 1):
            files.remove_tree(target)
            raise StateError("the process that reads databases made something that is not a file of its own")


def unprivileged_user() -> int:
    return OWNER if os.geteuid() == 0 else os.geteuid()


def _name(path: str | Path) -> str:
    return os.fsencode(path).decode("latin-1")


def _deadline(size: int) -> float:
    return DEADLINE_SECONDS + size / BYTES_PER_SECOND
