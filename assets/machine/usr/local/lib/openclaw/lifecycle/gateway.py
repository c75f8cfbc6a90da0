"""Stopping OpenClaw for certain.

A gateway with a run in progress ignores SIGTERM for minutes, and Docker's own daemon can hang. So the stop is asked of
systemd, and whether it happened is asked of the kernel: OpenClaw's processes are those that have the state directory
mounted at the container's path. What is left of them after the grace is killed there, with nothing in between.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Callable

from openclaw.system.journal import log
from openclaw.system.processes import run_bounded

STATE = "/home/node/.openclaw"
# Whose work would come in between. The timers that report on this machine go on.
BY_THE_CLOCK = [
    "openclaw-backup.timer",
    "openclaw-lease.timer",
    "openclaw-drill.timer",
    "openclaw-drill.service",
    "openclaw-auto-approve.timer",
]
PAUSE = 0.2


def processes() -> list[int]:
    """Ids of the processes in OpenClaw's containers: whoever else could still write to the state."""
    own = os.readlink("/proc/self/ns/mnt")
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and _in_container(name, own)]


def _in_container(process: str, own: str) -> bool:
    try:
        if os.readlink(f"/proc/{process}/ns/mnt") == own:
            return False
        with open(f"/proc/{process}/mountinfo", encoding="utf-8", errors="replace") as file:
            return any(line.split(" ")[4] == STATE for line in file)
    except OSError:  # it ended while we looked
        return False


def stop(grace: float, kill_seconds: float, meanwhile: Callable[[float], None]) -> bool:
    """Stops OpenClaw and what runs by the clock; True when it ended by itself within the grace.

    `meanwhile` is called with the seconds gone by, for what can be done while it lasts.
    """
    run_bounded(["systemctl", "stop", "--no-block", "openclaw.service", *BY_THE_CLOCK], 10)
    begun = time.monotonic()
    while processes():
        gone = time.monotonic() - begun
        if gone >= grace:
            log(f"OpenClaw is still running after {gone:.0f} s: killed; its next start resumes what it was doing")
            _kill(kill_seconds)
            return False
        meanwhile(gone)
        time.sleep(PAUSE)
    return True


def _kill(seconds: float) -> None:
    """Kills them all; one in an uninterruptible call is waited for, within bounds."""
    end = time.monotonic() + seconds
    while left := processes():
        if time.monotonic() >= end:
            log(f"processes that do not die: {left}")
            return
        for process in left:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(PAUSE)
