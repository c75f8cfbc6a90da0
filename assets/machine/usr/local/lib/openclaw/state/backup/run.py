"""One backup: still the writer? stage, guard, push, note, prune, say."""

from __future__ import annotations

import math
import time
from typing import Any

from openclaw.aws import metrics
from openclaw.aws.client import Aws
from openclaw.settings import Settings
from openclaw.state import engines
from openclaw.state.backup import retention
from openclaw.state.backup.push import Push
from openclaw.state.engines.base import Engine
from openclaw.state.guards import loss
from openclaw.state.guards.engine_record import EngineRecord
from openclaw.state.guards.lease import Lease, LeaseRecord
from openclaw.state.guards.loss import Measure
from openclaw.state.guards.markers import Markers
from openclaw.state.restore.request import Requests
from openclaw.state.staging.staged import Staged
from openclaw.state.staging.staging import Staging
from openclaw.system import journal
from openclaw.system.errors import Busy, Damaged, Fenced, Refused, SetAside, result_of
from openclaw.system.lock import locked

# What a person has begun by hand is not waited for at the machine's end.
FINAL_PATIENCE_SECONDS = 5
NEVER_SERVED = (
    "OpenClaw has never served on this machine, so that nothing shows whether what was written here since the restore "
    "is good: look at it, and restore it by its id if it is"
)


class Backup:
    def __init__(self, settings: Settings):
        self.settings = settings
        self.aws = Aws(settings)
        self.markers = Markers(settings)
        self.lease = Lease(settings, self.aws)

    def run(self, force: bool = False, final: bool = False) -> None:
        """@param force also where more than half of the last backup would go; final: the machine ends, and neither
        waits for others nor prunes"""
        if self.settings.backup == "off":
            journal.say("BACKUP=off: nothing is kept")
            return
        started = time.monotonic()
        try:
            with locked(self.settings.var / "lock", self.settings.lock_wait_seconds, self._patience(final)):
                figures = self._run(force, final)
                if figures and not final:
                    retention.prune_when_due(self.settings, self.aws, self.lease)
        except Busy:
            raise
        except Exception as error:
            self._report_failure(error, time.monotonic() - started)
            if isinstance(error, Fenced):
                self.markers.fence(error)
            raise
        if figures:
            seconds = round(time.monotonic() - started, 1)
            journal.record("backup", result="success", seconds=seconds, **figures)
            values = {"BackupSuccess": 1, "BackupDurationSeconds": seconds, "BackupBytesSent": figures["bytes_sent"]}
            values["BackupFilesLeftOut"] = figures["left_out"]
            values["BackupDatabaseUnreadable"] = len(figures["unreadable"])
            metrics.publish(self.aws, values)

    def _patience(self, final: bool) -> float:
        """A restore that moves things into place is done in a moment, and must not be cut off."""
        return FINAL_PATIENCE_SECONDS if final and not self.markers.journal_path.exists() else math.inf

    def _run(self, force: bool, final: bool) -> dict[str, Any] | None:
        self.markers.require_restored()
        self.markers.require_settled()
        held = self.lease.check()
        doubted = not force and not self.markers.has_served()
        if doubted and not final:
            journal.say(
                "nothing to back up: OpenClaw has never served on this machine, and what was restored is in the bucket "
                "already; after mending it by hand, run: openclaw-state backup --force"
            )
            return None
        engine = engines.of(self.settings, self.aws)
        push = Push(self.settings, self.markers, engine, self._outranking(held, engine))
        with Staging(self.settings, engine.stores_blocks).refreshed() as staged:
            if doubted and not _has_changed(staged, self.markers.restored_at_ns()):
                journal.say("nothing to save: nothing was written since the restore")
                return None
            if not _holds_state(staged):
                if self.markers.last_good() is None:
                    journal.say("nothing to back up yet: OpenClaw has written no state")
                    return None
                raise Refused(f"{self.settings.roots['.openclaw']} holds no file: an empty source is never pushed")
            measure = loss.of_staged(staged)
            doubt = "" if force else NEVER_SERVED if doubted else self._doubt(staged, measure)
            if not doubt:
                return self._store(push, staged, measure)
            times, seconds = (0, 0) if staged.broken or doubted else self.markers.offers(measure)
            if times >= loss.OFFERS and seconds >= loss.OFFERED_SECONDS:
                journal.say(
                    f"{doubt}. OpenClaw has all that it needs, and {times} backups found it so: it is taken as good"
                )
                return {**self._store(push, staged, measure), "guard": "let go"}
            kept = push.set_aside(staged, times)
        raise SetAside(f"{doubt}. Until then it is kept apart from the backups, as {kept}")

    def _outranking(self, held: LeaseRecord, engine: Engine) -> int:
        """The generation of this backup, above all that the bucket holds: somebody may have copied another's there.

        Looked at with the first backup of each generation: a boot from local state looks for no backups.
        """
        last = self.markers.last_good()
        if last and (last.engine, last.generation) == (engine.name, held.generation):
            return held.generation
        try:
            highest = max((one.generation for one in engine.list()), default=0)
        except Damaged:
            # That is for the push, which repairs it first.
            return held.generation
        return self.lease.raise_above(highest).generation

    def _store(self, push: Push, staged: Staged, measure: Measure) -> dict[str, Any]:
        figures = push.push(staged, measure)
        Requests(self.settings, self.aws).close()
        EngineRecord(self.settings, self.aws).note()
        return {**figures, **_missing(staged)}

    def _doubt(self, staged: Staged, measure: Measure) -> str:
        """Why a person has to decide whether this is a good backup; empty where it is one."""
        if staged.broken:
            return (
                f"no machine could start from {', '.join(staged.broken[:3])}: mend it, or bring a snapshot back "
                "(openclaw-state restore)"
            )
        return self.markers.loss(measure)

    def _report_failure(self, error: Exception, seconds: float) -> None:
        journal.record("backup", result=result_of(error), seconds=round(seconds, 1), error=str(error))
        metrics.publish(self.aws, {"BackupSuccess": 0.0, "BackupDurationSeconds": round(seconds, 1)})


def _missing(staged: Staged) -> dict[str, Any]:
    """What the backup lacks, or has as it was at an earlier one."""
    first = [{"path": path, "reason": reason} for path, reason in staged.left_out.first]
    return {"left_out": staged.left_out.count, "left_out_first": first, "unreadable": staged.unreadable}


def _has_changed(staged: Staged, since_ns: int) -> bool:
    """Whether any file is younger."""
    return any(entry.changed_ns > since_ns for entry in staged.index.entries() if entry.kind in ("file", "database"))


def _holds_state(staged: Staged) -> bool:
    """Whether there is any file of OpenClaw's state: its directory comes first in the order of the index."""
    entries = (entry.path for entry in staged.index.entries() if entry.kind in ("file", "database"))
    return next((path for path in entries if "/" in path), "").startswith(".openclaw/")
