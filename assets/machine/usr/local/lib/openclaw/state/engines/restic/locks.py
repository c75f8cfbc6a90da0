"""restic's locks: which of those in the repository nobody holds any more.

A process that lives refreshes its lock every 5 minutes; restic calls one stale after 30, or where its process is gone
from this host (internal/restic/lock.go). Beside that, a lock of a machine of this deployment goes with its machine.
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

STALE_AFTER = timedelta(minutes=30)


@dataclass(frozen=True)
class Lock:
    id: str
    time: datetime
    host: str
    pid: int
    uid: int = 0

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, which refreshed its lock {_span(self.age)} ago"

    @property
    def age(self) -> timedelta:
        return datetime.now(timezone.utc) - self.time

    def why_stale(self, instances: Iterable[str], is_gone: Callable[[str], bool]) -> str:
        """Empty for one that may be held.

        @param instances ids of those that have backed up under the lock's host name
        @param is_gone whether an instance can write no more
        """
        if self.age > STALE_AFTER:
            return f"it was last refreshed {_span(self.age)} ago"
        if self.host == host_name():
            return "" if self._is_held_here() else "its process is gone"
        ids = sorted(set(instances))
        return f"{', '.join(ids)} is gone" if ids and all(map(is_gone, ids)) else ""

    def _is_held_here(self) -> bool:
        """Whether its process lives and may be restic: a number is used again, after a reboot at once."""
        try:
            os.kill(self.pid, 0)
            command = Path(f"/proc/{self.pid}/cmdline").read_bytes().split(b"\0")
            return any(os.path.basename(part) == b"restic" for part in command)
        except ProcessLookupError:
            return False
        except OSError:
            # Of another user, by now; the units may not look closer.
            return self.uid != os.getuid()


def parse(lock_id: str, text: str) -> Lock:
    """What `restic cat lock` says. @raises ValueError, LookupError, TypeError for anything else"""
    found: dict[str, Any] = json.loads(text)
    host, pid, uid = str(found.get("hostname", "")), int(found["pid"]), int(found.get("uid", 0))
    return Lock(lock_id, time_of(found["time"]), host, pid, uid)


def time_of(text: str) -> datetime:
    """restic writes nanoseconds, which Python 3.9 does not read. @raises ValueError"""
    found = re.fullmatch(r"(\d+-\d+-\d+T\d+:\d+:\d+)(?:\.\d+)?(Z|[+-]\d+:\d+)", text)
    if found is None:
        raise ValueError(f"no time of restic's: {text!r}")
    whole, offset = found.groups()
    return datetime.fromisoformat(whole + offset.replace("Z", "+00:00")).astimezone(timezone.utc)


def host_name() -> str:
    """As restic has it."""
    return socket.gethostname()


def _span(age: timedelta) -> str:
    minutes, seconds = divmod(max(0, round(age.total_seconds())), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
