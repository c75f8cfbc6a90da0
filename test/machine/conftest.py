"""A machine made of a temporary directory: its programs run from assets/machine with stub commands first on PATH."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from machine.forkserver import PYTHON, ForkServer
from machine.parameter_store import ParameterStore

ASSETS = Path(__file__).parents[2] / "assets" / "machine"
LIBEXEC = ASSETS / "usr/local/libexec/openclaw"
STUBS = Path(__file__).parent / "stubs"


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """A compiled copy of the machine's library, and the programs where it looks for them: to compile it takes longer
    than most programs that use it."""
    local = tmp_path_factory.mktemp("local")
    copy = shutil.copytree(ASSETS / "usr/local/lib/openclaw", local / "lib/openclaw")
    (local / "libexec").symlink_to(LIBEXEC.parent)
    subprocess.run([PYTHON, "-m", "compileall", "-q", copy], check=True)
    return copy


@pytest.fixture(scope="session")
def fork_server(library, tmp_path_factory):
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    server = ForkServer(tmp_path_factory.mktemp("fork-server"), library.parent, keys)
    yield server
    server.close()


class Machine:
    def __init__(self, root: Path, library: Path):
        self.root = root
        self.bin = root / "bin"
        self.run_dir = root / "run"
        self.var = root / "var"
        for directory in (self.bin, self.run_dir, self.var):
            directory.mkdir()
        shutil.copy(STUBS / "aws", self.bin / "aws")
        # Not a version manager's python3, which would put its own directory before ours.
        (self.bin / "python3").symlink_to(os.path.realpath(sys.executable))
        # For tests of a Python program with botocore in it, to load which takes most of its start.
        self.fork_server: ForkServer | None = None
        self.aws_file = root / "aws.json"
        self.objects = root / "objects"
        self.aws_state = {
            "parameters": {},
            "types": {},
            "fail": {},
            "objects": str(self.objects),
            "calls": [],
            "written": [],
            "metrics": [],
            "told": [],
        }
        self.env = {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "HOME": str(root),
            "STACK": "dev",
            "AWS_REGION": "me-central-1",
            "PARAMETER_PATH": "/openclaw/dev",
            "IMAGE": "ghcr.io/openclaw/openclaw:2026.9.6",
            "BACKUP": "snapshots",
            "STATE_BUCKET": "openclaw-backup-dev-123456789012-me-central-1",
            "METRIC_NAMESPACE": "OpenClaw/dev",
            "LOG_GROUP_PREFIX": "/openclaw/dev",
            "OBSERVABILITY": "full",
            "ALARM_TOPIC": "arn:aws:sns:me-central-1:123456789012:openclaw",
            "FAKE_AWS": str(self.aws_file),
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "PYTHONDONTWRITEBYTECODE": "1",
            "OPENCLAW_LIB": str(library),
            "OPENCLAW_RUN": str(self.run_dir),
            "OPENCLAW_VAR": str(self.var),
            "OPENCLAW_RETRY_DELAY": "0",
        }

    def stub(self, name: str, body: str) -> None:
        """A bash command that first notes its arguments, one call a line, and its standard input when it has one."""
        path = self.bin / name
        path.write_text(f'#!/bin/bash\nprintf "%s\\n" "$*" >>"{self.root}/{name}.calls"\n{body}\n')
        path.chmod(0o755)

    def calls(self, name: str) -> list[str]:
        path = self.root / f"{name}.calls"
        return path.read_text().splitlines() if path.exists() else []

    def run(self, program: Path | str, *arguments: str, timeout: float = 30, **env: str):
        """A program of libexec by its name, or any by its path, which then always runs in a process of its own."""
        self.aws_file.write_text(json.dumps(self.aws_state))
        environment = {**self.env, **env}
        if self.fork_server and isinstance(program, str):
            answer = self.fork_server.run(arguments, environment, timeout, program=str(LIBEXEC / program))
            done = subprocess.CompletedProcess([program, *arguments], *answer)
        else:
            done = subprocess.run(
                [program if isinstance(program, Path) else LIBEXEC / program, *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        self.aws_state = json.loads(self.aws_file.read_text())
        return done

    def aws_calls(self, operation: str) -> list[list[str]]:
        return [call for call in self.aws_state["calls"] if operation in call]


@pytest.fixture
def machine(tmp_path, library):
    return Machine(tmp_path, library)


@pytest.fixture
def parameter_store(machine):
    store = ParameterStore(machine.aws_file)
    machine.env["AWS_ENDPOINT_URL"] = store.url
    yield
    store.close()
