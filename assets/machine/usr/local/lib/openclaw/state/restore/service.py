"""OpenClaw's service: stopped while its state is replaced, or until it is started again."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

from openclaw.state.guards.markers import Markers
from openclaw.state.guards.stopped import Stopped
from openclaw.system import journal, processes
from openclaw.system.errors import StateError

SERVICE = "openclaw.service"


@contextlib.contextmanager
def service_down(markers: Markers) -> Iterator[None]:
    """While its state is replaced; then it runs again where it ran, unless the state is half replaced."""
    asked = processes.run(["systemctl", "is-active", SERVICE], 30)
    # One that starts, or is about to be started again, has the state open too.
    running = asked.ok or asked.out.strip() in ("activating", "deactivating", "reloading")
    # A session that ends in the middle must not leave OpenClaw stopped. The backup that follows may be ended again.
    former = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGHUP, signal.SIGTERM)}
    if running:
        journal.say(f"stopping {SERVICE}")
        # A stop that is not meant to last (post-stop); its start takes the note away (stay-stopped).
        markers.restoring_path.touch()
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
        for number, handler in former.items():
            signal.signal(number, handler)


def stop(mark: Stopped) -> None:
    """Until it is started again, on whatever machine; also where it waits for its next try, or has failed."""
    mark.mark()
    _systemctl("stop")


def start(mark: Stopped) -> None:
    """@raises StateError where it does not run then: on a drained machine, say"""
    if mark.at() is not None:
        # Or this would be the boot's own start, which finds it stopped.
        mark.note_known()
    _systemctl("start")
    state = processes.run(["systemctl", "is-active", SERVICE], 30)
    if not state.ok:
        raise StateError(f"{SERVICE} is {state.out.strip()}: systemctl status {SERVICE} says why")


def _systemctl(action: str) -> None:
    result = processes.run(["systemctl", action, SERVICE], 900)
    if not result.ok:
        raise StateError(f"systemctl {action} {SERVICE}: {result.last_words}")
