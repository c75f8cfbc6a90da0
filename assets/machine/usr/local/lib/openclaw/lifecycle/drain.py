"""Ends this machine's service without loss: stop OpenClaw, save its state and give the lease back, let the group go on.

systemd runs it when openclaw-drain.service stops: at a notice (watch-interruption), at any ordered shutdown, and by
hand. It may run again and again. What matters most comes first, and every step has an end: OpenClaw has 24 s to stop,
or a fifth of the time where that is less, and is killed then; a backup that was running is waited for until half of
the time is gone, or a minute; the final backup has the rest.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

from openclaw.aws import instance, metrics
from openclaw.aws.cli import aws
from openclaw.lifecycle import gateway, handover, notice
from openclaw.system.files import note_json, read_json_object
from openclaw.system.journal import log
from openclaw.system.processes import TIMED_OUT, run_bounded

RUN = os.environ.get("OPENCLAW_RUN", "/run/openclaw")
VAR = os.environ.get("OPENCLAW_VAR", "/var/lib/openclaw")
LIBEXEC = os.environ.get("OPENCLAW_LIBEXEC", "/usr/local/libexec/openclaw")
# Shorter than the grace that Docker Compose gives, so that it is known who ended the gateway.
GRACE = float(os.environ.get("OPENCLAW_DRAIN_GRACE", "24"))
KILL = 5
# A gateway that has not ended by now may take all of its grace: time for a copy of the live state.
BUSY_AFTER = float(os.environ.get("OPENCLAW_DRAIN_BUSY_AFTER", "5"))
# At most; where little time is left, the stop must leave some of it to the final backup.
GRACE_PART = 0.2
# Kept for what comes after the final backup.
RESERVE = 12
RESERVE_PART = 0.25
# The next machine waits 150 s for our lease, unless the final backup has begun and told it to wait for its end.
RUNNING_BACKUP = 60
PAUSE = float(os.environ.get("OPENCLAW_RETRY_DELAY", "3"))
HEARTBEAT = float(os.environ.get("OPENCLAW_DRAIN_HEARTBEAT", "30"))
HOOK = "drain"
AT_ONCE = ["--no-should-respect-grace-period"]
# What the backup says when trying again would change nothing: the disk is full, another machine is the writer, a guard
# refused, or a guard refused and what it refused is in the bucket, apart from the backups.
NO_SPACE = 76
FENCED = 77
SET_ASIDE = 79
FINAL = (NO_SPACE, FENCED, 78, SET_ASIDE)


class Drain:
    def __init__(self, why: dict[str, Any], seconds: float):
        self.why = why
        self.begun = time.monotonic()
        self.end = self.begun + seconds
        self.record: dict[str, Any] = {"state": "draining", "clean": True, "since": now(), **why, "steps": {}}
        self.live_copy_begun = False
        self.fenced = False
        self.safe = True

    def left(self) -> float:
        """Less than the group gave, when a spot notice comes meanwhile."""
        heard = notice.told()
        if heard and heard["reason"] == "interruption" and self.why["reason"] != "interruption":
            self.why = heard
            self.record.update(heard)
            self.end = min(self.end, time.monotonic() + notice.seconds(heard))
            log(f"{max(self.left(), 0):.0f} s are left now: {json.dumps(heard)}")
        return self.end - time.monotonic()

    def left_to_save(self) -> float:
        left = self.left()
        return left - min(RESERVE, left * RESERVE_PART)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        begun = time.monotonic()
        try:
            yield
        finally:
            self.record["steps"][name] = round(time.monotonic() - begun, 1)
            self.write()

    def write(self) -> None:
        """From its first word on, openclaw.service does not start: the file is one of its conditions."""
        note_json(os.path.join(RUN, "drain.json"), self.record)

    def run(self) -> bool:
        self.write()
        asking = threading.Thread(target=self.ask_for_the_next_machine, daemon=True)
        asking.start()
        with self.heartbeats():
            with self.step("stop"):
                stopped = gateway.stop(min(GRACE, self.left() * GRACE_PART), KILL, self.copy_live_state)
                self.record["gateway"] = "stopped" if stopped else "killed"
            if backs_up() and not has_state():
                with self.step("release"):
                    self.give_back()
            if has_state():
                with self.step("wait"):
                    self.wait_for_running_backup()
                with self.step("save"):
                    self.save()
        self.record["ended"] = now()
        # The record of a machine that is fenced, or on which nothing happened, would take the place of the last one's.
        # One on which OpenClaw stayed stopped has told of that one.
        happened = has_served() or stays_stopped() or self.record.get("skipped")
        if has_state() and happened and not self.fenced:
            with self.step("note"):
                self.leave_note()
        if self.safe:
            with self.step("complete"):
                asking.join(10)
                self.complete()
        self.record["state"] = "drained"
        self.record["seconds"] = round(time.monotonic() - self.begun, 1)
        self.write()
        log(json.dumps(self.record))
        self.publish()
        return bool(self.record["clean"])

    def copy_live_state(self, seconds: float) -> None:
        """Saves what can be saved of a gateway that does not end; most of the final backup is then done, too."""
        if seconds < BUSY_AFTER or self.live_copy_begun or not has_state():
            return
        self.live_copy_begun = True
        log(f"OpenClaw has not stopped after {seconds:.0f} s; backing up its live state while waiting")
        run_bounded(["systemctl", "start", "--no-block", "openclaw-backup.service"], 5)

    def wait_for_running_backup(self) -> None:
        while backup_runs():
            gone = time.monotonic() - self.begun
            if gone >= min(self.left(), RUNNING_BACKUP):
                log("the backup that was running does not end: stopped for the final one")
                run_bounded(["systemctl", "stop", "openclaw-backup.service"], 8)
                return
            time.sleep(0.2)

    def save(self) -> None:
        """The final backup, which gives the lease back when it is stored. Who takes over after a failed one would
        start from an older state: that is for our death to decide, not for us."""
        while True:
            ended = run_bounded([f"{LIBEXEC}/backup", "--final"], self.left_to_save())
            self.record["clean"] = ended.ok
            self.record["set_aside"] = ended.code == SET_ASIDE
            self.record["again"] = not ended.ok and ended.code not in FINAL
            self.safe = ended.ok or ended.code == SET_ASIDE
            if not ended.ok and not has_served():
                self.record["skipped"] = "never served"
            if ended.ok:
                return
            log(f"the final backup failed ({'out of time' if ended.code == TIMED_OUT else f'status {ended.code}'})")
            self.fenced = ended.code == FENCED
            if not self.record["again"] or self.left_to_save() <= PAUSE:
                return
            time.sleep(PAUSE)

    def give_back(self) -> None:
        """The lease of a boot whose restore is not in place: there is nothing to save, and nobody need wait until EC2
        calls this machine gone."""
        # It would take the lease again.
        run_bounded(["systemctl", "stop", "openclaw-restore.service"], 10)
        while not has_state():
            ended = run_bounded([f"{LIBEXEC}/state", "lease", "release"], self.left_to_save())
            if ended.ok or ended.code in FINAL or self.left_to_save() <= PAUSE:
                return
            time.sleep(PAUSE)

    def leave_note(self) -> None:
        try:
            self.record["noted"] = handover.leave(self.record, 8)
        except OSError as error:
            log(f"cannot write handover.json for the next machine: {error}")

    @contextlib.contextmanager
    def heartbeats(self) -> Iterator[None]:
        """Keeps the group waiting for as long as we work: its own patience is short, for machines that are dead."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(HEARTBEAT):
                aws("autoscaling", "record-lifecycle-action-heartbeat", *hook())

        thread = threading.Thread(target=beat, daemon=True)
        if self.why["reason"] == "termination":
            thread.start()
        try:
            yield
        finally:
            done.set()

    def ask_for_the_next_machine(self) -> None:
        """It boots while this one drains, and waits for the lease. The group would notice only when EC2 has taken this
        one: minutes without service, for nothing."""
        if self.why["reason"] == "interruption" and not notice.terminating():
            aws("autoscaling", "set-instance-health", *instance_option(), "--health-status", "Unhealthy", *AT_ONCE)

    def complete(self) -> None:
        """Lets the group end this machine. Called only when the state is safe."""
        decided = self.why["reason"] == "termination" or notice.terminating()
        if self.why["reason"] == "interruption" and not decided:
            decided = self.wait_for_the_group()
        if decided:
            ended = aws("autoscaling", "complete-lifecycle-action", "--lifecycle-action-result", "CONTINUE", *hook())
            self.record["completed"] = ended.ok

    def wait_for_the_group(self) -> bool:
        while self.left() > 0:
            if notice.terminating():
                return True
            time.sleep(min(PAUSE, 1))
        return False

    def publish(self) -> None:
        values = {"DrainClean": int(self.record["clean"]), "DrainSeconds": self.record["seconds"]}
        metrics.publish_by_cli(values)


