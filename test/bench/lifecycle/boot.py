"""A start of the machine with its images present, against OpenClaw's own start in it, and against the naive order."""

import dataclasses
import datetime
import json
import time

from lab.deployment import Deployment
from lab.machine import Machine
from lab.progress import say

STARTING = "7d4958e842da4a758f6c1cdc7b36dcc5"
STARTED = "39f53479d3a045ac8e11786248231fbf"
# One after the other, as a script would do it.
CHAIN = ("docker", "openclaw-tools", "openclaw-firewall", "openclaw-image", "openclaw-restore", "openclaw-secrets")
REPEATS = 3


@dataclasses.dataclass
class Start:
    # From the start of the container to the gateway's readiness.
    whole: float
    # From the start of openclaw.service, which starts the container, to the gateway's readiness.
    own: float
    chart: str


def measure(deployment: Deployment, machine: Machine) -> Start:
    before = machine.state["StartedAt"]
    machine.reboot()
    while not machine.running or machine.state["StartedAt"] == before:
        time.sleep(0.2)
    deployment.wait_ready()
    begun = datetime.datetime.fromisoformat(machine.state["StartedAt"]).timestamp()
    starting = last_message(machine, STARTING)
    ready = last_message(machine, STARTED)
    chart = machine.execute("/usr/local/libexec/openclaw/boot-times")
    return Start(ready - begun, ready - starting, chart)


def last_message(machine: Machine, kind: str) -> float:
    lines = machine.journal("--output=json", "_PID=1", "UNIT=openclaw.service", f"MESSAGE_ID={kind}").splitlines()
    return int(json.loads(lines[-1])["__REALTIME_TIMESTAMP"]) / 1e6


def put_in_a_row(machine: Machine) -> None:
    for before, unit in zip(CHAIN, CHAIN[1:]):
        directory = f"/etc/systemd/system/{unit}.service.d"
        text = f"[Unit]\nAfter={before}.service\n"
        machine.execute("sh", "-c", f"mkdir -p {directory}; cat >{directory}/row.conf", stdin=text)


def bench(deployment: Deployment) -> str:
    """The fastest of some starts in each order, with the chart of the last one."""
    machine = deployment.machine()
    ours = [measure(deployment, machine) for _ in range(REPEATS)]
    put_in_a_row(machine)
    naive = [measure(deployment, machine) for _ in range(REPEATS)]
    best, row = min(ours, key=lambda start: start.whole), min(naive, key=lambda start: start.whole)
    say(f"starts: {[round(start.whole, 1) for start in ours]}, in a row: {[round(start.whole, 1) for start in naive]}")
    return "\n".join(
        [
            best.chart,
            "",
            f"start of the machine to ready: {best.whole:.1f} s; OpenClaw's own start in it: {best.own:.1f} s; "
            f"ratio {best.whole / best.own:.2f} (goal: at most 1.3)",
            f"the same units in a row: {row.whole:.1f} s, ratio {row.whole / row.own:.2f}",
        ]
    )
