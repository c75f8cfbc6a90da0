"""The containers around the machines: metadata service, registry, downloads and the way to the local AWS."""

import base64
import json
import re
import time

from . import certificates, images, settings
from .docker import address, docker, inspect, run
from .progress import step

CERTIFICATE_OPTIONS = ("--volume", f"{settings.CERTIFICATES}:/certificates:ro")
CERTIFICATE_PATHS = ("/certificates/server.pem", "/certificates/server.key")
AWS_NAMES = [
    "api.ecr",
    "autoscaling",
    "cloudformation",
    "ec2",
    "ec2messages",
    "events",
    "logs",
    "monitoring",
    "sns",
    "ssm",
    "ssmmessages",
    "sts",
]
HOP_LIMIT = 1
REGISTRY_VOLUME = "openclaw-lab-registry"


def ensure_networks() -> None:
    for name, options in {settings.NETWORK: [], settings.METADATA_NETWORK: ["--subnet", "169.254.169.0/24"]}.items():
        if not inspect("network", name):
            docker("network", "create", "--internal", "--label", settings.LABEL, *options, name)


def gateway() -> str:
    """The host's address on the machines' network, where the local AWS listens."""
    return inspect("network", settings.NETWORK)["IPAM"]["Config"][0]["Gateway"]


def start(registry_password: str) -> None:
    """Starts what does not run yet."""
    image = images.ensure_services()
    settings.METADATA.mkdir(parents=True, exist_ok=True)
    wanted = {
        "openclaw-lab-metadata": (
            ["imds", "/metadata", str(HOP_LIMIT)],
            (
                "--network",
                settings.METADATA_NETWORK,
                "--ip",
                settings.METADATA_ADDRESS,
                "--volume",
                f"{settings.METADATA}:/metadata:ro",
            ),
        ),
        "openclaw-lab-registry": (
            ["registry", *CERTIFICATE_PATHS, registry_password],
            (
                "--network",
                settings.NETWORK,
                "--volume",
                f"{REGISTRY_VOLUME}:/var/lib/registry",
                *CERTIFICATE_OPTIONS,
            ),
        ),
        "openclaw-lab-downloads": (
            ["downloads", *CERTIFICATE_PATHS],
            ("--network", settings.NETWORK, *CERTIFICATE_OPTIONS),
        ),
        # A port below 1024 in a container needs no rights on the host.
        "openclaw-lab-aws": (
            ["socat", "TCP-LISTEN:443,fork,reuseaddr", f"TCP:{gateway()}:{settings.TLS_PORT}"],
            ("--network", settings.NETWORK),
        ),
    }
    for name, (command, options) in wanted.items():
        found = inspect("container", name)
        if found and found["State"]["Running"]:
            continue
        if found:
            docker("rm", "--force", name)
        run(name, image, *command, options=options)


def host_entries(buckets: list[str]) -> dict[str, str]:
    """The addresses that stand behind the real host names which a machine asks for."""
    aws = address("openclaw-lab-aws", settings.NETWORK)
    region = f"{settings.REGION}.amazonaws.com"
    return {
        **{f"{name}.{region}": aws for name in AWS_NAMES},
        # restic's S3 client asks for the dual-stack name.
        **{
            f"{prefix}{name}.{region}": aws
            for name in ("s3", "s3.dualstack")
            for prefix in ("", *(f"{bucket}." for bucket in buckets))
        },
        settings.REGISTRY: address("openclaw-lab-registry", settings.NETWORK),
        "github.com": address("openclaw-lab-downloads", settings.NETWORK),
    }


def password_of(authorization_token: str) -> str:
    """The password in what ECR's GetAuthorizationToken answers."""
    return base64.b64decode(authorization_token).decode().removeprefix("AWS:")


def push(image: str, reference: str) -> str:
    """Puts a local image into the registry under this reference and returns its digest."""
    if not inspect("volume", REGISTRY_VOLUME):
        docker("volume", "create", "--label", settings.LABEL, REGISTRY_VOLUME)
    door = "openclaw-lab-registry-push"
    docker("rm", "--force", door, check=False)
    with step(f"{reference} into the registry"):
        run(
            door,
            images.ensure_services(),
            "registry",
            options=("--publish", "127.0.0.1::5000", "--volume", f"{REGISTRY_VOLUME}:/var/lib/registry"),
        )
        try:
            port = docker("port", door, "5000/tcp").rpartition(":")[2]
            local = f"127.0.0.1:{port}/{reference.partition('/')[2]}"
            docker("tag", image, local)
            try:
                output = push_when_ready(local)
            finally:
                docker("rmi", local)
        finally:
            docker("rm", "--force", door)
    return re.search(r"digest: (sha256:[0-9a-f]{64})", output).group(1)


def push_when_ready(local: str) -> str:
    for _ in range(20):
        if "digest: " in (output := docker("push", local, check=False)):
            return output
        time.sleep(0.5)
    return docker("push", local)


def set_metadata(machine_address: str, tree: dict[str, str]) -> None:
    """Replaces what the machine of this address is told, at once and as a whole."""
    file = settings.METADATA / f"{machine_address}.json"
    new = file.with_suffix(".new")
    new.write_text(json.dumps(tree))
    new.replace(file)


def ensure_certificates_and_networks() -> None:
    certificates.ensure()
    ensure_networks()
