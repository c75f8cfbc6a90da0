"""Brings the whole lab up and takes it down."""

import concurrent.futures
import shutil
import subprocess
from dataclasses import dataclass

from . import cloud, images, services, settings, switches
from .deployment import Deployment
from .docker import docker, inspect, ours
from .progress import step

ENSURE_DOCKER = settings.REPOSITORY / "test/lab/ensure-docker"


@dataclass
class Warmth:
    """What was there already when the lab came up."""

    images: bool
    registry: bool


def up(stack: str = "demo", context: dict[str, str] | None = None) -> tuple[Deployment, Warmth]:
    """Everything a deployment needs: an engine, images, networks, services and a bootstrapped local AWS."""
    if subprocess.run([ENSURE_DOCKER], check=False).returncode:
        raise SystemExit("the lab cannot run here until this is put right")
    if not cloud.running():
        clear()
    services.ensure_certificates_and_networks()
    before, filled = lab_images(), inspect("volume", services.REGISTRY_VOLUME) is not None
    images.ensure_services()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for made in [pool.submit(images.ensure_machine), pool.submit(push_openclaw)]:
            made.result()
    with step("local AWS"):
        runtime = cloud.start()
        deployment = Deployment(runtime["endpoint"], stack, context or {})
        [authorization] = deployment.client("ecr").get_authorization_token()["authorizationData"]
        services.start(services.password_of(authorization["authorizationToken"]))
    if not deployment.bootstrapped():
        deployment.bootstrap()
    return deployment, Warmth(images=before == lab_images(), registry=filled)


def lab_images() -> set[str]:
    return set(docker("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=openclaw-lab/*").split())


def push_openclaw() -> None:
    """Puts the OpenClaw image into the registry unless this very image was the last one put there."""
    openclaw = images.ensure_openclaw()
    record = settings.STATE / "pushed"
    if inspect("volume", services.REGISTRY_VOLUME) and record.exists() and record.read_text() == openclaw:
        return
    services.push(openclaw, settings.OPENCLAW_IMAGE)
    record.write_text(openclaw)


def current(stack: str = "demo") -> Deployment:
    runtime = cloud.running()
    if not runtime:
        raise SystemExit("the lab does not run: start it with `python -m lab up` or `python -m lab demo`")
    return Deployment(runtime["endpoint"], stack)


def clear() -> None:
    """Removes the lab's machines, services, networks and volumes, but not the registry's content."""
    for container in ours("container"):
        docker("rm", "--force", "--volumes", container, check=False)
    for volume in ours("volume"):
        if volume != services.REGISTRY_VOLUME:
            docker("volume", "rm", volume, check=False)
    for network in ours("network"):
        docker("network", "rm", network, check=False)
    for file in settings.METADATA.glob("*.json"):
        file.unlink()
    switches.clear()


def down(everything: bool = False) -> None:
    """Stops the lab and removes what it made; what makes the next start warm stays.

    :param everything: the images and the registry's content too
    """
    cloud.stop()
    if shutil.which("docker") and docker("info", check=False):
        clear()
        if everything:
            (settings.STATE / "pushed").unlink(missing_ok=True)
            docker("volume", "rm", services.REGISTRY_VOLUME, check=False)
            for image in lab_images():
                docker("rmi", "--force", image, check=False)
    subprocess.run([ENSURE_DOCKER, "--stop"], check=True)
