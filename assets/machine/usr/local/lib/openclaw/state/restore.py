"""A boot's restore, and a restore asked for by name."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from . import durable, engines, log, metrics, verifying, versions
from .aws import Aws
from .engines.base import Snapshot
from .errors import Damaged, Fenced, Refused, StateError, result_of
from .gates import Gates, Good
from .lease import Lease
from .placing import Placing
from .settings import ROOTS, Settings

RETRY_SECONDS = (5, 15, 30, 60)


class Restore:
    def __init__(self, settings: Settings):
        self.settings = settings
        self.aws = Aws(settings)
        self.gates = Gates(settings)
        self.lease = Lease(settings, self.aws)
        self.placing = Placing(settings)

    def boot(self, patience_seconds: float) -> None:
        """Makes this volume fit to serve, or raises; through an outage it tries again for patience_seconds."""
        deadline, attempt = time.monotonic() + patience_seconds, 0
        while True:
            try:
                with durable.lock(self.settings.var / "lock", self.settings.lock_wait_seconds):
                    self._boot()
                break
            except (Refused, Fenced, Damaged) as error:
                self._report_failure(error)
                raise
            except (StateError, OSError) as error:
                self._report_failure(error)
                pause = RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]
                if time.monotonic() + pause > deadline:
                    raise
                attempt += 1
                time.sleep(pause)
        if self.settings.backup != "off":
            metrics.publish(self.aws, {"RestoreSuccess": 1})

    def _boot(self) -> None:
        if self.placing.unfinished():
            log.say("finishing the restore that was cut off")
            self._finish()
        stamp = self.gates.restored()
        if self.settings.backup == "off":
            if stamp is None:
                self.gates.declare_restored(first_boot=True, engine="off")
                log.say("BACKUP=off: a first boot, declared")
            return
        stale = stamp is not None and self.lease.is_stale()
        if stale:
            self._refuse_while_another_lives()
        held = self.lease.acquire()
        durable.remove(self.gates.fenced_path)
        if stamp is None or stale:
            self._first_boot(stale)
        else:
            # Local state is newer than any backup.
            self._take_in()
        log.record("lease", generation=held.generation, instance=held.instance)

    def _refuse_while_another_lives(self) -> None:
        current, _ = self.lease.current()
        if current and self.lease.is_alive(current):
            raise Fenced(
                f"this volume is behind: {current.instance} runs and holds the lease in generation "
                f"{current.generation}; this machine stays down"
            )
        log.say(
            "another machine wrote after this volume did and is gone: its state comes in, this volume's is kept aside"
        )

    def _first_boot(self, stale: bool) -> None:
        candidates = self._candidates()
        if not candidates:
            if stale:
                raise Refused("this volume is behind, and the bucket holds nothing to bring it up to date")
            self.gates.declare_restored(first_boot=True, engine=self.settings.backup)
            log.record("restore", result="first boot", reason=f"s3://{self.settings.bucket} holds no backup")
            return
        held = self.lease.held()
        if candidates[0].generation >= held.generation:
            self.lease.raise_to(candidates[0].generation + 1)
        skipped: list[str] = []
        for snapshot in candidates:
            try:
                self.bring_in(snapshot, skipped=skipped)
                self._take_in()
                return
            except Damaged as error:
                log.record("restore", result="damaged", snapshot=snapshot.id, error=str(error))
                skipped.append(snapshot.id)
                self.gates.damaged_path.touch()
        raise Refused(
            f"none of the {len(candidates)} backups in s3://{self.settings.bucket} is good: see the lines above"
        )

    def _take_in(self) -> None:
        """What people put into the bucket since the last backup, over what is here."""
        engine = engines.of(self.settings, self.aws)
        tree = self.placing.fresh_tree()
        paths = engine.take_in(tree)
        if paths:
            verifying.verify(tree)
            verifying.clear_leases(tree)
            self.placing.begin(paths, {"taken_in": len(paths), "keep_stamp": True})
            self._finish()
        self.placing.discard()

    def bring_in(self, snapshot: Snapshot, paths: Sequence[str] = (), skipped: Sequence[str] = ()) -> None:
        """Pulls, verifies and puts in place. @raises Damaged, Refused; nothing in place has changed then"""
        started = time.monotonic()
        tree = self.placing.fresh_tree()
        try:
            engines.every(self.settings, self.aws)[snapshot.engine].pull(snapshot, tree, paths)
            absent = [path for path in paths if not (tree / path).exists() and not (tree / path).is_symlink()]
            if absent:
                raise Refused(f"{', '.join(absent)} is not in snapshot {snapshot.id[:24]}")
            checked = verifying.verify(tree)
            if not paths:
                versions.refuse_newer(tree, snapshot.openclaw, self.settings.image)
            verifying.clear_leases(tree)
            files, size = _totals(tree)
        except BaseException:
            self.placing.discard()
            raise
        moved = list(paths) or [root for root in ROOTS if (tree / root).is_dir()]
        self.placing.begin(
            moved,
            {
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
            },
        )
        self._finish()

    def _finish(self) -> None:
        facts = self.placing.finish()
        if not facts.pop("keep_stamp"):
            self.gates.declare_restored(first_boot=False, **facts)
            keys = ("engine", "snapshot", "generation", "sequence", "files", "bytes")
            self.gates.note_good(Good(**{key: facts[key] for key in keys}, at=time.time()))
        if "taken_in" in facts:
            engines.of(self.settings, self.aws).taken_in()
        self.placing.close()
        log.record("restore", result="success", **facts)

    def _candidates(self) -> list[Snapshot]:
        """Newest first, of every engine: after a change of `backup` the state is where the former engine left it."""
        found = [one for engine in engines.every(self.settings, self.aws).values() for one in engine.list()]
        found = [one for one in found if not one.partial]
        return sorted(found, key=lambda one: one.order, reverse=True)

    def choose(self, wanted: str = "", at: datetime | None = None) -> Snapshot:
        """The snapshot with this id (or its unique beginning), the last one not after `at`, or the newest."""
        candidates = self._candidates()
        if wanted and wanted != "latest":
            found = [one for one in candidates if one.id.startswith(wanted)]
        else:
            found = [one for one in candidates if at is None or one.time <= at][:1]
        if len(found) != 1:
            asked = wanted or (f"not after {at:%Y-%m-%d %H:%M} UTC" if at else "at all")
            raise Refused(
                f"{len(found)} snapshots match {asked!r} of {len(candidates)}: openclaw-state snapshots lists them"
            )
        return found[0]

    def _report_failure(self, error: Exception) -> None:
        log.record("restore", result=result_of(error), error=str(error))
        if self.settings.backup != "off":
            metrics.publish(self.aws, {"RestoreSuccess": 0})


def _totals(tree: Path) -> tuple[int, int]:
    files = size = 0
    for path in tree.rglob("*"):
        status = path.lstat()
        if (status.st_mode & 0o170000) == 0o100000:
            files, size = files + 1, size + status.st_size
    return files, size
