"""The whole life of the machine as a newcomer sees it: deploy, use, back up, lose it, find everything again."""

import json
import time
import urllib.request

from . import cloud, control, settings
from .deployment import Deployment, DeploymentError
from .machine import Machine
from .progress import say

URL = f"http://localhost:{settings.GATEWAY_PORT}"
STATE = "/opt/openclaw"
NOTE = "workspace/DEMO.md"
TEXT = "Written before the power was cut."
JOB = "water the plants"
FAILED_UNIT_LINES = 40
LAB = "PYTHONPATH=test .venv/bin/python -m lab"


def demo() -> None:
    if cloud.running():
        raise SystemExit(
            "the lab runs already: look around (python -m lab status), or end it first (python -m lab down)"
        )
    began = time.monotonic()
    timings: list[tuple[str, float]] = []

    def timed(label: str, action):
        start = time.monotonic()
        result = action()
        timings.append((label, time.monotonic() - start))
        return result

    deployment, warmth = timed("set up the lab", control.up)
    try:
        timed("cdk deploy, to the machine's own signal", deployment.deploy)
        first = deployment.wait_ready()
        check_page()
        say(f"OpenClaw is ready on {URL}")
        timed("write a file and a cron job", lambda: write(first))
        timed("back up", lambda: first.execute("systemctl", "start", "openclaw-backup.service"))
        say(f"{first.instance_id}: the power goes")
        first.cut_power()
        second = timed(
            "power cut to OpenClaw ready on the replacement",
            lambda: deployment.wait_ready(other_than=first.instance_id),
        )
        check_page()
        found = timed("look for what was written", lambda: read(second))
    except Exception:
        explain(deployment)
        raise
    timings.append(("all together", time.monotonic() - began))
    report((first, second), found, timings, warmth)


def check_page() -> None:
    """OpenClaw says ready through the tunnel, as a browser on this host would reach it."""
    answer = json.loads(urllib.request.urlopen(f"{URL}/readyz", timeout=10).read())
    if answer.get("ready") is not True:
        raise DeploymentError(f"{URL}/readyz must say ready, got {answer}")


def write(machine: Machine) -> None:
    machine.execute("sh", "-c", f"umask 022; cat > {STATE}/{NOTE} && chown 1000:1000 {STATE}/{NOTE}", stdin=TEXT)
    machine.execute(
        "openclaw",
        "cron",
        "add",
        "--name",
        JOB,
        "--cron",
        "0 7 * * *",
        "--session",
        "isolated",
        "--message",
        "Water the plants.",
        "--no-deliver",
    )


def read(machine: Machine) -> list[str]:
    """What of it this machine has.

    :raises DeploymentError: when something is missing
    """
    text = machine.execute("cat", f"{STATE}/{NOTE}", check=False)
    jobs = machine.execute("openclaw", "cron", "list", check=False)
    if text != TEXT:
        raise DeploymentError(f"{NOTE} must hold '{TEXT}', got '{text}'")
    if JOB not in jobs:
        raise DeploymentError(f"the cron job '{JOB}' must be listed, got:\n{jobs}")
    return [f"the file {NOTE}: {text}", f"the cron job '{JOB}' in OpenClaw's database"]


def report(
    machines: tuple[Machine, Machine], found: list[str], timings: list[tuple[str, float]], warmth: control.Warmth
) -> None:
    lost, replacement = machines
    warm = "images" if warmth.images else "nothing"
    if warmth.images and warmth.registry:
        warm = "images and registry"
    lines = [
        "",
        f"The machine {lost.instance_id} lost its power; {replacement.instance_id} has taken its place and knows:",
        *(f"  - {line}" for line in found),
        "",
        *(f"  {seconds:6.1f} s  {label}" for label, seconds in timings),
        f"  warm at the start: {warm}",
        "",
        "Look around",
        f"  OpenClaw   {URL}",
        f"  token      {LAB} token",
        f"  shell      {LAB} shell",
        f"  journal    {LAB} journal -- -f",
        f"  more       {LAB} status, power-cut, spot-notice, reboot, … (--help lists all)",
        f"  logs       {settings.LOGS} and, of machines that are gone, {settings.MACHINES}",
        "Clean up",
        "  make demo-down",
    ]
    print("\n".join(lines), flush=True)


def explain(deployment: Deployment) -> None:
    """What the machine said last, for whoever has to find out why it is not well."""
    machine = deployment.machine() or deployment.last_machine()
    if not machine or not machine.has_journal:
        say(f"no machine was booted; the local AWS's log is {settings.LOGS / 'cloud.log'}")
        return
    say(f"last lines of {machine.instance_id}'s units:")
    units = ("-u", "openclaw*", "-u", "cloud-final.service")
    print(machine.journal("-n", str(FAILED_UNIT_LINES), "-o", "short", *units), flush=True)
    if machine.running:
        machine.keep_logs()
    say(f"its whole journal and logs: {settings.MACHINES / machine.instance_id}; the lab's: {settings.LOGS}")