def now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def backs_up() -> bool:
    return os.environ.get("BACKUP", "off") != "off"


def has_state() -> bool:
    """There is something to save only where a restore, or a declared first boot, has made this volume the state."""
    return backs_up() and os.path.exists(os.path.join(VAR, "restored"))


def has_served() -> bool:
    """wait-ready notes it. Before that a backup is kept apart from the others, and only where something was written."""
    return os.path.exists(os.path.join(VAR, "served"))


def stays_stopped() -> bool:
    """Whether OpenClaw was stopped by hand, here or on a machine before."""
    return os.path.exists(os.path.join(VAR, "stopped"))


def backup_runs() -> bool:
    return run_bounded(["systemctl", "is-active", "openclaw-backup.service"], 5).out.strip() == "activating"


def hook() -> list[str]:
    return ["--lifecycle-hook-name", HOOK, "--auto-scaling-group-name", os.environ["GROUP_NAME"], *instance_option()]


def instance_option() -> list[str]:
    return ["--instance-id", instance.own_id_or_empty()]


def main() -> int:
    before = read_json_object(os.path.join(RUN, "drain.json")) or {}
    why = notice.reason()
    seconds = float(os.environ.get("OPENCLAW_DRAIN_SECONDS") or notice.seconds(why))
    if before.get("state") == "drained" and (before["clean"] or before.get("set_aside")):
        log("this machine is drained already")
        if not before.get("completed"):
            # Drained by hand, and only now it ends.
            Drain(why, seconds).complete()
        return 0
    log(f"draining in at most {seconds:.0f} s: {json.dumps(why)}")
    return 0 if Drain(why, seconds).run() else 1
