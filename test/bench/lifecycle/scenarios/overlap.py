"""Two machines at once: the lease decides which one writes."""

import time

from lab.deployment import DeploymentError
from lab.machine import Machine

from .. import aws
from ..run import READY_SECONDS, Outcome, Run

WRITES = ("s3:PutObject", "s3:DeleteObject", "s3:DeleteObjects", "s3:CopyObject", "s3:CompleteMultipartUpload")


def overlap(run: Run) -> Outcome:
    """The group lets go of a machine that serves on, and launches another, which waits for the living holder of the
    lease and then takes it. The first one looks every minute who wants it, drains, and gives it back."""
    ending = run.begin("two machines at once")
    first = ending.machine
    run.deployment.client("autoscaling").detach_instances(
        InstanceIds=[first.instance_id],
        AutoScalingGroupName=run.deployment.stack_name,
        ShouldDecrementDesiredCapacity=False,
    )
    second = run.deployment.wait_ready(first.instance_id, READY_SECONDS)
    ready = time.time()
    second.execute("systemctl", "start", "openclaw-backup.service")
    run.wait_down(first)
    first.execute("systemctl", "start", "openclaw-backup.service", check=False)
    outcome = run.outcome(ending, second, ready)
    run.terminate(first)
    run.wait_gone(first)
    require_no_writes(run, first, ready)
    seconds = ending.writer.last_at - ending.begun
    outcome.note = (
        f"the first one served for {seconds:.0f} s after the group had let go of it, and wrote nothing to the bucket "
        "after the second was ready"
    )
    return outcome


def require_no_writes(run: Run, machine: Machine, since: float) -> None:
    written = [
        entry for entry in aws.asked(run.deployment.endpoint, machine.instance_id, since) if entry["call"] in WRITES
    ]
    if written:
        raise DeploymentError(f"{machine.instance_id} is fenced and wrote {written}")
