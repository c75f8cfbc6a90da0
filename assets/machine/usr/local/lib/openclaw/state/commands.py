"""The verbs of openclaw-state."""

from __future__ import annotations

import contextlib
import json
import time
from argparse import Namespace
from collections.abc import Iterator

from openclaw.aws import metrics
from openclaw.aws.client import Aws
from openclaw.lifecycle import handover_request
from openclaw.settings import Settings, require_backups
from openclaw.state.adopt import adopt as adopting
from openclaw.state.backup.run import Backup
from openclaw.state.guards.lease import Lease
from openclaw.state.guards.markers import Markers
from openclaw.state.guards.paths import relative
from openclaw.state.guards.stopped import Stopped
from openclaw.state.restore import drill as drilling
from openclaw.state.restore import service
from openclaw.state.restore.boot import Boot
from openclaw.state.restore.request import Request, distinct
from openclaw.state.restore.restore import Restore
from openclaw.system import files, journal, processes
from openclaw.system.errors import Busy, Fenced, Refused, SetAside, result_of
from openclaw.system.lock import locked
from openclaw.system.progress import size_text
from openclaw.system.sd_notify import notify

DRAIN = "openclaw-drain.service"
BACKUP = "openclaw-backup.service"


def backup(settings: Settings, given: Namespace) -> None:
    if not given.final or settings.backup == "off":
        Backup(settings).run(force=given.force)
        return
    of_bucket = Lease(settings, Aws(settings))
    # Where it is fenced, the backup says so, and stops OpenClaw.
    with contextlib.suppress(Fenced):
        of_bucket.announce_end()
    try:
        Backup(settings).run(force=given.force, final=True)
    except SetAside:
        of_bucket.release()
        raise
    of_bucket.release()


def boot(settings: Settings, given: Namespace) -> None:
    booting = Boot(settings)
    brought_in = booting.run(given.patience)
    # OpenClaw's start waits for this, and not for what follows.
    notify("READY=1")
    if booting.requests.is_open():
        # Which makes it last, and takes the request back. It reports its failure itself, and OpenClaw has to go on.
        with contextlib.suppress(Exception):
            Backup(settings).run(force=brought_in)
    if settings.backup != "off":
        metrics.publish(Aws(settings), {"RestoreSuccess": 1})


def snapshots(settings: Settings, _: Namespace) -> None:
    require_backups(settings)
    found = Restore(settings).found_anywhere()
    rows = [("ID", "TIME (UTC)", "SIZE", "FILES", "GEN", "IMAGE", "ENGINE")]
    for one in sorted(found, key=lambda one: one.order):
        image = one.image.rpartition("/")[2] or "-"
        apart = " (set aside)" if one.set_aside else " (unsigned)" if one.unsigned else ""
        engine = one.engine + apart
        short = one.id if one.engine == "mirror" else one.id[:8]
        when = f"{one.time:%Y-%m-%d %H:%M:%S}"
        rows.append(
            (short, when, size_text(one.bytes), str(one.files), f"{one.generation}.{one.sequence}", image, engine)
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    if len(rows) == 1:
        journal.say(f"s3://{settings.bucket} holds no backup yet")


@contextlib.contextmanager
def _failures_reported(settings: Settings) -> Iterator[None]:
    """What a person mistyped, or another run holds up, they see; anything else is a restore that failed."""
    try:
        yield
    except (Refused, Busy):
        raise
    except Exception as error:
        journal.record("restore", result=result_of(error), error=str(error))
        metrics.publish(Aws(settings), {"RestoreSuccess": 0})
        raise


def restore(settings: Settings, given: Namespace) -> None:
    require_backups(settings)
    if given.snapshot and given.at:
        raise Refused("a snapshot is named by its id or by a time, not by both")
    wanted = Request(given.snapshot, given.at, distinct(list(map(relative, given.paths))))
    restoring = Restore(settings)
    chosen = restoring.choose(wanted)
    journal.say(
        f"restoring {', '.join(wanted.paths) or 'everything'} from {chosen.id} of {chosen.time:%Y-%m-%d %H:%M} UTC"
    )
    with _failures_reported(settings), locked(settings.var / "lock", settings.lock_wait_seconds):
        restoring.lease.check()
        restoring.markers.require_settled()
        # What runs here has gone on since the newest one.
        place = restoring.bring_in(chosen, wanted.paths, older=True)
        # Down only while directories change places.
        with service.service_down(restoring.markers):
            place()
    journal.say(f"restored; what was there before is under {settings.var / 'aside'}")
    # Or the next machine would start from the newest snapshot again.
    Backup(settings).run(force=True)


def adopt(settings: Settings, given: Namespace) -> None:
    """OpenClaw is down only while directories change places; a backup at once makes it good."""
    require_backups(settings)
    restoring = Restore(settings)
    with _failures_reported(settings), locked(settings.var / "lock", settings.lock_wait_seconds):
        restoring.lease.check()
        restoring.markers.require_restored()
        restoring.markers.require_settled()
        with adopting.fetched(settings, restoring.aws, given.archive) as archive:
            journal.say(f"unpacking {archive.name}")
            place = restoring.adopt(archive)
        with service.service_down(restoring.markers):
            place()
    journal.say(f"adopted; what was there before is under {settings.var / 'aside'}")
    Backup(settings).run(force=True)
    if "/" not in given.archive:
        restoring.aws.delete([adopting.PREFIX + given.archive])


def drill(settings: Settings, _: Namespace) -> None:
    require_backups(settings)
    drilling.drill(settings)


def status(settings: Settings, _: Namespace) -> None:
    aws = Aws(settings)
    markers, lease = Markers(settings), Lease(settings, aws)
    good, held = markers.last_good(), lease.held()
    shown = {
        "backup": settings.backup,
        "bucket": settings.bucket,
        "restored": markers.restored(),
        "last_good": vars(good) if good else None,
        "age_seconds": round(time.time() - good.at) if good else None,
        "lease": {"generation": held.generation, "instance": held.instance} if held else None,
        "stopped_by_hand": Stopped(settings, aws).at(),
        "fenced": files.read_json(markers.fenced_path),
    }
    print(json.dumps(shown, indent=2))


def stop(settings: Settings, given: Namespace) -> None:
    service.stop(Stopped(settings, Aws(settings)))
    journal.say("OpenClaw is stopped, and stays so over reboots and replacements until it is started again")
    tell_stopped(settings, given)


def start(settings: Settings, _: Namespace) -> None:
    service.start(Stopped(settings, Aws(settings)))


def tell_stopped(settings: Settings, _: Namespace) -> None:
    if settings.backup == "off":
        return
    aws = Aws(settings)
    Lease(settings, aws).check()
    Stopped(settings, aws).tell()


def lease(settings: Settings, given: Namespace) -> None:
    require_backups(settings)
    aws = Aws(settings)
    of_bucket = Lease(settings, aws)
    if given.action == "release":
        of_bucket.release()
        return
    try:
        held = of_bucket.check()
    except Fenced as error:
        Markers(settings).fence(error, BACKUP)
        metrics.publish(aws, {"Fenced": 1})
        raise
    waiting = of_bucket.waiting(held)
    if waiting:
        journal.say(f"{waiting} was launched in this machine's place and waits for its lease: draining")
        handover_request.note(settings.run, waiting)
        processes.run(["systemctl", "stop", "--no-block", DRAIN], 60)
