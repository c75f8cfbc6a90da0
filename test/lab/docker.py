"""The docker command, and what of it the lab made (everything carries its label)."""

import json
import os
import subprocess

from . import settings


class DockerError(RuntimeError):
    pass


def docker(
    *arguments: str, stdin: str | None = None, check: bool = True, environment: dict[str, str] | None = None
) -> str:
    """Runs docker and returns what it printed, without the last newline.

    :raises DockerError: when it failed and check is on
    """
    result = subprocess.run(
        ["docker", *arguments],
        input=stdin,
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, **(environment or {})},
    )
    if check and result.returncode:
        raise DockerError(f"docker {' '.join(arguments[:3])} ended with {result.returncode}: {result.stderr.strip()}")
    return result.stdout.removesuffix("\n")


def inspect(kind: str, name: str) -> dict | None:
    """What docker knows of a container, image, network or volume, or None when there is none of that name."""
    output = docker(kind, "inspect", name, check=False)
    found = json.loads(output) if output else []
    return found[0] if found else None


def run(name: str, image: str, *command: str, options: tuple[str, ...] = ()) -> None:
    docker("run", "--detach", "--name", name, "--label", settings.LABEL, *options, image, *command)


def address(container: str, network: str) -> str:
    return inspect("container", container)["NetworkSettings"]["Networks"][network]["IPAddress"]


def ours(kind: str) -> list[str]:
    """Ids of the lab's containers, networks or volumes."""
    every = ["--all"] if kind == "container" else []
    return docker(kind, "ls", *every, "--quiet", "--filter", f"label={settings.LABEL}").split()
