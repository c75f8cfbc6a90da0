"""The staged copy: one consistent picture of the three roots, kept between runs and brought up to date by each.

Databases first, then the other files, as OpenClaw's documentation asks: a database may name files, never the other way.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from openclaw.settings import Settings
from openclaw.state.databases import page_log, sqlite
from openclaw.state.openclaw_data.layout import is_openclaw_database
from openclaw.state.staging import walk
from openclaw.state.staging.index import Entry, Index
from openclaw.state.staging.tree import StagedTree
from openclaw.system import file_copy, files, journal
from openclaw.system.errors import Refused, StateError
from openclaw.system.links import is_behind_link
from openclaw.system.progress import Progress

# A file that changed this shortly before it was staged is looked at again by the next run.
RACY_NS = 2_000_000_000


@dataclass
class Staged:
    tree: Path
    files: int
    bytes: int
    databases: dict[str, int]
    index: Index
    bytes_read: int = 0
    unstable: list[str] = field(default_factory=list)
    # Databases that no machine could start from.
    broken: list[str] = field(default_factory=list)


class Staging:
    def __init__(self, settings: Settings, logs: bool):
        """@param logs whether a database that has changed little stays, with a log of what changed beside it"""
        self.roots = settings.roots
        self.home = settings.var / "staging"
        self.tree = StagedTree(self.home)
        # There while the tree is not what the index says.
        self.unfinished = self.home / "unfinished"
        # New databases, and what only looks like one.
        self._met: set[str] = set()
        self._logs = logs
        self._read = 0
        self._unstable: list[str] = []
        self._broken: list[str] = []

    @contextlib.contextmanager
    def refreshed(self) -> Iterator[Staged]:
        """@raises Refused when a root is missing, StateError when the disk is full"""
        missing = [str(root) for root in self.roots.values() if root.is_symlink() or not root.is_dir()]
        if missing:
            raise Refused(
                f"nothing is backed up: {', '.join(missing)} is missing or a link, and an absent source is never pushed"
            )
        self._discard_if_of_another_boot()
        index = Index(self.home / "index.sqlite", time.time_ns())
        self.unfinished.touch()
        try:
            self._copy_known_databases(index)
            # A new database may name files that the walk had passed before they were there.
            while self._walk_and_copy(index):
                pass
            self.tree.drop_unseen(index)
            self.tree.set_directory_times(index)
            index.commit()
            self.unfinished.unlink()
            files, size = index.totals()
            databases = index.databases()
            yield Staged(self.tree.root, files, size, databases, index, self._read, self._unstable, self._broken)
        except (OSError, sqlite3.OperationalError) as error:
            if not _is_full(error):
                raise
            with contextlib.suppress(sqlite3.Error):
                index.close()
            self.discard()
            raise StateError(f"no space left for the staged copy; {self.home} was emptied: {error}") from error
        else:
            index.close()

    def discard(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.home)

    def _discard_if_of_another_boot(self) -> None:
        """Or made for another engine. Nothing in here is synced: after a power cut any file may be empty while the
        index vouches for it. The same where a run was killed: its index is the former run's."""
        marker = self.home / "made"
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        made = f"{boot_id} {'with' if self._logs else 'without'} logs"
        is_whole = self.tree.root.is_dir() and not self.unfinished.exists()
        if not is_whole or not marker.exists() or marker.read_text() != made:
            self.discard()
            self.tree.root.mkdir(mode=0o700, parents=True)
            marker.write_text(made)
            files.sync_directory(self.home)

    def _copy_known_databases(self, index: Index) -> None:
        for path in index.databases():
            name, _, rest = path.partition("/")
            source = os.path.join(self.roots[name], rest)
            if is_behind_link(source, self.roots[name]):
                continue
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                status = os.lstat(source)
                if stat.S_ISREG(status.st_mode) and sqlite.is_database(source):
                    self._stage_database(index, path, source, status)

    def _walk_and_copy(self, index: Index) -> bool:
        """Whether it met a database that was not known. What a former walk saw and this one does not is gone."""
        index.begin_walk()
        self.tree.begin_walk()
        met = len(self._met)
        progress = Progress("staging")
        for number, (path, source, status) in enumerate(walk.walk(self.roots)):
            progress.at(number, self._read)
            known = index.get(path)
            if stat.S_ISDIR(status.st_mode):
                self._stage_directory(index, path, known, status)
            elif stat.S_ISLNK(status.st_mode):
                if not _is_sidecar(index, path):
                    self._stage_link(index, path, source, status)
            elif stat.S_ISREG(status.st_mode):
                if known and known.kind == "database" and sqlite.is_database(source):
                    index.keep(path)
                elif _is_sidecar(index, path):
                    continue
                elif known and known.kind == "file" and self._is_current(path, known.fingerprint, source, status):
                    index.keep(path)
                elif sqlite.is_database(source):
                    self._stage_database(index, path, source, status)
                    self._met.add(path)
                else:
                    self._note_broken(path, known, status)
                    self._stage_file(index, path, source, status)
        return len(self._met) > met

    def _is_current(self, path: str, known: str, source: str, status: os.stat_result) -> bool:
        if known != _fingerprint(source, status, database=False):
            return False
        return status.st_nlink == 1 or self.tree.is_first_name(path, status) or self.tree.share(path, status)

    def _stage_database(self, index: Index, path: str, source: str, status: os.stat_result) -> None:
        fingerprint = _fingerprint(source, status, database=True)
        known = index.get(path)
        if known and known.kind == "database" and known.fingerprint == fingerprint:
            index.keep(path)
            return
        new = self.tree.clear_new()
        try:
            version = sqlite.copy(source, new)
        except sqlite3.DatabaseError as error:
            if not os.path.exists(source):
                return
            if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
                raise OSError(errno.ENOSPC, str(error)) from error
            # The header alone does not make a database; as a file it is still someone's.
            if isinstance(error, sqlite3.OperationalError):
                if is_openclaw_database(path):
                    raise StateError(f"cannot copy the database {source}: {error}") from error
                self._keep_last_copy(index, path, f"cannot be copied now ({error})")
                return
            journal.say(
                f"{source} has SQLite's header but is no database SQLite can read ({error}): kept as a plain file"
            )
            if is_openclaw_database(path):
                self._broken.append(path)
            self._stage_file(index, path, source, status)
            return
        faults = sqlite.faults(new) if is_openclaw_database(path) else []
        if faults:
            self._broken.append(path)
            journal.say(f"{source} does not pass SQLite's integrity check: {faults[0]}")
        size = new.stat().st_size
        self._put_database(index, path, known, status)
        self._read += size
        # One that is broken is looked at again by each run.
        index.put(path, "database", fingerprint if _is_old(fingerprint) and not faults else "racy", size, version)

    def _put_database(self, index: Index, path: str, known: Entry | None, status: os.stat_result) -> None:
        log = path + page_log.SUFFIX
        if self._logs and known and known.kind == "database" and self.tree.log(path, status):
            index.put(log, "log", "")
            return
        self.tree.place(path, status)
        beside = index.get(log)
        if beside and beside.kind == "log":
            self.tree.remove(log)

    def _stage_file(self, index: Index, path: str, source: str, status: os.stat_result) -> None:
        if status.st_nlink > 1 and not self.tree.is_first_name(path, status) and self.tree.share(path, status):
            index.put(path, "file", _fingerprint(source, status, database=False), file_copy.stored_bytes(status))
            return
        try:
            status = file_copy.copy_file(source, self.tree.clear_new())
        except FileNotFoundError:
            return
        except file_copy.Changing:
            self._keep_last_copy(index, path, f"was being written during each of {file_copy.ATTEMPTS} attempts")
            return
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
                raise
            return
        self.tree.place(path, status)
        self._read += status.st_size
        fingerprint = _fingerprint(source, status, database=False)
        index.put(path, "file", fingerprint if _is_old(fingerprint) else "racy", file_copy.stored_bytes(status))

    def _note_broken(self, path: str, known: Entry | None, status: os.stat_result) -> None:
        """One of OpenClaw's own databases that is none any more: emptied, or without its header."""
        was_one = known is not None and known.kind == "database"
        if is_openclaw_database(path) and (was_one or (path.endswith(".sqlite") and status.st_size)):
            self._broken.append(path)
            journal.say(f"{path} is no database any more")

    def _keep_last_copy(self, index: Index, path: str, reason: str) -> None:
        self._unstable.append(path)
        has_copy = index.get(path) is not None
        journal.say(f"{path} {reason}: {'its last good copy stays' if has_copy else 'there is no copy of it yet'}")
        if has_copy:
            index.keep(path)

    def _stage_directory(self, index: Index, path: str, known: Entry | None, status: os.stat_result) -> None:
        self.tree.make_directory(path, status)
        fingerprint = f"{status.st_mtime_ns}:{status.st_mode}:{status.st_uid}:{status.st_gid}"
        if known and known.kind == "directory" and known.fingerprint == fingerprint:
            index.keep(path)
        else:
            index.put(path, "directory", fingerprint)

    def _stage_link(self, index: Index, path: str, source: str, status: os.stat_result) -> None:
        fingerprint = _fingerprint(source, status, database=False)
        known = index.get(path)
        if known and known.kind == "link" and known.fingerprint == fingerprint:
            index.keep(path)
            return
        try:
            pointee = os.readlink(source)
        except OSError:
            return
        os.symlink(pointee, self.tree.clear_new())
        self.tree.place(path, status)
        index.put(path, "link", fingerprint)


def _fingerprint(source: str, status: os.stat_result, database: bool) -> str:
    parts = [file_copy.fingerprint(status)]
    if database:
        for suffix in ("-wal", "-journal"):
            with contextlib.suppress(OSError):
                beside = os.lstat(f"{source}{suffix}")
                # An empty log says nothing; reading a database may leave one behind.
                if beside.st_size:
                    parts.append(file_copy.fingerprint(beside))
    return ";".join(":".join(map(str, part)) for part in parts)


def _is_old(fingerprint: str) -> bool:
    changed = max(int(part.split(":")[3]) for part in fingerprint.split(";"))
    return time.time_ns() - changed > RACY_NS


def _is_full(error: Exception) -> bool:
    return getattr(error, "errno", 0) in (errno.ENOSPC, errno.EDQUOT) or "disk is full" in str(error)


def _is_sidecar(index: Index, path: str) -> bool:
    for suffix in sqlite.SIDECARS:
        if path.endswith(suffix):
            base = index.get(path[: -len(suffix)])
            return base is not None and base.kind == "database"
    return False
