"""A boot's restore, and a restore asked for by name."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import adopting, durable, engines, log, metrics, verifying, versions
from .aws import Aws
from .engines.base import Snapshot
from .errors import Damaged, Fenced, Refused, StateError, result_of
from .gates import Gates, Good
from .lease import Lease
from .placing import Placing
from .request import Request, Requests
from .settings import ROOTS, Settings

RETRY_SECONDS = (5, 15, 30, 60)


class Restore:
    def __init__(self, settings: Settings):
        self.settings = settings
        self.aws = Aws(settings)
        self.gates = Gates(settings)
        self.lease = Lease(settings, self.aws)
        self.placing = Placing(settings)
        self.requests = Requests(settings, self.aws)

    def boot(self, patience_seconds: float) -> bool:
        """Makes this volume fit to serve, or raises; through an outage it tries again for patience_seconds.

        Returns whether it brought in what a person had asked for.
        """
        deadline, attempt = time.monotonic() + patience_seconds, 0
        while True:
            try:
                with durable.lock(self.settings.var / "lock", self.settings.lock_wait_seconds):
                    return self._boot()
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

    def _boot(self) -> bool:
        if self.placing.unfinished():
            log.say("finishing the restore that was cut off")
            self._finish()
        stamp = self.gates.restored()
        if self.settings.backup == "off":
            if stamp is None:
                self.gates.declare_restored(first_boot=True, engine="off")
                log.say("BACKUP=off: a first boot, declared")
            return False
        stale = self.gates.behind_path.exists() or (stamp is not None and self.lease.is_stale())
        if stale:
            self.gates.note_behind()
            self._refuse_while_another_lives()
        held = self.lease.acquire()
        durable.remove(self.gates.fenced_path)
        is_first = stamp is None or stale
        asked = self.requests.asked()
        granted = asked and not is_first and self.requests.is_granted(asked)
        chosen = self._chosen(asked) if asked and not granted else None
        if chosen and not asked.paths:
            self._grant(asked, chosen)
            self._take_in()
        elif is_first:
            self._first_boot(stale)
        else:
            # Local state is newer than any backup.
            self._take_in()
            highest = engines.of(self.settings, self.aws).highest_generation()
            if highest >= held.generation:
                # Somebody copied another bucket's backups here: ours must be above them.
                self.lease.raise_to(highest + 1)
        if chosen and asked.paths:
            self._grant(asked, chosen)
        self.requests.close(asked)
        log.record("lease", generation=held.generation, instance=held.instance)
        return asked is not None

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

    def _chosen(self, asked: Request) -> Snapshot:
        candidates = self._candidates(asked)
        try:
            chosen = asked.pick(candidates)
        except Refused as error:
            raise self.requests.refusal(error) from error
        self._outrank(candidates)
        return chosen

    def _grant(self, asked: Request, chosen: Snapshot) -> None:
        """That one or none: another would not be what was asked for."""
        log.say(f"{self.requests.address} asks for {', '.join(asked.paths) or 'everything'} from {chosen.id}")
        try:
            self.bring_in(chosen, asked.paths, request=asked.etag)()
        except (Refused, Damaged) as error:
            if isinstance(error, Damaged):
                self.gates.damaged_path.touch()
            raise self.requests.refusal(error) from error

    def _outrank(self, candidates: Sequence[Snapshot]) -> None:
        if candidates[0].generation >= self.lease.held().generation:
            self.lease.raise_to(candidates[0].generation + 1)

    def _first_boot(self, stale: bool) -> None:
        found = self._found()
        candidates = [one for one in found if not one.set_aside]
        if not candidates:
            if stale:
                raise Refused("this volume is behind, and the bucket holds nothing to bring it up to date")
            self.gates.declare_restored(first_boot=True, engine=self.settings.backup)
            log.record("restore", result="first boot", reason=f"s3://{self.settings.bucket} holds no backup")
            return
        self._outrank(candidates)
        if found[0].set_aside:
            log.say(
                f"{found[0].instance} set aside {found[0].id}, which is newer than its last backup and looked like a "
                f"loss; if it is none, run: openclaw-state restore {found[0].id}"
            )
        skipped: list[str] = []
        for snapshot in candidates:
            try:
                self.bring_in(snapshot, skipped=skipped)()
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
        paths = engine.take_in(tree, self._fits)
        if paths:
            verifying.verify(tree)
            verifying.clear_leases(tree)
            self._place(paths, {"taken_in": len(paths), "keep_stamp": True})
        self.placing.discard()

    def _fits(self, path: str) -> bool:
        blocked = self.placing.file_above(path)
        if blocked:
            log.say(f"left in the bucket: {path} cannot come in, for {blocked} is no directory")
        return not blocked

    def bring_in(
        self, snapshot: Snapshot, paths: Sequence[str] = (), skipped: Sequence[str] = (), request: str = ""
    ) -> Callable[[], None]:
        """Pulls and verifies; what it returns puts it in place. request: the ETag of the bucket's request that this
        answers.

        @raises Damaged, Refused; nothing in place has changed then
        """
        started = time.monotonic()
        tree = self.placing.fresh_tree()
        try:
            engines.every(self.settings, self.aws)[snapshot.engine].pull(snapshot, tree, paths)
            absent = [path for path in paths if not (tree / path).exists() and not (tree / path).is_symlink()]
            if absent:
                raise Refused(f"{', '.join(absent)} is not in snapshot {snapshot.id[:24]}")
            log.say("verifying what was fetched")
            checked = verifying.verify(tree)
            if not paths:
                versions.refuse_newer(tree, snapshot.openclaw, self.settings.image)
            verifying.clear_leases(tree)
            files, size = _totals(tree)
        except BaseException:
            self.placing.discard()
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
        return lambda: self._place(list(paths) or _roots(tree), facts)

    def adopt(self, archive: Path) -> Callable[[], None]:
        """Verifies what another install's archive holds; what it returns puts it in place. @raises Refused, Damaged"""
        tree = self.placing.fresh_tree()
        try:
            version, checked = adopting.lay_out(archive, tree)
            versions.refuse_newer(tree, version, self.settings.image)
            verifying.clear_leases(tree)
            files, size = _totals(tree)
        except BaseException:
            self.placing.discard()
            raise
        facts = {"adopted": archive.name, "openclaw": version, "files": files, "bytes": size, "databases": checked}

        return lambda: self._place(_roots(tree), {**facts, "keep_stamp": True})

    def _place(self, paths: Sequence[str], facts: dict[str, Any]) -> None:
        self.placing.begin(paths, facts)
        self._finish()

    def _finish(self) -> None:
        facts = self.placing.finish()
        if not facts.pop("keep_stamp"):
            self.gates.declare_restored(first_boot=False, **facts)
            keys = ("engine", "snapshot", "generation", "sequence", "files", "bytes")
            self.gates.note_good(Good(**{key: facts[key] for key in keys}, at=time.time()))
        if "taken_in" in facts:
            engines.of(self.settings, self.aws).taken_in()
        if "adopted" in facts:
            self.gates.expect(facts["files"], facts["bytes"])
        if "request" in facts:
            self.requests.note_granted(facts["request"])
        self.placing.close()
        log.record("restore", result="success", **facts)

    def _found(self) -> list[Snapshot]:
        """Newest first, of every engine: after a change of `backup` the state is where the former engine left it."""
        found = [one for engine in engines.every(self.settings, self.aws).values() for one in engine.list()]
        return sorted(found, key=lambda one: one.order, reverse=True)

    def _candidates(self, request: Request) -> list[Snapshot]:
        return [one for one in self._found() if request.names_one or not one.set_aside]

    def choose(self, request: Request) -> Snapshot:
        return request.pick(self._candidates(request))

    def _report_failure(self, error: Exception) -> None:
        log.record("restore", result=result_of(error), error=str(error))
        if self.settings.backup != "off":
            metrics.publish(self.aws, {"RestoreSuccess": 0})


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
