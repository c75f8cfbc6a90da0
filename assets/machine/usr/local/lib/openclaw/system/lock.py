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
                    evict_after = float("inf")
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
    """Asks every other process that has this file open to end."""
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        # It may be gone, and so may its files.
        with contextlib.suppress(OSError):
            if any(os.path.samefile(f"/proc/{name}/fd/{fd}", path) for fd in os.listdir(f"/proc/{name}/fd")):
                os.kill(int(name), signal.SIGTERM)
