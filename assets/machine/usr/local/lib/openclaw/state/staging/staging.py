"""The staged copy: one consistent picture of the three roots, kept between runs and brought up to date by each.

Databases first, then the other files, as OpenClaw's documentation asks: a database may name files, never the other way.
What cannot be read, or finds no room on the disk, costs itself: its last good copy stays where there is one, the rest
is brought up to date. Where the file system shares blocks, a copy of a file takes no room.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from openclaw.settings import Settings
from openclaw.state.databases import page_log
from openclaw.state.databases.sqlite import SIDECARS, Databases, Unreadable, has_header
from openclaw.state.openclaw_data import exclusions, leases
from openclaw.state.openclaw_data.layout import is_essential_database, is_openclaw_database
from openclaw.state.openclaw_data.leases import LEASE_TABLES
from openclaw.state.staging.index import Entry, Index
from openclaw.state.staging.mounts import Batch, Found, Mounts, Opened
from openclaw.state.staging.room import Room, is_full
from openclaw.state.staging.staged import LeftOut, Staged
from openclaw.state.staging.tree import StagedTree
from openclaw.system import file_copy, files, journal
from openclaw.system.errors import NoSpace
from openclaw.system.progress import Progress
from openclaw.system.status import AnyStatus, Status

# A file that changed this shortly before it was staged is looked at again by the next run.
RACY_NS = 2_000_000_000
# What the fingerprint of such a file begins with in the index, so that it equals none.
AGAIN = "again;"
NO_ROOM = "no space is left for its copy"


class Staging:
    def __init__(self, settings: Settings, logs: bool):
        """@param logs whether a database that has changed little stays, with a log of what changed beside it"""
        self.roots = settings.roots
        self.home = settings.var / "staging"
        self.tree = StagedTree(self.home)
        # There while the tree is not what the index says.
        self.unfinished = self.home / "unfinished"
        self._databases = Databases(settings.var)
        # New databases, and what only looks like one.
        self._met: set[str] = set()
        # What SQLite did not read: it is not asked again in this run.
        self._failed: dict[str, Unreadable] = {}
        self._logs = logs
        self._read = 0
        self._progress, self._staged_files = Progress("staging"), 0
        self._unstable: list[str] = []
        self._broken: list[str] = []
        self._unreadable: list[str] = []
        self._left_out = LeftOut()
        self._on_disk = Room(self.home)

    @contextlib.contextmanager
    def refreshed(self) -> Iterator[Staged]:
        """@raises Refused when a root is missing, NoSpace when the disk is too full for anything"""
        with Mounts(self.roots) as mounts:
            self._discard_if_of_another_boot()
            index = Index(self.home / "index.sqlite", time.time_ns())
            self.unfinished.touch()
            with self._room(index):
                self._on_disk.keep_reserve()
                with self._databases:
                    self._refresh(index, mounts)
                self._on_disk.release()
                self.tree.drop_unseen(index)
                self.tree.set_directory_times(index)
                index.commit()
                self.unfinished.unlink()
        with self._room(index):
            yield self._staged(index)
        index.close()

    def _staged(self, index: Index) -> Staged:
        files, size = index.totals()
        for path, reason in self._left_out.first:
            journal.say(f"left out: {path}: {reason}")
        if self._left_out.count > len(self._left_out.first):
            journal.say(f"left out: {self._left_out.count} in all")
        return Staged(
            self.tree.root,
            files,
            size,
            index.databases(),
            index,
            bytes_read=self._read,
            unstable=list(dict.fromkeys(self._unstable)),
            broken=list(dict.fromkeys(self._broken)),
            unreadable=list(dict.fromkeys(self._unreadable)),
            left_out=self._left_out,
        )

    def discard(self) -> None:
        files.remove_tree(self.home)

    @contextlib.contextmanager
    def _room(self, index: Index) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.OperationalError) as error:
            if not is_full(error):
                raise
            with contextlib.suppress(sqlite3.Error):
                index.close()
            self.discard()
            raise NoSpace(f"no space left for the staged copy; {self.home} was emptied: {error}") from error

    def _leave_out_for_room(self, index: Index, path: str) -> None:
        self.tree.clear_new()
        self._on_disk.note_full()
        self._leave_out(index, path, NO_ROOM)

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

    def _refresh(self, index: Index, mounts: Mounts) -> None:
        for path in index.databases():
            with contextlib.ExitStack() as stack:
                try:
                    opened = stack.enter_context(mounts.look(path))
                except OSError:
                    # The walk sees what is there now.
                    continue
                if has_header(opened.descriptor):
                    self._stage_database(index, path, opened)
        # A new database may name files that the walk had passed before they were there.
        while self._walk_and_copy(index, mounts):
            pass

    def _walk_and_copy(self, index: Index, mounts: Mounts) -> bool:
        """Whether it met a database that was not known. What a former walk saw and this one does not is gone."""
        index.begin_walk()
        self.tree.begin_walk()
        self._left_out = LeftOut()
        met = len(self._met)
        for batch in mounts.walk():
            for path, reason in batch.faults:
                self._leave_out(index, path, reason)
                index.keep_below(path)
            self._stage_files(
                index, mounts, batch, [at for at, one in enumerate(batch.found) if self._pass(index, one)]
            )
        return len(self._met) > met

    def _pass(self, index: Index, found: Found) -> bool:
        """Whether its content has to be looked at; what needs no look is staged."""
        path, status, leads_to = found
        known = index.get(path)
        if stat.S_ISDIR(status.st_mode):
            self._stage_directory(index, path, known, status)
        elif stat.S_ISLNK(status.st_mode):
            if not _is_sidecar(index, path):
                self._stage_link(index, path, known, status, leads_to)
        elif stat.S_ISREG(status.st_mode):
            if exclusions.is_old_migration_copy(path, status, time.time()):
                return False
            if known and known.kind == "database":
                return True
            if _is_sidecar(index, path):
                return False
            if not (known and known.kind == "file" and self._is_current(path, known.fingerprint, status)):
                return True
            index.keep(path)
        elif not stat.S_ISSOCK(status.st_mode):
            # A socket is nothing without its process.
            self._left_out.note(path, "neither a file, a directory nor a link")
        return False

    def _stage_files(self, index: Index, mounts: Mounts, batch: Batch, numbers: list[int]) -> None:
        for number, opened in mounts.open(numbers):
            path = batch.found[number].path
            self._staged_files += 1
            self._progress.at(self._staged_files, self._read)
            if isinstance(opened, OSError):
                self._leave_out_unopened(index, path, opened)
                continue
            known = index.get(path)
            if not has_header(opened.descriptor):
                if not _is_sidecar(index, path):
                    self._note_broken(path, known, opened.status)
                    self._stage_file(index, path, opened)
            elif known and known.kind == "database":
                index.keep(path)
            elif not _is_sidecar(index, path):
                self._met.add(path)
                with contextlib.ExitStack() as stack:
                    try:
                        looked = stack.enter_context(mounts.look(path))
                    except OSError as error:
                        self._leave_out_unopened(index, path, error)
                        continue
                    self._stage_database(index, path, looked)

    def _is_current(self, path: str, known: str, status: Status) -> bool:
        if known != _fingerprint(status):
            return False
        return status.st_nlink == 1 or self.tree.is_first_name(path, status) or self.tree.share(path, status)

    def _stage_database(self, index: Index, path: str, opened: Opened) -> None:
        # An empty log says nothing; reading a database may leave one behind.
        logs = [one for name, one in opened.beside.items() if name != "-shm"]
        beside = [one for one in logs if stat.S_ISREG(one.st_mode) and one.st_size]
        fingerprint = _fingerprint(opened.status, *beside)
        known = index.get(path)
        if known and known.kind == "database" and known.fingerprint == fingerprint:
            index.keep(path)
            return
        new = self.tree.clear_new()
        try:
            if path in self._failed:
                raise self._failed[path]
            self._on_disk.require(opened.status)
            version, faults = self._copy_database(path, opened.status, new)
        except FileNotFoundError:
            return
        except Unreadable as error:
            self._stage_without_sqlite(index, path, opened, error, is_alone=not beside)
            self._failed[path] = error
            return
        except OSError as error:
            if not is_full(error):
                raise
            self.tree.clear_new()
            if self._on_disk.note_full():
                self._stage_database(index, path, opened)
            else:
                self._note_unreadable(path, self._has_copy(index, path))
                self._leave_out_for_room(index, path)
            return
        if faults:
            self._broken.append(path)
            journal.say(f"{path} is not sound: {faults[0]}")
        size = new.stat().st_size
        self._read += size
        # One that is broken is looked at again by each run.
        settled = fingerprint if _is_old(fingerprint) and not faults else AGAIN + fingerprint
        if known and known.kind == "database" and self.tree.holds(path, opened.status):
            index.note_unchanged(path, settled)
            return
        self._put_database(index, path, known, opened.status)
        index.put(path, "database", settled, size, version)

    def _copy_database(self, path: str, status: os.stat_result, new: Path) -> tuple[int, list[str]]:
        """As Databases.copy(), without OpenClaw's leases."""
        root, _, rest = path.partition("/")
        check = LEASE_TABLES if is_openclaw_database(path) else None
        source = os.path.join(self.roots[root], rest)
        version, faults = self._databases.copy(source, self.roots[root], status, new, check)
        if check and not faults:
            # The heartbeat of an idle gateway: nobody starts with it again, and it would make each backup another one.
            with contextlib.suppress(Unreadable):
                leases.clear_leases(self._databases, new)
        return version, faults

    def _stage_without_sqlite(self, index: Index, path: str, opened: Opened, error: Unreadable, is_alone: bool) -> None:
        """@param is_alone whether the file is all of it, without a log or a journal"""
        has_copy = self._has_copy(index, path)
        if is_openclaw_database(path) and not error.passing:
            self._broken.append(path)
        else:
            self._note_unreadable(path, has_copy)
        if error.passing and (has_copy or not is_alone):
            self._keep_last_copy(index, path, f"cannot be copied now ({error})")
            return
        # The header alone does not make a database; as a file it is still someone's.
        if path not in self._failed:
            journal.say(f"{path} has SQLite's header but SQLite cannot read it ({error}): kept as a plain file")
        self._stage_file(index, path, opened)

    def _has_copy(self, index: Index, path: str) -> bool:
        known = index.get(path)
        return known is not None and known.kind == "database"

    def _note_unreadable(self, path: str, has_copy: bool) -> None:
        """Of OpenClaw's own. Without any copy of what is essential, no machine could start from the rest."""
        if is_essential_database(path) and not has_copy:
            self._broken.append(path)
        elif is_openclaw_database(path):
            self._unreadable.append(path)

    def _put_database(self, index: Index, path: str, known: Entry | None, status: os.stat_result) -> None:
        log = path + page_log.SUFFIX
        if self._logs and known and known.kind == "database" and self.tree.log(path, status):
            index.put(log, "log", "")
            return
        self.tree.place(path, status)
        beside = index.get(log)
        if beside and beside.kind == "log":
            self.tree.remove(log)

    def _stage_file(self, index: Index, path: str, opened: Opened) -> None:
        status = opened.status
        if status.st_nlink > 1 and not self.tree.is_first_name(path, status) and self.tree.share(path, status):
            index.put(path, "file", _fingerprint(status), file_copy.stored_bytes(status))
            return
        try:
            self._on_disk.require(status)
            status = file_copy.copy_open(opened.descriptor, self.tree.clear_new())
        except OSError as error:
            if not is_full(error):
                raise
            self.tree.clear_new()
            if self._on_disk.note_full():
                self._stage_file(index, path, opened)
            else:
                self._leave_out_for_room(index, path)
            return
        except file_copy.Changing:
            self._keep_last_copy(index, path, f"was being written during each of {file_copy.ATTEMPTS} attempts")
            return
        self.tree.place(path, status)
        self._read += status.st_size
        fingerprint = _fingerprint(status)
        settled = fingerprint if _is_old(fingerprint) else AGAIN + fingerprint
        index.put(path, "file", settled, file_copy.stored_bytes(status))

    def _note_broken(self, path: str, known: Entry | None, status: os.stat_result) -> None:
        """One of OpenClaw's own databases that is none any more: emptied, or without its header."""
        was_one = known is not None and known.kind == "database"
        if is_openclaw_database(path) and (was_one or (path.endswith(".sqlite") and status.st_size)):
            self._broken.append(path)
            journal.say(f"{path} is not a database any more")

    def _keep_last_copy(self, index: Index, path: str, reason: str) -> None:
        self._unstable.append(path)
        if index.get(path) is None:
            self._left_out.note(path, reason)
            return
        journal.say(f"{path} {reason}: its last good copy stays")
        index.keep(path)

    def _leave_out_unopened(self, index: Index, path: str, error: OSError) -> None:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return
        has_copy = self._has_copy(index, path)
        if has_copy or path.endswith(".sqlite"):
            self._note_unreadable(path, has_copy)
        self._leave_out(index, path, error.strerror or str(error))

    def _leave_out(self, index: Index, path: str, reason: str) -> None:
        self._left_out.note(path, reason)
        index.keep(path)

    def _stage_directory(self, index: Index, path: str, known: Entry | None, status: Status) -> None:
        self.tree.make_directory(path, status)
        fingerprint = f"{status.st_mtime_ns}:{status.st_mode}:{status.st_uid}:{status.st_gid}"
        if known and known.kind == "directory" and known.fingerprint == fingerprint:
            index.keep(path)
        else:
            index.put(path, "directory", fingerprint)

    def _stage_link(self, index: Index, path: str, known: Entry | None, status: Status, leads_to: str) -> None:
        fingerprint = _fingerprint(status)
        if known and known.kind == "link" and known.fingerprint == fingerprint:
            index.keep(path)
            return
        os.symlink(leads_to, self.tree.clear_new())
        self.tree.place(path, status)
        index.put(path, "link", fingerprint)


def _fingerprint(*statuses: AnyStatus) -> str:
    """Of a file, or of all that a database consists of."""
    return ";".join(":".join(map(str, file_copy.fingerprint(one))) for one in statuses)


def _is_old(fingerprint: str) -> bool:
    changed = max(int(part.split(":")[3]) for part in fingerprint.split(";"))
    return time.time_ns() - changed > RACY_NS


def _is_sidecar(index: Index, path: str) -> bool:
    for suffix in SIDECARS:
        if path.endswith(suffix):
            base = index.get(path[: -len(suffix)])
            return base is not None and base.kind == "database"
    return False
