"""A deploy of a newer image that never gets ready."""

import dataclasses
import pathlib
import tempfile

from lab import images, services, settings
from lab.deployment import DeploymentError
from lab.docker import docker

from ..run import Outcome, Run

IMAGE = f"{settings.OPENCLAW_IMAGE.rpartition(':')[0]}:2026.99.1"
LOCAL = "openclaw-lab/never-ready:latest"
NEVER_READY = 'FROM {}\nENTRYPOINT ["sh", "-c", "exec sleep infinity"]\n'
REASON = "openclaw.service failed"


def rollout(run: Run) -> Outcome:
    """The deploy must fail, say why, and bring the former image back with the state as it was."""
    push_image()
    return run.end("deploy, new image never ready", lambda _machine: deploy(run))


def push_image() -> None:
    with tempfile.TemporaryDirectory() as context:
        (pathlib.Path(context) / "Dockerfile").write_text(NEVER_READY.format(images.ensure_openclaw()))
        images.build(LOCAL, pathlib.Path(context))
    try:
        services.push(LOCAL, IMAGE)
    finally:
        docker("rmi", LOCAL)


def deploy(run: Run) -> None:
    name = run.deployment.stack_name
    try:
        dataclasses.replace(run.deployment, context={**run.deployment.context, "image": IMAGE}).deploy()
    except DeploymentError as error:
        failure = error
    else:
        raise DeploymentError(f"a deploy of {IMAGE}, which is never ready, succeeded")
    if (status := run.deployment.stacks()[name]) != "UPDATE_ROLLBACK_COMPLETE":
        raise DeploymentError(f"{name} is in {status} after the deploy failed") from failure
    pages = run.deployment.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=name)
    reasons = [event.get("ResourceStatusReason", "") for page in pages for event in page["StackEvents"]]
    if not any(REASON in reason for reason in reasons):
        raise DeploymentError(f"no event of {name} says that {REASON}") from failure
