"""One end of a machine, measured: from its trigger until the next machine serves."""

import contextlib
import dataclasses
import json
import time
from collections.abc import Callable

from lab.deployment import Deployment, DeploymentError
from lab.docker import DockerError
from lab.machine import Machine
from lab.progress import say

from . import aws, ledger

POLL_SECONDS = 0.2
WARM_UP_SECONDS = 3
READY_SECONDS = 900


@dataclasses.dataclass
class Outcome:
    """Seconds are from the trigger, and None for what did not happen."""

    scenario: str
    # The state is in the bucket and the lease is given back.
    drained_seconds: float | None
    # The group was told to go on.
    told_seconds: float | None
    ready_seconds: float
    # From the last write that OpenClaw's container did until the next one was ready.
    gap_seconds: float
    lost_bytes: int
    clean: bool
    steps: dict[str, float]
    message: str
    note: str = ""


@dataclasses.dataclass
class Ending:
    """A machine that is about to end, and what its OpenClaw writes until then."""

    scenario: str
    machine: Machine
    writer: ledger.Ledger
    begun: float


def nothing(_machine: Machine) -> None:
    pass


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
        prepare: Callable[[Machine], object] = nothing,
        same_machine: bool = False,
    ) -> Outcome:
        """Has a writer write until the machine ends, and compares what it wrote with what the next one has.

        :param prepare: what comes before the clock starts
        """
        ending = self.begin(scenario, prepare)
        machine = ending.machine
        trigger(machine)
        self.wait_down(machine)
        successor = self.deployment.wait_ready("" if same_machine else machine.instance_id, READY_SECONDS)
        return self.outcome(ending, successor, time.time())

    def begin(self, scenario: str, prepare: Callable[[Machine], object] = nothing) -> Ending:
        """The machine with a fresh backup, and a writer on it."""
        say(f"{scenario}:")
        machine = self.machine()
        machine.execute("systemctl", "start", "openclaw-backup.service", check=False)
        writer = ledger.Ledger(machine)
        time.sleep(WARM_UP_SECONDS)
        prepare(machine)
        return Ending(scenario, machine, writer, time.time())

    def outcome(self, ending: Ending, successor: Machine, ready: float) -> Outcome:
        machine, writer, begun = ending.machine, ending.writer, ending.begun
        written = writer.close()
        asked = aws.asked(self.deployment.endpoint, machine.instance_id, begun)
        # The final backup announces itself there first.
        drained = aws.last(asked, "s3:PutObject", "lease.json")
        told = aws.last(asked, "autoscaling:CompleteLifecycleAction")
        if told and not (drained and drained < told):
            raise DeploymentError(f"{machine.instance_id} told the group to go on before its state was safe")
        record = drain_record(machine, begun)
        outcome = Outcome(
            scenario=ending.scenario,
            drained_seconds=drained and drained - begun,
            told_seconds=told and told - begun,
            ready_seconds=ready - begun,
            gap_seconds=max(ready - writer.last_at, 0),
            lost_bytes=max(written - ledger.restored(successor), 0) * ledger.LINE_BYTES,
            clean=bool(record.get("clean")),
            steps=record.get("steps", {}),
            message="" if successor.instance_id == machine.instance_id else moved_message(successor),
        )
        say(f"  {outcome}")
        return outcome

    def terminate(self, machine: Machine) -> None:
        self.deployment.client("ec2").terminate_instances(InstanceIds=[machine.instance_id])

    def wait_down(self, machine: Machine, seconds: float = 600) -> None:
        """Until OpenClaw is not served by this machine any more."""

        def serves() -> bool:
            return machine.running and machine.succeeds("systemctl", "is-active", "--quiet", "openclaw.service")

        wait_while(serves, f"{machine.instance_id} still serves", seconds)

    def wait_gone(self, machine: Machine, seconds: float = 300) -> None:
        wait_while(lambda: machine.state is not None, f"{machine.instance_id} is still there", seconds)


def wait_while(condition: Callable[[], bool], complaint: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while condition():
        if time.monotonic() > end:
            raise DeploymentError(f"{complaint} after {seconds} s")
        time.sleep(POLL_SECONDS)


def drain_record(machine: Machine, since: float) -> dict:
    """What the last drain since then said of itself at its end."""
    with contextlib.suppress(DockerError):
        lines = machine.journal("--unit=openclaw-drain.service", "--output=json").splitlines()
        for entry in reversed([json.loads(line) for line in lines]):
            at = int(entry["__REALTIME_TIMESTAMP"]) / 1e6
            _, _, text = str(entry["MESSAGE"]).partition("drain: ")
            if at >= since and text.startswith("{") and json.loads(text).get("state") == "drained":
                return json.loads(text)
    return {}


def moved_message(machine: Machine, seconds: float = 60) -> str:
    """The subject of the message that the new machine sends."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        lines = machine.journal("--unit=openclaw-replacement.service", "--output=cat").splitlines()
        told = [line.partition("report-replacement: ")[2] for line in lines if "report-replacement: OpenClaw " in line]
        if told:
            return told[-1]
        time.sleep(1)
    return ""
