"""Outages at a replacement, one service at a time: how long after the return OpenClaw serves, and what came back."""

import contextlib
import os
import time
from collections.abc import Iterator

from lab.deployment import Deployment, DeploymentError
from lab.docker import docker
from lab.progress import say

from .aws import faults

SECONDS = int(os.environ.get("OUTAGE_SECONDS", "600"))
# By what the machine calls: AWS's services by their names in the lab, the others by the container that plays them.
SERVICES = {
    "S3": "s3",
    "Parameter Store": "ssm",
    "CloudFormation": "cloudformation",
    "CloudWatch": "monitoring",
    "CloudWatch Logs": "logs",
    "EC2": "ec2",
}
CONTAINERS = {
    "registry": "openclaw-lab-registry",
    "GitHub": "openclaw-lab-downloads",
    "metadata": "openclaw-lab-metadata",
}
NAMES = {name.lower().replace(" ", "-"): name for name in (*SERVICES, *CONTAINERS)}
NOTE = "/opt/openclaw/workspace/before-the-outage"


@contextlib.contextmanager
def away(deployment: Deployment, name: str) -> Iterator[None]:
    if name in SERVICES:
        with faults(deployment.endpoint, service=SERVICES[name], status=503):
            yield
        return
    docker("pause", CONTAINERS[name])
    try:
        yield
    finally:
        docker("unpause", CONTAINERS[name])


def measure(deployment: Deployment, name: str) -> str:
    """A row: seconds to ready after the return, and what came back. The outage begins when the replacement is launched:
    the launch itself needs Parameter Store, which names the AMI, and EC2."""
    machine = deployment.wait_ready()
    machine.execute("sh", "-c", f"echo {name} >{NOTE}")
    machine.execute("systemctl", "start", "openclaw-backup.service")
    say(f"{name} is away for {SECONDS} s")
    machine.cut_power()
    while not deployment.machine(other_than=machine.instance_id):
        time.sleep(0.5)
    with away(deployment, name):
        # Nothing is asked meanwhile: the question would meet the outage too.
        time.sleep(SECONDS)
    returned = time.monotonic()
    try:
        replacement = deployment.wait_ready(other_than=machine.instance_id, seconds=900)
    except DeploymentError as error:
        return f"| {name} | never: {error} | |"
    seconds = time.monotonic() - returned
    kept = replacement.execute("cat", NOTE, check=False).strip() == name
    return f"| {name} | {seconds:.0f} | {'all' if kept else 'not the last file'} |"


def bench(deployment: Deployment, names: list[str]) -> str:
    rows = [f"| away for {SECONDS} s | ready s after the return | state |", "| --- | ---: | --- |"]
    for name in names:
        rows.append(measure(deployment, NAMES[name]))
        say(rows[-1])
    return "\n".join(rows)
