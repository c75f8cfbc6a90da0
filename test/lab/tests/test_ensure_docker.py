"""What the lab needs: found, installed, or named at once. Stub commands stand for the host's."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys

import pytest
from lab import control, settings

TOOLS = [
    "awk",
    "bash",
    "cat",
    "cut",
    "dirname",
    "env",
    "flock",
    "grep",
    "head",
    "mkdir",
    "ps",
    "rm",
    "setsid",
    "sleep",
    "sort",
]
TOOLS += ["tail", "touch", "tr"]
NO_SERVICE_MANAGER = not pathlib.Path("/run/systemd/system").exists()
# An engine answers as soon as a dockerd has been started.
STUBS = {
    "df": "echo Avail; echo 100",
    "docker": 'test -e "$STUB_STATE/engine" && echo /var/lib/docker',
    "node": "echo v22.1.0",
    "npm": "exit 0",
    "uname": "echo x86_64",
}
DOCKERD = """
echo $$ > "$2"
touch "$STUB_STATE/engine"
while true; do sleep 0.2; done
"""


class Host:
    def __init__(self, directory: pathlib.Path):
        self.directory, self.bin = directory, directory / "bin"
        self.bin.mkdir()
        (self.bin / "python3").symlink_to(sys.executable)
        for tool in TOOLS:
            (self.bin / tool).symlink_to(subprocess.check_output(["which", tool], text=True).strip())
        for name, script in STUBS.items():
            self.stub(name, script)

    def stub(self, name: str, script: str) -> None:
        file = self.bin / name
        file.unlink(missing_ok=True)
        file.write_text(f"#!/bin/bash\n{script}\n")
        file.chmod(0o755)

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        environment = {
            "PATH": str(self.bin),
            "STUB_STATE": str(self.directory),
            "OPENCLAW_LAB_DIRECTORY": str(self.directory / "lab"),
            "HOME": os.environ["HOME"],
        }
        return subprocess.run(
            [control.ENSURE_DOCKER, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture
def host(tmp_path):
    host = Host(tmp_path)
    (tmp_path / "engine").touch()
    return host


@pytest.fixture
def port_is_ours(host):
    """A lab's own process holds the port, if anybody does."""
    (host.directory / "lab").mkdir()
    (host.directory / "lab/run.json").write_text(json.dumps({"pid": os.getpid()}))


@pytest.mark.usefixtures("port_is_ours")
def test_is_content_with_a_running_engine(host):
    done = host.run()
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("command", "script", "message"),
    [
        ("uname", "echo riscv64", "the architecture must be x86_64 or aarch64, got 'riscv64'"),
        ("node", "echo v18.20.0", "Node.js must be 20.19 or newer, got 'v18.20.0'"),
        ("python3", "echo 3.9.2", "Python must be 3.11 or newer, got '3.9.2'"),
        ("df", "echo Avail; echo 7", "8 GiB of disk are needed at"),
    ],
)
def test_names_what_is_wrong(host, command, script, message):
    host.stub(command, script)
    done = host.run()
    assert done.returncode == 1
    assert message in done.stderr


def test_names_a_missing_node_and_a_full_disk_in_one_run(host):
    (host.bin / "node").unlink()
    host.stub("df", "echo Avail; echo 1")
    done = host.run()
    assert done.returncode == 1
    assert "Node.js with npm is missing" in done.stderr
    assert "1 GiB are free" in done.stderr


def test_names_a_taken_port(host):
    try:
        taken = socket.create_server(("127.0.0.1", settings.GATEWAY_PORT))
    except OSError:  # by somebody else already
        taken = contextlib.nullcontext()
    with taken:
        done = host.run()
    assert done.returncode == 1
    assert f"port {settings.GATEWAY_PORT} on 127.0.0.1 is taken" in done.stderr


@pytest.mark.usefixtures("port_is_ours")
@pytest.mark.skipif(
    os.geteuid() != 0 or not NO_SERVICE_MANAGER, reason="only root starts an engine, where no systemd does"
)
def test_installs_starts_and_stops_an_engine(host):
    (host.directory / "engine").unlink()
    host.stub("dockerd.package", DOCKERD)
    host.stub(
        "apt-get",
        f'echo "$*" >> "$STUB_STATE/apt"; [[ $1 == update ]] || /bin/cp {host.bin}/dockerd.package {host.bin}/dockerd',
    )
    done = host.run()
    assert done.returncode == 0, done.stderr
    assert "docker.io" in (host.directory / "apt").read_text()
    pid = int((host.directory / "lab/dockerd.pid").read_text())
    assert pathlib.Path(f"/proc/{pid}").exists()
    stopped = host.run("--stop")
    assert stopped.returncode == 0, stopped.stderr
    assert not pathlib.Path(f"/proc/{pid}").exists()


def test_stops_no_process_that_only_has_the_number(host):
    other = subprocess.Popen(["sleep", "30"])
    try:
        (host.directory / "lab").mkdir()
        (host.directory / "lab/dockerd.pid").write_text(str(other.pid))
        assert host.run("--stop").returncode == 0
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
