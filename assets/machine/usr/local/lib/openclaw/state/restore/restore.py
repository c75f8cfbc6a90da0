"""A snapshot, or an adopted archive, brought in: pulled, verified, moved into place."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from openclaw.aws.client import Aws
from openclaw.settings import Settings
from openclaw.state import engines
from openclaw.state.adopt import adopt
from openclaw.state.databases.sqlite import is_database
from openclaw.state.engines.base import Snapshot
from openclaw.state.guards.lease import Lease
from openclaw.state.guards.markers import LastGoodBackup, Markers
from openclaw.state.openclaw_data import leases, verify, versions
from openclaw.state.openclaw_data.layout import ROOTS, STATE_DATABASE
from openclaw.state.restore.request import Request, Requests
from openclaw.state.restore.swap import Swap
from openclaw.system import journal
from openclaw.system.errors import Refused


class Restore:
    def __init__(self, settings: Settings):
        self.settings = settings
        self.aws = Aws(settings)
        self.markers = Markers(settings)
        self.lease = Lease(settings, self.aws)
        self.swap = Swap(settings)
        self.requests = Requests(settings, self.aws)

    def bring_in(
        self,
        snapshot: Snapshot,
        paths: Sequence[str] = (),
        *,
        older: bool,
        skipped: Sequence[str] = (),
        request: str = "",
    ) -> Callable[[], None]:
        """Pulls and verifies; what it returns puts it in place.

        @param older whether OpenClaw may have sent since what is queued in there: all but the newest state at a boot
        @param request the ETag of the bucket's request that this answers
        @raises Damaged, Refused; nothing in place has changed then
        """
        started = time.monotonic()
        tree = self.swap.fresh_tree()
        try:
            engines.every(self.settings, self.aws)[snapshot.engine].pull(snapshot, tree, paths)
            absent = [path for path in paths if not (tree / path).exists() and not (tree / path).is_symlink()]
            if absent:
                raise Refused(f"{', '.join(absent)} is not in snapshot {snapshot.id[:24]}")
            journal.say("verifying what was fetched")
            checked = verify.verify(tree)
            if not paths:
                versions.refuse_newer(tree, snapshot.openclaw, self.settings)
            verify.clear_leases(tree)
            if older:
                _drop_deliveries(tree)
            files, size = _totals(tree)
        except BaseException:
            self.swap.discard()
            raise
        facts = {
            "engine": snapshot.engine,
            "snapshot": snapshot.id,
            "generation": snapshot.generation,
            "sequence": snapshot.sequence,
            "taken": snapshot.time.isoformat(),
            "instance": snapshot.instance,
            "files": files,
            "bytes": size,
            "databases": checked,
            "skipped": list(skipped),
            "seconds": round(time.monotonic() - started, 1),
            "keep_stamp": bool(paths),
            **({"request": request} if request else {}),
        }
        return lambda: self.place(list(paths) or _roots(tree), facts)

    def adopt(self, archive: Path) -> Callable[[], None]:
        """Verifies what another install's archive holds; what it returns puts it in place. @raises Refused, Damaged"""
        tree = self.swap.fresh_tree()
        try:
            version, checked = adopt.lay_out(archive, tree)
            versions.refuse_newer(tree, version, self.settings)
            verify.clear_leases(tree)
            files, size = _totals(tree)
        except BaseException:
            self.swap.discard()
            raise
        facts = {"adopted": archive.name, "openclaw": version, "files": files, "bytes": size, "databases": checked}

        return lambda: self.place(_roots(tree), {**facts, "keep_stamp": True})

    def place(self, paths: Sequence[str], facts: dict[str, Any]) -> None:
        self.swap.begin(paths, facts)
        self.finish()

    def finish(self) -> None:
        facts = self.swap.finish()
        if not facts.pop("keep_stamp"):
            self.markers.declare_restored(first_boot=False, **facts)
            keys = ("engine", "snapshot", "generation", "sequence", "files", "bytes")
            self.markers.note_good(LastGoodBackup(**{key: facts[key] for key in keys}, at=time.time()))
        if "imported" in facts:
            engines.of(self.settings, self.aws).mark_imported()
        if "adopted" in facts:
            self.markers.expect(facts["files"], facts["bytes"])
        if "request" in facts:
            self.requests.note_granted(facts["request"])
        self.swap.close()
        journal.record("restore", result="success", **facts)

    def found(self) -> list[Snapshot]:
        """Newest first, of every engine: after a change of `backup` the state is where the former engine left it."""
        found = [one for engine in engines.every(self.settings, self.aws).values() for one in engine.list()]
        return sorted(found, key=lambda one: one.order, reverse=True)

    def candidates(self, request: Request) -> list[Snapshot]:
        return [one for one in self.found() if request.names_one or not one.set_aside]

    def choose(self, request: Request) -> Snapshot:
        return request.pick(self.candidates(request))


def _drop_deliveries(tree: Path) -> None:
    database = tree / STATE_DATABASE
    dropped = leases.drop_deliveries(database) if is_database(database) else 0
    if dropped:
        journal.say(f"{STATE_DATABASE}: dropped {dropped} queued deliveries, which may have been sent since")


def _roots(tree: Path) -> list[str]:
    return [root for root in ROOTS if (tree / root).is_dir()]


def _totals(tree: Path) -> tuple[int, int]:
    """Number and bytes of the files."""
    files = size = 0
    # Not rglob, which remembers every path it has given.
    for directory, _, names in os.walk(tree):
        for name in names:
            status = os.lstat(os.path.join(directory, name))
            if stat.S_ISREG(status.st_mode):
                files, size = files + 1, size + status.st_size
    return files, size
