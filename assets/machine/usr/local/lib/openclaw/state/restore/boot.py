"""A boot's restore: what makes this volume fit to serve."""

from __future__ import annotations

import time
from collections.abc import Sequence

from openclaw.aws import metrics
from openclaw.settings import Settings
from openclaw.state import engines
from openclaw.state.databases.sqlite import Databases
from openclaw.state.engines.base import OBJECTS_ONLY, Snapshot
from openclaw.state.guards import loss, vanished
from openclaw.state.guards.lease import LeaseRecord
from openclaw.state.guards.state_key import StateKey
from openclaw.state.guards.stopped import Stopped
from openclaw.state.openclaw_data import verify
from openclaw.state.restore.request import Request
from openclaw.state.restore.restore import Restore
from openclaw.system import files, journal
from openclaw.system.errors import Damaged, Fenced, Refused, result_of
from openclaw.system.links import is_behind_link
from openclaw.system.lock import locked

RETRY_SECONDS = (5, 15, 30, 60)


class Boot:
    def __init__(self, settings: Settings):
        self.settings = settings
        self.restore = Restore(settings)
        self.aws = self.restore.aws
        self.markers = self.restore.markers
        self.lease = self.restore.lease
        self.requests = self.restore.requests
        self.key = StateKey(settings, self.aws)

    def run(self, patience_seconds: float) -> bool:
        """Makes this volume fit to serve, or raises; through an outage it tries again for patience_seconds.

        Returns whether it brought in what a person had asked for.
        """
        deadline, attempt = time.monotonic() + patience_seconds, 0
        while True:
            try:
                with locked(self.settings.var / "lock", self.settings.lock_wait_seconds):
                    return self._boot()
            except (Refused, Fenced, Damaged) as error:
                self._report_failure(error)
                raise
            except Exception as error:
                self._report_failure(error)
                pause = RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]
                if time.monotonic() + pause > deadline:
                    raise
                attempt += 1
                time.sleep(pause)

    def _boot(self) -> bool:
        if self.restore.swap.unfinished():
            journal.say("finishing the restore that was cut off")
            self.restore.finish()
        stamp = self.markers.restored()
        if self.settings.backup == "off":
            if stamp is None:
                self.markers.declare_restored(first_boot=True, engine="off")
                journal.say("BACKUP=off: a first boot, declared")
            return False
        # Before anything signed is read: whether this boot has made it is known here alone.
        self.key.value()
        self.lease.acquire(self._compare)
        files.remove(self.markers.fenced_path)
        stale = self.markers.behind_path.exists()
        is_first = stamp is None or stale
        Stopped(self.settings, self.aws).settle(is_first)
        asked = self.requests.asked()
        granted = asked and not is_first and self.requests.is_granted(asked)
        chosen = self._chosen(asked) if asked and not granted else None
        if asked and chosen and not asked.paths:
            self._grant(asked, chosen)
            self._import_uploads()
        elif is_first:
            self._first_boot(stale)
        else:
            # Local state is newer than any backup.
            self._import_uploads()
        if asked and chosen and asked.paths:
            self._grant(asked, chosen)
        if not self.restore.record.recorded():
            self.restore.record.note()
        self.key.keep_for_the_drain()
        # A restore takes its time: another machine may have lost its patience and taken over.
        held = self.lease.check()
        journal.record("lease", generation=held.generation, instance=held.instance)
        return chosen is not None

    def _compare(self, current: LeaseRecord | None) -> None:
        """Notes that this volume is behind, by the very lease that is taken and before it is: another machine may have
        come and gone since the last look, and once the lease is ours nothing tells. @raises Fenced where it lives"""
        overtaken = self.markers.restored() is not None and self.lease.is_behind(current)
        if not overtaken and not self.markers.behind_path.exists():
            return
        self.markers.note_behind()
        if current and self.lease.is_alive(current):
            raise Fenced(
                f"this volume is behind: {current.instance} runs and holds the lease in generation "
                f"{current.generation}; this machine stays down"
            )
        journal.say(
            "another machine wrote after this volume did and is gone: its state comes in, this volume's is kept aside"
        )

    def _chosen(self, asked: Request) -> Snapshot:
        candidates = self.restore.candidates(asked)
        try:
            chosen = asked.pick(candidates)
        except Refused as error:
            raise self.requests.refusal(error) from error
        self.lease.raise_above(candidates[0].generation)
        return chosen

    def _grant(self, asked: Request, chosen: Snapshot) -> None:
        """That one or none: another would not be what was asked for."""
        journal.say(f"{self.requests.address} asks for {', '.join(asked.paths) or 'everything'} from {chosen.id}")
        try:
            self.restore.bring_in(chosen, asked.paths, older=not asked.is_newest, request=asked.etag)()
        except (Refused, Damaged) as error:
            if isinstance(error, Damaged):
                self.markers.damaged_path.touch()
            raise self.requests.refusal(error) from error

    def _first_boot(self, stale: bool) -> None:
        found = self.restore.found()
        candidates = [one for one in found if one.is_backup]
        if not candidates and stale:
            raise Refused("this volume is behind, and the bucket holds nothing to bring it up to date")
        if all(one.id == OBJECTS_ONLY for one in candidates):
            self._refuse_a_loss(found)
        if not candidates:
            self.markers.declare_restored(first_boot=True, engine=self.settings.backup)
            journal.record("restore", result="first boot", reason=f"s3://{self.settings.bucket} holds no backup")
            return
        if loss.is_settled(found[0]) and not found[0].only_by_name:
            candidates.insert(0, found[0])
        elif found[0].set_aside:
            journal.say(
                f"{found[0].instance} set aside {found[0].id}, which is newer than its last backup and looked like a "
                f"loss; if it is none, run: openclaw-state restore {found[0].id}"
            )
        self.lease.raise_above(candidates[0].generation)
        skipped: list[str] = []
        for snapshot in candidates:
            try:
                self.restore.bring_in(snapshot, older=bool(skipped), skipped=skipped)()
                self._import_uploads()
                return
            except Damaged as error:
                journal.record("restore", result="damaged", snapshot=snapshot.id, error=str(error))
                skipped.append(snapshot.id)
                self.markers.damaged_path.touch()
        raise Refused(
            f"none of the {len(candidates)} backups in s3://{self.settings.bucket} is good: see the lines above"
        )

    def _refuse_a_loss(self, found: Sequence[Snapshot]) -> None:
        """@raises Refused where this deployment, or the one whose bucket was copied here, has made backups"""
        record = self.restore.record
        missing = vanished.why(self.settings, self.aws, record.believed(), {one.id for one in found})
        if missing:
            raise Refused(missing)
        others = [] if record.recorded() else [name for name in vanished.RECORDS if name != self.settings.backup]
        for name in others:
            if vanished.holds(self.aws, name):
                raise Refused(
                    f"s3://{self.aws.bucket} holds no backup of {self.settings.backup}, and one that says it is of "
                    f"{name}. To start from it: aws ssm put-parameter --type String --name {record.path} --value "
                    f"{name}; to start without: --value {self.settings.backup}. Then reboot"
                )

    def _import_uploads(self) -> None:
        """What people put into the bucket since the last backup, over what is here. What cannot be used stays there."""
        engine = engines.of(self.settings, self.aws)
        tree = self.restore.swap.fresh_tree()
        paths = engine.import_uploads(tree, self._fits)
        try:
            if paths:
                with Databases(self.settings.var) as databases:
                    verify.verify(tree, databases)
                    verify.clear_leases(tree, databases)
                self.restore.place(paths, {"imported": len(paths), "keep_stamp": True})
        except Damaged as error:
            journal.say(f"left in the bucket, all that was put there by hand: {error}")
        self.restore.swap.discard()

    def _fits(self, path: str) -> bool:
        blocked = self.restore.swap.file_above(path)
        behind = is_behind_link(self.settings.data / path, self.settings.data)
        if blocked:
            journal.say(f"left in the bucket: {path} cannot come in, for {blocked} is not a directory")
        elif behind:
            journal.say(f"left in the bucket: {path} cannot come in, for it is behind a link")
        return not blocked and not behind

    def _report_failure(self, error: Exception) -> None:
        journal.record("restore", result=result_of(error), error=str(error))
        if self.settings.backup != "off":
            metrics.publish(self.aws, {"RestoreSuccess": 0})
