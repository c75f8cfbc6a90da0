"""The lock that keeps runs apart."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from openclaw.system import journal
from openclaw.system.errors import Busy

# Passed to every child: the lock lives as long as any process of the run does.
held_locks: list[int] = []
EVICT_AGAIN_SECONDS = 5


@contextlib.contextmanager
def locked(path: Path, wait_seconds: float, evict_after: float = float("inf")) -> Iterator[None]:
    """@param evict_after seconds of waiting, the processes that have the lock are ended
    @raises Busy when another run still holds it after wait_seconds
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    begun, said = time.monotonic(), False
    try:
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waited = time.monotonic() - begun
                if waited > 1 and not said:
                    journal.say("waiting for another backup, restore or drill to end")
                    said = True
                if waited >= evict_after:
                    _end_users(path)
                    # Once more, for what a user began while it was looked for.
                    evict_after = waited + EVICT_AGAIN_SECONDS
                if waited >= wait_seconds:
                    raise Busy(f"another backup, restore or drill holds {path} since over {wait_seconds} s") from None
                time.sleep(0.2)
        held_locks.append(fd)
        yield
    finally:
        if fd in held_locks:
            held_locks.remove(fd)
        os.close(fd)


def _end_users(path: Path) -> None:
    """Asks every other process that has this file open to end: all at once, so that none sees another fail before."""
    users = [int(name) for name in os.listdir("/proc") if name.isdigit() and _has_open(int(name), path)]
    for pid in users:
        if pid != os.getpid():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def _has_open(pid: int, path: Path) -> bool:
    """A process opens and closes files while it is looked at: a descriptor that has gone says nothing of the others."""
    try:
        descriptors = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return False
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            if os.path.samefile(f"/proc/{pid}/fd/{descriptor}", path):
                return True
    return False
