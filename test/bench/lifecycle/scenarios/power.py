"""The power goes: at once, or in the middle of a drain."""

import contextlib
import json
import time
from collections.abc import Callable

from lab.deployment import DeploymentError
from lab.docker import DockerError
from lab.machine import Machine

from ..run import Outcome, Run
from .notices import NOTICE_SECONDS, notice

# As the drain calls them.
STEPS = ("stop", "wait", "save", "note", "complete")
PAUSE = 0.05


def power_cut(run: Run) -> Outcome:
    return run.end("power cut", Machine.cut_power)


def cut_after(step: str) -> Callable[[Run], Outcome]:
    """The power goes when this step of the drain is done."""

    def scenario(run: Run) -> Outcome:
        def trigger(machine: Machine) -> None:
            notice(machine)
            wait_for_drain(machine, step)
            machine.cut_power()

        return run.end(f"power cut in the drain, after '{step}'", trigger)

    return scenario


def wait_for_drain(machine: Machine, step: str) -> None:
    """Until this step of the drain is done; its begin is when it first says what it does."""
    end = time.monotonic() + NOTICE_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(DockerError, json.JSONDecodeError):
            done = json.loads(machine.execute("cat", "/run/openclaw/drain.json"))["steps"]
            if step == "begin" or step in done:
                return
        time.sleep(PAUSE)
    raise DeploymentError(f"{machine.instance_id}: no '{step}' in its drain within {NOTICE_SECONDS} s")


ENDS = {"power-cut": power_cut, **{f"cut-after-{step}": cut_after(step) for step in ("begin", *STEPS)}}
