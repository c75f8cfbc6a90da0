"""The verbs of openclaw-state."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import time
from argparse import Namespace
from collections.abc import Iterator

from sd_notify import notify

from . import adopting, durable, engines, log, metrics, programs, verifying
from .archive import require_space
from .aws import Aws
from .backup import Backup
from .errors import Damaged, Fenced, Refused, SetAside, StateError, result_of
from .gates import Gates
from .lease import Lease
from .progress import size_text
from .request import Request, distinct, relative
from .restore import Restore
from .settings import Settings

SERVICE = "openclaw.service"
DRAIN = "openclaw-drain.service"


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
    granted = Restore(settings).boot(given.patience)
    # OpenClaw's start waits for this, and not for what follows.
    notify("READY=1")
    if granted:
        # Or the next machine would start from the newest snapshot again. It tells of its failure itself, and OpenClaw
        # has to go on.
        with contextlib.suppress(StateError, OSError):
            Backup(settings).run(force=True)
    if settings.backup != "off":
        metrics.publish(Aws(settings), {"RestoreSuccess": 1})


def snapshots(settings: Settings, _: Namespace) -> None:
    _require_backups(settings)
    found = [one for engine in engines.every(settings, Aws(settings)).values() for one in engine.list()]
    rows = [("ID", "TIME (UTC)", "SIZE", "FILES", "GEN", "IMAGE", "ENGINE")]
    for one in sorted(found, key=lambda one: one.order):
        image = one.image.rpartition("/")[2] or "-"
        engine = f"{one.engine} (set aside)" if one.set_aside else one.engine
        short = one.id if one.engine == "mirror" else one.id[:8]
        when = f"{one.time:%Y-%m-%d %H:%M:%S}"
        rows.append(
            (short, when, size_text(one.bytes), str(one.files), f"{one.generation}.{one.sequence}", image, engine)
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    if len(rows) == 1:
        log.say(f"s3://{settings.bucket} holds no backup yet")


def restore(settings: Settings, given: Namespace) -> None:
    _require_backups(settings)
    if given.snapshot and given.at:
        raise Refused("a snapshot is named by its id or by a time, not by both")
    wanted = Request(given.snapshot, given.at, distinct(list(map(relative, given.paths))))
    restoring = Restore(settings)
    chosen = restoring.choose(wanted)
    log.say(f"restoring {', '.join(wanted.paths) or 'everything'} from {chosen.id} of {chosen.time:%Y-%m-%d %H:%M} UTC")
    with durable.lock(settings.var / "lock", settings.lock_wait_seconds):
        restoring.lease.check()
        restoring.gates.require_settled()
        place = restoring.bring_in(chosen, wanted.paths)
        # Down only while directories change places.
        with _service_down(restoring.gates):
            place()
    log.say(f"restored; what was there before is under {settings.var / 'aside'}")
    # Or the next machine would start from the newest snapshot again.
    Backup(settings).run(force=True)


def adopt(settings: Settings, given: Namespace) -> None:
    """OpenClaw is down only while directories change places; a backup at once makes it good."""
    _require_backups(settings)
    restoring = Restore(settings)
    with durable.lock(settings.var / "lock", settings.lock_wait_seconds):
        restoring.lease.check()
        restoring.gates.require_restored()
        restoring.gates.require_settled()
        with adopting.fetched(settings, restoring.aws, given.archive) as archive:
            log.say(f"unpacking {archive.name}")
            place = restoring.adopt(archive)
        with _service_down(restoring.gates):
            place()
    log.say(f"adopted; what was there before is under {settings.var / 'aside'}")
    Backup(settings).run(force=True)
    if "/" not in given.archive:
        restoring.aws.delete([adopting.PREFIX + given.archive])


def drill(settings: Settings, _: Namespace) -> None:
    """Into scratch, never near the live state."""
    _require_backups(settings)
    aws, scratch, started = Aws(settings), settings.var / "drill", time.monotonic()
    try:
        with durable.lock(settings.var / "lock", settings.lock_wait_seconds):
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir(mode=0o700)
            chosen = Restore(settings).choose(Request())
            require_space(chosen.bytes, scratch)
            engine = engines.every(settings, aws)[chosen.engine]
            engine.verify()
            engine.pull(chosen, scratch)
            checked = verifying.verify(scratch)
            verifying.clear_leases(scratch)
        log.record(
            "drill",
            result="success",
            snapshot=chosen.id,
            databases=checked,
            seconds=round(time.monotonic() - started, 1),
        )
        metrics.publish(aws, {"DrillSuccess": 1})
    except (StateError, OSError) as error:
        log.record("drill", result=result_of(error), error=str(error))
        if isinstance(error, Damaged):
            # The next backup must not build on it.
            Gates(settings).damaged_path.touch()
        metrics.publish(aws, {"DrillSuccess": 0})
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def status(settings: Settings, _: Namespace) -> None:
    gates, lease = Gates(settings), Lease(settings, Aws(settings))
    good, held = gates.last_good(), lease.held()
    shown = {
        "backup": settings.backup,
        "bucket": settings.bucket,
        "restored": gates.restored(),
        "last_good": vars(good) if good else None,
        "age_seconds": round(time.time() - good.at) if good else None,
        "lease": {"generation": held.generation, "instance": held.instance} if held else None,
        "fenced": durable.read_json(gates.fenced_path),
    }
    print(json.dumps(shown, indent=2))


def lease(settings: Settings, given: Namespace) -> None:
    _require_backups(settings)
    aws = Aws(settings)
    of_bucket = Lease(settings, aws)
    if given.action == "release":
        of_bucket.release()
        return
    try:
        of_bucket.check()
    except Fenced as error:
        Gates(settings).fence(error)
        metrics.publish(aws, {"Fenced": 1})
        raise
    waiting = of_bucket.waiting()
    if waiting:
        log.say(f"{waiting} was launched in this machine's place and waits for its lease: draining")
        programs.run(["systemctl", "stop", "--no-block", DRAIN], 60)


def _require_backups(settings: Settings) -> None:
    if settings.backup == "off":
        raise Refused("BACKUP=off: this deployment keeps no backups")


@contextlib.contextmanager
def _service_down(gates: Gates) -> Iterator[None]:
    """While its state is replaced; then it runs again where it ran, unless the state is half replaced."""
    asked = programs.run(["systemctl", "is-active", SERVICE], 30)
    # One that starts, or is about to be started again, has the state open too.
    running = asked.code == 0 or asked.out.strip() in ("activating", "deactivating", "reloading")
    # A session that ends in the middle must not leave OpenClaw stopped.
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if running:
        log.say(f"stopping {SERVICE}")
        _systemctl("stop")
    try:
        yield
    finally:
        if running and gates.journal_path.exists():
            log.say(f"{SERVICE} stays down: reboot the machine, which finishes what was begun")
        elif running:
            log.say(f"starting {SERVICE}")
            _systemctl("start")
        else:
            log.say(f"{SERVICE} was not running and is left so: systemctl start {SERVICE}")


def _systemctl(action: str) -> None:
    result = programs.run(["systemctl", action, SERVICE], 900)
    if result.code != 0:
        raise StateError(f"systemctl {action} {SERVICE}: {result.last_words}")
