"""A snapshot, or an adopted archive, brought in: pulled, verified, moved into place."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from openclaw.aws import metrics
from openclaw.aws.client import Aws
from openclaw.settings import Settings
from openclaw.state import engines
from openclaw.state.adopt import adopt
from openclaw.state.databases.sqlite import Databases, is_database
from openclaw.state.engines.base import Engine, Snapshot
from openclaw.state.guards import loss
from openclaw.state.guards.engine_record import EngineRecord
from openclaw.state.guards.lease import Lease
from openclaw.state.guards.loss import Measure
from openclaw.state.guards.markers import LastGoodBackup, Markers
from openclaw.state.openclaw_data import leases, verify, versions
from openclaw.state.openclaw_data.layout import ROOTS, STATE_DATABASE
from openclaw.state.restore.request import Request, Requests
from openclaw.state.restore.swap import Swap
from openclaw.system import files, journal
from openclaw.system.errors import Damaged, Refused, StateError, Unavailable


class Restore:
    def __init__(self, settings: Settings):
        self.settings = settings
        self.aws = Aws(settings)
        self.markers = Markers(settings)
        self.lease = Lease(settings, self.aws)
        self.swap = Swap(settings)
        self.requests = Requests(settings, self.aws)
        self.record = EngineRecord(settings, self.aws)
        # Snapshots that the last look into the store could not read, for they are damaged.
        self.unreadable: list[str] = []

    def bring_in(
        self,
        snapshot: Snapshot,
        paths: Sequence[str] = (),
        *,
        older: bool,
        skipped: Sequence[str] | None = None,
        request: str = "",
    ) -> Callable[[], None]:
        """Pulls and verifies; what it returns puts it in place.

        @param older whether OpenClaw may have sent since what is queued in there: all but the newest state at a boot
        @param skipped ids of newer snapshots that were not good; None where this one was asked for
        @param request the ETag of the bucket's request that this answers
        @raises Damaged, Refused; nothing in place has changed then
        """
        started = time.monotonic()
        try:
            with Databases(self.settings.var) as databases:
                tree, checked = self._fetched(snapshot, paths, databases)
                absent = [path for path in paths if not os.path.lexists(tree / path)]
                if absent:
                    raise Refused(f"{', '.join(absent)} is not in snapshot {snapshot.id[:24]}")
                if not paths:
                    versions.refuse_newer(tree, snapshot.openclaw, self.settings, databases)
                verify.clear_leases(tree, databases)
                if older:
                    _drop_deliveries(tree, databases)
            measure = loss.of_tree(tree)
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
            **vars(measure),
            "databases": checked,
            "skipped": [*self.unreadable, *skipped] if skipped is not None else [],
            "seconds": round(time.monotonic() - started, 1),
            "keep_stamp": bool(paths),
            **({"request": request} if request else {}),
        }
        return lambda: self.place(list(paths) or _roots(tree), facts)

    def _fetched(self, snapshot: Snapshot, paths: Sequence[str], databases: Databases) -> tuple[Path, int]:
        """The verified tree and its number of databases."""
        engine = engines.every(self.settings, self.aws)[snapshot.engine]
        try:
            return fetched(engine, snapshot, self.swap.fresh_tree, databases, paths)
        except Unavailable as error:
            if self.markers.keeps_failing(snapshot.id):
                raise Damaged(f"it has failed to come in for too long, though the store answers: {error}") from error
            raise

    def adopt(self, archive: Path) -> Callable[[], None]:
        """Verifies what another install's archive holds; what it returns puts it in place. @raises Refused, Damaged"""
        tree = self.swap.fresh_tree()
        try:
            with Databases(self.settings.var) as databases:
                version, checked = adopt.lay_out(archive, tree, databases)
                versions.refuse_newer(tree, version, self.settings, databases)
                verify.clear_leases(tree, databases)
            measure = loss.of_tree(tree)
        except BaseException:
            self.swap.discard()
            raise
        facts = {"adopted": archive.name, "openclaw": version, **vars(measure), "databases": checked}

        return lambda: self.place(_roots(tree), {**facts, "keep_stamp": True})

    def place(self, paths: Sequence[str], facts: dict[str, Any]) -> None:
        self.swap.begin(paths, facts)
        self.finish()

    def finish(self) -> None:
        facts = self.swap.finish()
        # A machine before noted neither.
        more = {key: facts.pop(key, {}) for key in ("roots", "vital")}
        if not facts.pop("keep_stamp"):
            self.markers.declare_restored(first_boot=False, **facts)
            keys = ("engine", "snapshot", "generation", "sequence", "files", "bytes")
            self.markers.note_good(LastGoodBackup(**{key: facts[key] for key in keys}, at=time.time(), **more))
        if "imported" in facts:
            engines.of(self.settings, self.aws).mark_imported()
        if "adopted" in facts:
            self.markers.expect(Measure(facts["files"], facts["bytes"], **more))
        if "request" in facts:
            self.requests.note_granted(facts["request"])
        if facts.get("skipped"):
            metrics.publish(self.aws, {"RestoreSkippedSnapshots": len(facts["skipped"])})
        self.swap.close()
        journal.record("restore", result="success", **facts)

    def found(self) -> list[Snapshot]:
        """Newest first, of the engines whose backups this deployment believes."""
        known = engines.every(self.settings, self.aws)
        believed = [known[name] for name in self.record.believed()]
        found = [one for engine in believed for one in engine.list()]
        self.unreadable = [one for engine in believed for one in engine.unreadable]
        return _newest_first(found)

    def found_anywhere(self) -> list[Snapshot]:
        """Newest first, of every engine: for a person who names one. Of another engine, what cannot be read is said."""
        believed, found = self.record.believed(), []
        for name, engine in engines.every(self.settings, self.aws).items():
            try:
                found += engine.list()
            except StateError as error:
                if name in believed:
                    raise
                journal.say(f"the backups of {name} cannot be listed: {error}")
        return _newest_first(found)

    def candidates(self, request: Request) -> list[Snapshot]:
        if request.names_one:
            return self.found_anywhere()
        return [one for one in self.found() if one.is_backup]

    def choose(self, request: Request) -> Snapshot:
        return request.pick(self.candidates(request))


def _newest_first(found: Iterable[Snapshot]) -> list[Snapshot]:
    return sorted(found, key=lambda one: one.order, reverse=True)


def fetched(
    engine: Engine,
    snapshot: Snapshot,
    fresh_tree: Callable[[], Path],
    databases: Databases,
    paths: Sequence[str] = (),
) -> tuple[Path, int]:
    """A verified tree and its number of databases.

    @param fresh_tree makes the empty directory for it
    @raises Damaged for what came in wrong twice, the second time from the store alone: one answer proves nothing
    """

    def fetch(anew: bool) -> tuple[Path, int]:
        tree = fresh_tree()
        engine.pull(snapshot, tree, databases, paths, anew=anew)
        journal.say("verifying what was fetched")
        return tree, verify.verify(tree, databases)

    try:
        return fetch(anew=False)
    except Damaged as error:
        journal.say(f"{snapshot.id[:24]} did not come in as it was stored, it is fetched once more: {error}")
    return fetch(anew=True)


def _drop_deliveries(tree: Path, databases: Databases) -> None:
    database = tree / STATE_DATABASE
    dropped = leases.drop_deliveries(databases, database) if is_database(database) else 0
    if dropped:
        journal.say(f"{STATE_DATABASE}: dropped {dropped} queued deliveries, which may have been sent since")


def _roots(tree: Path) -> list[str]:
    return [root for root in ROOTS if files.is_directory(tree / root)]
