"""One end of a machine, measured: from its trigger until the next machine serves."""

import contextlib
import dataclasses
import json
import time
from collections.abc import Callable, Iterator

from lab.deployment import Deployment, DeploymentError
from lab.docker import DockerError
from lab.machine import Machine
from lab.progress import say

from . import ledger

POLL_SECONDS = 0.2
WARM_UP_SECONDS = 3
READY_SECONDS = 600


@dataclasses.dataclass
class Outcome:
    scenario: str
    # None where the machine had no time to drain.
    drained_seconds: float | None
    ready_seconds: float
    lost_bytes: int
    clean: bool
    steps: dict[str, float]
    message: str


class Run:
    """The deployment's machine, one after the other."""

    def __init__(self, deployment: Deployment):
        self.deployment = deployment

    def machine(self) -> Machine:
        machine = self.deployment.machine()
        if machine is None:
            raise DeploymentError("no machine runs")
        return machine

    def end(
        self,
        scenario: str,
        trigger: Callable[[Machine], None],
        prepare: Callable[[Machine], object] = lambda _machine: None,
        same_machine: bool = False,
    ) -> Outcome:
        """Has a writer write until the machine ends, and compares what it wrote with what the next one has.

        :param prepare: what comes before the clock starts
        """
        say(f"{scenario}:")
        machine = self.machine()
        machine.execute("systemctl", "start", "openclaw-backup.service", check=False)
        writer = ledger.Ledger(machine)
        time.sleep(WARM_UP_SECONDS)
        prepare(machine)
        begun = time.time()
        trigger(machine)
        self.wait_down(machine)
        written = writer.close()
        successor = self.deployment.wait_ready("" if same_machine else machine.instance_id, READY_SECONDS)
        ready = time.time() - begun
        drained, record = drain_record(machine, begun)
        outcome = Outcome(
            scenario=scenario,
            drained_seconds=drained and drained - begun,
            ready_seconds=ready,
            lost_bytes=max(written - ledger.restored(successor), 0) * ledger.LINE_BYTES,
            clean=bool(record.get("clean")),
            steps=record.get("steps", {}),
            message=moved_message(successor),
        )
        say(f"  {outcome}")
        return outcome

    def wait_down(self, machine: Machine, seconds: float = 600) -> None:
        """Until OpenClaw is not served by this machine any more."""
        end = time.monotonic() + seconds
        while machine.running and machine.succeeds("systemctl", "is-active", "--quiet", "openclaw.service"):
            if time.monotonic() > end:
                raise DeploymentError(f"{machine.instance_id} still serves after {seconds} s")
            time.sleep(POLL_SECONDS)


def drain_record(machine: Machine, since: float) -> tuple[float | None, dict]:
    """When the last drain since then ended, and what it said of itself."""
    with contextlib.suppress(DockerError):
        lines = machine.journal("--unit=openclaw-drain.service", "--output=json").splitlines()
        for entry in reversed([json.loads(line) for line in lines]):
            at = int(entry["__REALTIME_TIMESTAMP"]) / 1e6
            _, _, text = str(entry["MESSAGE"]).partition("drain: ")
            if at >= since and text.startswith("{") and json.loads(text).get("state") == "drained":
                return at, json.loads(text)
    return None, {}


def moved_message(machine: Machine, seconds: float = 60) -> str:
    """The subject of the message that the new machine sends."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        lines = machine.journal("--unit=openclaw-moved.service", "--output=cat").splitlines()
        told = [line.partition("report-move: ")[2] for line in lines if "report-move: OpenClaw " in line]
        if told:
            return told[-1]
        time.sleep(1)
    return ""


def step_of_drain(machine: Machine) -> Iterator[set[str]]:
    """The steps of the drain that are done, whenever asked; nothing before it began."""
    while True:
        with contextlib.suppress(DockerError, json.JSONDecodeError):
            record = json.loads(machine.execute("cat", "/run/openclaw/drain.json"))
            yield set(record["steps"]) | {"begin"}
        time.sleep(0.05)
