"""The lab's images, built once per content: a tag is the hash of all that the image is made from."""

import hashlib
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterable

from . import certificates, settings
from .docker import docker, inspect
from .progress import say, step

HERE = pathlib.Path(__file__).parent
DEBIAN = "openclaw-lab/debian:trixie"
AGENT_SCHEMA = settings.REPOSITORY / "test/machine/fixtures/cloudwatch-agent.schema.json"


def content_tag(name: str, sources: Iterable[pathlib.Path], *parents: str) -> str:
    """A tag for an image made from these files and directories and the parent images named."""
    digest = hashlib.sha256("\n".join([settings.architecture(), *parents]).encode())
    for source in sources:
        for file in [source] if source.is_file() else sorted(source.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(source.parent)} {file.stat().st_mode & 0o111}\n".encode())
                digest.update(file.read_bytes())
    return f"openclaw-lab/{name}:{digest.hexdigest()[:16]}"


def build(tag: str, context: pathlib.Path, *options: str) -> None:
    # Engines without the buildx plugin still have their own builder.
    environment = {} if docker("buildx", "version", check=False) else {"DOCKER_BUILDKIT": "0"}
    docker("build", "--label", settings.LABEL, "--tag", tag, *options, str(context), environment=environment)


def ensure_debian() -> None:
    """The base: from a container registry where one answers, else from Debian's packages."""
    if inspect("image", DEBIAN):
        return
    with step("base image: Debian trixie"):
        docker("pull", "--quiet", "debian:trixie", check=False)
        if inspect("image", "debian:trixie"):
            docker("tag", "debian:trixie", DEBIAN)
            return
        say("no container registry answers: making it from Debian's packages")
        subprocess.run([settings.REPOSITORY / "test/ensure-programs", "mmdebstrap"], check=True)
        with tempfile.TemporaryFile() as archive:
            made = subprocess.run(
                ["mmdebstrap", "--quiet", "--variant=minbase", "trixie", "-"], stdout=archive, check=False
            )
            if made.returncode:
                raise SystemExit(f"mmdebstrap ended with {made.returncode}: it needs root and a Debian mirror in reach")
            archive.seek(0)
            subprocess.run(
                ["docker", "import", "--change", f"LABEL {settings.LABEL}=", "-", DEBIAN],
                stdin=archive,
                stdout=subprocess.DEVNULL,
                check=True,
            )


def ensure_services() -> str:
    context = HERE / "images/services"
    tag = content_tag("services", [context])
    if not inspect("image", tag):
        ensure_debian()
        with step("image of the services around the machine"):
            build(tag, context)
    return tag


def ensure_machine() -> str:
    """The machine image, which trusts the lab's authority."""
    services = ensure_services()
    context = HERE / "images/machine"
    tag = content_tag("machine", [context, certificates.AUTHORITY, AGENT_SCHEMA], services)
    if not inspect("image", tag):
        ensure_debian()
        with step("machine image"), tempfile.TemporaryDirectory() as staging:
            target = pathlib.Path(staging) / "context"
            shutil.copytree(context, target)
            shutil.copy(certificates.AUTHORITY, target / "ca.pem")
            shutil.copy(AGENT_SCHEMA, target / "amazon-cloudwatch-agent-schema.json")
            build(tag, target, "--build-arg", f"SERVICES={services}")
    return tag


def ensure_openclaw() -> str:
    """The OpenClaw image, from npm by the committed lock file."""
    source = HERE / "openclaw"
    tag = content_tag("openclaw", [source])
    if not inspect("image", tag):
        ensure_debian()
        with step("OpenClaw image (about 800 MB from npm)"):
            target = settings.CACHE / "openclaw"
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target)
            # The packages' own scripts are for the Node.js in the image, not for this host's.
            subprocess.run(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=target, check=True
            )
            [node] = (target / "node_modules").glob("node-linux-*")
            shutil.move(node / "bin/node", target / "node")
            shutil.rmtree(node)
            for source_map in (target / "node_modules").rglob("*.map"):
                source_map.unlink()
            build(tag, target)
            shutil.rmtree(target)
    return tag
