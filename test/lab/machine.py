"""A container that stands for an EC2 instance: systemd, its own Docker engine, its own metadata."""

import functools
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

from . import images, services, settings
from .docker import DockerError, docker, inspect

ORDERLY_STOP_SECONDS = 120
REBOOT_EXIT_CODE = 129


class Machine:
    def __init__(self, instance_id: str):
        self.instance_id = instance_id
        self.container = f"openclaw-lab-{instance_id}"

    def boot(self, metadata_address: str, buckets: list[str], volume: str | None = None) -> None:
        """Starts a new machine. Its metadata must be in place.

        :param volume: a Docker volume for the engine's data; a fresh one by default
        """
        volume = volume or self.container
        settings.SWITCHES.mkdir(parents=True, exist_ok=True)
        if not inspect("volume", volume):
            docker("volume", "create", "--label", settings.LABEL, volume)
        hosts = [
            option for name, ip in services.host_entries(buckets).items() for option in ("--add-host", f"{name}:{ip}")
        ]
        docker(
            "create",
            "--name",
            self.container,
            "--hostname",
            f"ip-{metadata_address.replace('.', '-')}",
            "--label",
            settings.LABEL,
            "--label",
            f"{settings.LABEL}.instance={self.instance_id}",
            "--network",
            settings.NETWORK,
            *hosts,
            *isolation(),
            "--tmpfs",
            "/run",
            "--tmpfs",
            "/run/lock",
            "--tmpfs",
            "/tmp:exec",
            "--volume",
            f"{volume}:/var/lib/docker",
            "--volume",
            f"{settings.SWITCHES}:/etc/openclaw-lab/switches:ro",
            images.ensure_machine(),
        )
        docker("network", "connect", "--ip", metadata_address, settings.METADATA_NETWORK, self.container)
        docker("start", self.container)

    @property
    def state(self) -> dict | None:
        found = inspect("container", self.container)
        return found and found["State"]

    @property
    def running(self) -> bool:
        state = self.state
        return state is not None and state["Running"]

    @property
    def metadata_address(self) -> str:
        """Its address on the metadata service's network, by which that service knows it."""
        networks = inspect("container", self.container)["NetworkSettings"]["Networks"]
        return networks[settings.METADATA_NETWORK]["IPAMConfig"]["IPv4Address"]

    def execute(self, *command: str, check: bool = True, stdin: str | None = None) -> str:
        """Runs a command as root in the machine and returns what it printed."""
        return docker(
            "exec",
            *(["--interactive"] if stdin is not None else []),
            self.container,
            *command,
            check=check,
            stdin=stdin,
        )

    def succeeds(self, *command: str) -> bool:
        try:
            self.execute(*command)
        except DockerError:
            return False
        return True

    def cut_power(self) -> None:
        docker("kill", self.container)

    def stop(self) -> None:
        """An orderly shutdown, as when EC2 terminates an instance."""
        docker("stop", "--time", str(ORDERLY_STOP_SECONDS), self.container)

    def reboot(self) -> None:
        """Asks the machine to reboot; the EC2 loop starts it again, with the same volumes, when it is down."""
        self.execute("systemctl", "reboot", check=False)

    def journal_command(self, *arguments: str) -> list[str]:
        """A docker command that prints the journal, of a machine that runs or of one that is gone."""
        journalctl = ["journalctl", "--no-pager", "--all"]
        if self.running:
            return ["exec", self.container, *journalctl, *arguments]
        logs = settings.MACHINES / self.instance_id / "log"
        kept = ["--rm", "--label", settings.LABEL, "--volume", f"{logs}:/log:ro", images.ensure_machine()]
        return ["run", *kept, *journalctl, "--directory=/log/journal", *arguments]

    @property
    def has_journal(self) -> bool:
        return self.running or (settings.MACHINES / self.instance_id / "log").exists()

    def journal(self, *arguments: str) -> str:
        return docker(*self.journal_command(*arguments))

    def keep_logs(self) -> pathlib.Path:
        """Copies /var/log out of the machine, to be read after it is gone."""
        target = settings.MACHINES / self.instance_id
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        with tempfile.TemporaryFile() as archive:
            subprocess.run(["docker", "cp", f"{self.container}:/var/log", "-"], stdout=archive, check=True)
            archive.seek(0)
            with tarfile.open(fileobj=archive) as members:
                files = [member for member in members if member.isfile() or member.isdir()]
                members.extractall(target, files, filter="data")
        return target / "log"

    def remove(self) -> None:
        docker("rm", "--force", "--volumes", self.container, check=False)


@functools.cache
def isolation() -> list[str]:
    """How systemd and a nested engine are let run: privileged, or all that can be had where that is refused (an engine
    without CAP_SYS_RESOURCE)."""
    version = docker("info", "--format", "{{.CgroupVersion}}")
    cgroup = (
        ["--cgroupns=private"]
        if version == "2"
        else ["--cgroupns=host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw"]
    )
    try:
        docker("run", "--rm", "--privileged", "--label", settings.LABEL, images.DEBIAN, "true")
    except DockerError:
        unconfined = [
            option
            for name in ("seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined")
            for option in ("--security-opt", name)
        ]
        return ["--cap-add=ALL", "--cap-drop=SYS_RESOURCE", *unconfined, *cgroup]
    return ["--privileged", *cgroup]
