"""versitygw, an S3 server that nobody of this project wrote: built from the Go proxy once, under .lab/tools."""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from machine.state.support.machine import REGION, REPOSITORY

VERSION = "v1.8.0"
PACKAGE = f"github.com/versity/versitygw/cmd/versitygw@{VERSION}"
TOOLS = REPOSITORY / ".lab" / "tools"
BUILD_SECONDS, START_SECONDS = 900, 60


def program() -> Path:
    """Skips where it cannot be had, and says why."""
    built = TOOLS / f"versitygw-{VERSION}"
    TOOLS.mkdir(parents=True, exist_ok=True)
    # Side by side, each worker of a test run comes here.
    with (TOOLS / "versitygw.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists():
            _build(built)
    return built


def _build(built: Path) -> None:
    if not shutil.which("go"):
        pytest.skip("not run: there is no Go here to build versitygw with")
    new = TOOLS / "versitygw.new"
    environment = {**os.environ, "GOBIN": str(new), "GOFLAGS": "-p=1"}
    done = subprocess.run(
        ["go", "install", PACKAGE], env=environment, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
    )
    if done.returncode:
        pytest.skip(f"not run: {PACKAGE} cannot be built: {done.stderr.strip().splitlines()[-1:]}")
    (new / "versitygw").rename(built)
    new.rmdir()


@contextlib.contextmanager
def running(directory: Path, access: str, secret: str) -> Iterator[int]:
    """The port of a server on loopback that keeps buckets and their versions below the directory."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    for name in ("buckets", "versions"):
        (directory / name).mkdir()
    address = f"127.0.0.1:{port}"
    command = [program(), "--access", access, "--secret", secret, "--region", REGION, "--port", address]
    command += ["posix", "--versioning-dir", directory / "versions", directory / "buckets"]
    with (directory / "log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait(server, port)
        yield port
    finally:
        server.kill()
        server.wait()


def _wait(server: subprocess.Popen, port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        assert server.poll() is None, "versitygw ended"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert time.monotonic() < until, "versitygw does not listen"
        time.sleep(0.1)
