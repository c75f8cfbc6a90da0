"""Watches the instance metadata for this machine's end, and starts what has to be done about it.

A rebalance recommendation brings one extra backup, unless the end is near already, and the service goes on. An instance
action, or the target state Terminated in the Auto Scaling group, stops openclaw-drain.service, which is what drains the
machine.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any, NoReturn

from openclaw.aws.metadata import Metadata
from openclaw.system.errors import Unavailable
from openclaw.system.files import note_json, read_json_object
from openclaw.system.journal import log
from openclaw.system.sd_notify import notify

RUN = os.environ.get("OPENCLAW_RUN", "/run/openclaw")
INTERVAL = float(os.environ.get("OPENCLAW_WATCH_INTERVAL", "5"))
# Between two backups that recommendations bring: each may differ from the last one by its time alone.
BACKUP_PAUSE = float(os.environ.get("OPENCLAW_REBALANCE_PAUSE", "300"))
ACTIONS = {"terminate", "stop", "hibernate"}
BACKUP = ["systemctl", "start", "--no-block", "openclaw-backup.service"]
DRAIN = ["systemctl", "stop", "--no-block", "openclaw-drain.service"]
# A unit whose stop has failed has to be up before it can be stopped again.
HAS_FAILED = ["systemctl", "is-failed", "--quiet", "openclaw-drain.service"]
REARM = ["systemctl", "start", "openclaw-drain.service"]


def run(command: list[str]) -> bool:
    """True when the command ended well. Not subprocess: it would cost a third more memory all day."""
    pid = os.posix_spawnp(command[0], command, os.environ)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def write(name: str, value: Any) -> None:
    """Keeps a JSON value in /run, so that a watcher that is started anew knows it too."""
    note_json(os.path.join(RUN, name), value)


def read(name: str) -> dict[str, Any] | None:
    return read_json_object(os.path.join(RUN, name))


class Watcher:
    def __init__(self, metadata: Metadata):
        self.metadata = metadata
        self.silent_since: float | None = None
        self.odd: str | None = None
        self.notice = read("interruption.json")
        # The recommendation that was answered last, and when, by the clock that begins with the boot.
        self.answered = read("rebalance.json") or {}

    def look(self) -> None:
        """One look at all three, the most urgent first; one that cannot be read does not hide the others."""
        fault: Unavailable | None = None
        for path, seen in (
            ("spot/instance-action", self.instance_action),
            ("autoscaling/target-lifecycle-state", self.target_state),
            ("events/recommendations/rebalance", self.rebalance),
        ):
            try:
                text = self.metadata.get(path)
                if text is not None:
                    seen(text)
            except Unavailable as error:
                fault = error
        self.say_whether_it_answers(fault)

    def say_whether_it_answers(self, fault: Unavailable | None) -> None:
        if fault and self.silent_since is None:
            self.silent_since = time.monotonic()
            log(f"the metadata service does not answer: {fault}")
        elif not fault and self.silent_since is not None:
            log(f"the metadata service answers again after {time.monotonic() - self.silent_since:.0f} s")
            self.silent_since = None

    def instance_action(self, text: str) -> None:
        notice = self.parse(text)
        if not notice:
            return
        if notice.get("action") in ACTIONS:
            self.drain({"reason": "interruption", "action": notice["action"], "time": notice.get("time")})
        else:
            self.say_odd(f"unknown instance action {text[:200]!r}; known: {', '.join(sorted(ACTIONS))}")

    def target_state(self, text: str) -> None:
        if text == "Terminated":
            self.drain({"reason": "termination"})

    def rebalance(self, text: str) -> None:
        recommendation = self.parse(text)
        if not recommendation or recommendation == self.answered.get("recommendation"):
            return
        # A notice is looked for first. The final backup has all of the time that is left.
        if self.notice or read("drain.json"):
            return
        if self.answered and time.monotonic() - self.answered["at"] < BACKUP_PAUSE:
            return
        log(f"rebalance recommended at {recommendation.get('noticeTime')}: one extra backup")
        if os.environ.get("BACKUP") == "off" or run(BACKUP):
            self.answered = {"recommendation": recommendation, "at": time.monotonic()}
            write("rebalance.json", self.answered)

    def drain(self, notice: dict[str, Any]) -> None:
        if self.notice is None or (self.notice["reason"], notice["reason"]) == ("termination", "interruption"):
            log(f"this machine is about to end: {json.dumps(notice)}")
            write("interruption.json", notice)
            self.notice = notice
        if (read("drain.json") or {}).get("again", True) and run(HAS_FAILED):
            log("the drain has failed: once more")
            run(REARM)
        # Again at every look while the notice stands: it costs nothing while it runs and when it is done.
        run(DRAIN)

    def parse(self, text: str) -> dict[str, Any] | None:
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if isinstance(value, dict):
            return value
        self.say_odd(f"not a JSON object: {text[:200]!r}")
        return None

    def say_odd(self, message: str) -> None:
        """Once, not every five seconds."""
        if message != self.odd:
            log(message)
            self.odd = message


def main() -> NoReturn:
    watcher = Watcher(Metadata())
    notify("READY=1", "STATUS=watching the instance metadata")
    while True:
        watcher.look()
        notify("WATCHDOG=1")
        # A whole pause after each look, however long the look took: a slow service is not asked more often.
        time.sleep(INTERVAL)
