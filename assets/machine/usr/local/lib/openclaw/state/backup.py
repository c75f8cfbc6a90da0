"""One backup: still the writer? stage, guard, push, note, thin out, say."""

from __future__ import annotations

import math
import os
import time
from dataclasses import replace

from . import durable, engines, instance, log, metrics, retention, versions
from .aws import Aws
from .engines.base import Facts, Pushed
from .errors import Busy, Damaged, Fenced, Refused, SetAside, StateError, result_of
from .gates import Gates, Good
from .lease import Lease
from .settings import Settings
from .staging import Staged, Staging

PRUNE_EVERY_SECONDS = 24 * 3600
# What a person has begun by hand is not waited for at the machine's end.
FINAL_PATIENCE_SECONDS = 5


class Backup:
    def __init__(self, settings: Settings):
        self.settings = settings
        self.aws = Aws(settings)
        self.gates = Gates(settings)
        self.lease = Lease(settings, self.aws)

    def run(self, force: bool = False, final: bool = False) -> None:
        """@param force also where more than half of the last backup would go; final: the machine ends, and neither
        waits for others nor thins out"""
        if self.settings.backup == "off":
            log.say("BACKUP=off: nothing is kept")
            return
        started = time.monotonic()
        try:
            with durable.lock(self.settings.var / "lock", self.settings.lock_wait_seconds, self._patience(final)):
                figures = self._run(force)
                if figures and not final:
                    self._thin_out()
        except Busy:
            raise
        except (StateError, OSError) as error:
            self._report_failure(error, time.monotonic() - started)
            if isinstance(error, Fenced):
                self.gates.fence(error)
            raise
        if figures:
            seconds = round(time.monotonic() - started, 1)
            log.record("backup", result="success", seconds=seconds, **figures)
            values = {"BackupSuccess": 1, "BackupDurationSeconds": seconds, "BackupAgeSeconds": 0}
            metrics.publish(self.aws, {**values, "BackupBytesSent": figures["bytes_sent"]})

    def _patience(self, final: bool) -> float:
        """A restore that moves things into place is done in a moment, and must not be cut off."""
        return FINAL_PATIENCE_SECONDS if final and not self.gates.journal_path.exists() else math.inf

    def _run(self, force: bool) -> dict | None:
        self.gates.require_restored()
        self.gates.require_settled()
        held = self.lease.check()
        if not force and not self.gates.has_served():
            log.say(
                "nothing to back up: OpenClaw has never been ready on this machine, and what was restored is in the "
                "bucket already; after mending it by hand, run: openclaw-state backup --force"
            )
            return None
        engine = engines.of(self.settings, self.aws)
        with Staging(self.settings, engine.stores_blocks).refreshed() as staged:
            if not any(path.startswith(".openclaw/") for path in self._some_file(staged)):
                if self.gates.last_good() is None:
                    log.say("nothing to back up yet: OpenClaw has written no state")
                    return None
                raise Refused(f"{self.settings.roots['.openclaw']} holds no file: an empty source is never pushed")
            doubt = "" if force else self._doubt(staged)
            if not doubt:
                return self._push(staged, held.generation, engine)
            kept = self._set_aside(staged, held.generation, engine)
        raise SetAside(f"{doubt}. Until then it is kept apart from the backups, as {kept}")

    @staticmethod
    def _some_file(staged: Staged) -> list[str]:
        return [next((e.path for e in staged.index.entries() if e.kind in ("file", "database") and "/" in e.path), "")]

    def _push(self, staged: Staged, generation: int, engine: engines.Engine) -> dict:
        last = self.gates.last_good()
        if last and self._stands(last, staged, generation, engine):
            good, sent, unchanged = replace(last, at=time.time()), 0, True
        else:
            sequence = self.gates.next_sequence(generation)
            pushed = self._push_anew(staged, self._facts(generation, sequence), engine)
            good = Good(engine.name, pushed.id, generation, sequence, staged.files, staged.bytes, time.time())
            sent, unchanged = pushed.bytes_sent, False
        self.gates.note_good(good)
        staged.index.note_pushed(good.snapshot)
        return {
            "engine": engine.name,
            "snapshot": good.snapshot,
            "unchanged": unchanged,
            "generation": generation,
            "sequence": good.sequence,
            "files": staged.files,
            "bytes": staged.bytes,
            "bytes_read": staged.bytes_read,
            "bytes_sent": sent,
            "databases": len(staged.databases),
            "unstable": len(staged.unstable),
        }

    def _doubt(self, staged: Staged) -> str:
        """Why a person has to decide whether this is a good backup; empty where it is one."""
        if staged.broken:
            return (
                f"no machine could start from {', '.join(staged.broken[:3])}: mend it, or bring a snapshot back "
                "(openclaw-state restore)"
            )
        return self.gates.loss(staged.files, staged.bytes)

    def _set_aside(self, staged: Staged, generation: int, engine: engines.Engine) -> str:
        """The id under which the bucket has what the guard refused: no end of the machine may lose it."""
        known = staged.index.pushed()
        if not any(one.set_aside and one.id == known for one in engine.list()):
            facts = self._facts(generation, self.gates.next_sequence(generation))
            known = self._push_anew(staged, replace(facts, set_aside=True), engine).id
            staged.index.note_pushed(known)
        return known

    def _stands(self, last: Good, staged: Staged, generation: int, engine: engines.Engine) -> bool:
        """Whether the last backup is as good as another one would be."""
        return (
            last.snapshot == staged.index.pushed()
            and (last.engine, last.generation) == (engine.name, generation)
            and not self.gates.damaged_path.exists()
            and engine.stands(last.snapshot)
        )

    def _push_anew(self, staged: Staged, facts: Facts, engine: engines.Engine) -> Pushed:
        if self.gates.damaged_path.exists():
            self._heal(engine)
        try:
            return engine.push(staged, facts)
        except Damaged as error:
            log.say(f"the store is damaged, it is repaired first: {error}")
            self.gates.damaged_path.touch()
            self._heal(engine)
            return engine.push(staged, facts)

    def _facts(self, generation: int, sequence: int) -> Facts:
        image = self._image()
        return Facts(generation, sequence, instance.own_id(), image, versions.of_image(self.settings.image))

    def _heal(self, engine: engines.Engine) -> None:
        engine.heal()
        durable.remove(self.gates.damaged_path)

    def _image(self) -> str:
        """The running image by digest, as the pull noted it."""
        note = self.settings.run / "image.env"
        if note.exists():
            for line in note.read_text().splitlines():
                if line.startswith("OPENCLAW_IMAGE="):
                    return line.partition("=")[2]
        return self.settings.image

    def _thin_out(self) -> None:
        """A failure here costs space, not state: the backup stays good."""
        stamp = self.settings.var / "thinned-out"
        if stamp.exists() and 0 <= time.time() - stamp.stat().st_mtime < PRUNE_EVERY_SECONDS:
            return
        try:
            self.lease.check()
            engine = engines.of(self.settings, self.aws)
            keep = (self.settings.keep_hourly, self.settings.keep_daily, self.settings.keep_weekly)
            old = retention.expired(engine.list(), *keep)
            engine.prune(old)
            stamp.touch()
            os.utime(stamp)
            log.record("prune", result="success", removed=len(old))
            metrics.publish(self.aws, {"PruneSuccess": 1})
        except Fenced:
            raise
        except StateError as error:
            log.record("prune", result="failure", error=str(error))
            metrics.publish(self.aws, {"PruneSuccess": 0})

    def _report_failure(self, error: Exception, seconds: float) -> None:
        log.record("backup", result=result_of(error), seconds=round(seconds, 1), error=str(error))
        values = {"BackupSuccess": 0.0, "BackupDurationSeconds": round(seconds, 1)}
        last = self.gates.last_good()
        if last:
            values["BackupAgeSeconds"] = max(0.0, round(time.time() - last.at))
        metrics.publish(self.aws, values)
