"""OpenClaw's service, stopped while its state is replaced."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

from openclaw.state.guards.markers import Markers
from openclaw.system import journal, processes
from openclaw.system.errors import StateError

SERVICE = "openclaw.service"


@contextlib.contextmanager
def service_down(markers: Markers) -> Iterator[None]:
    """While its state is replaced; then it runs again where it ran, unless the state is half replaced."""
    asked = processes.run(["systemctl", "is-active", SERVICE], 30)
    # One that starts, or is about to be started again, has the state open too.
    running = asked.ok or asked.out.strip() in ("activating", "deactivating", "reloading")
    # A session that ends in the middle must not leave OpenClaw stopped.
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if running:
        journal.say(f"stopping {SERVICE}")
        _systemctl("stop")
    try:
        yield
    finally:
        if running and markers.journal_path.exists():
            journal.say(f"{SERVICE} stays down: reboot the machine, which finishes what was begun")
        elif running:
            journal.say(f"starting {SERVICE}")
            _systemctl("start")
        else:
            journal.say(f"{SERVICE} was not running and is left so: systemctl start {SERVICE}")


def _systemctl(action: str) -> None:
    result = processes.run(["systemctl", action, SERVICE], 900)
    if not result.ok:
        raise StateError(f"systemctl {action} {SERVICE}: {result.last_words}")
