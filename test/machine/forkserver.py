"""Runs `python -m openclaw.state` in forks of a process that has it and botocore loaded, and the clients made: these
tests start it thousands of times, and this is most of a start. Other programs find botocore loaded."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import multiprocessing
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock

# What the programs run on; the tests have their own.
PYTHON = os.environ.get("MACHINE_PYTHON", sys.executable)
SERVICES = ("s3", "ssm", "cloudwatch", "ec2")
REGION = "me-central-1"
ACCOUNT = "123456789012"


class ForkServer:
    """@param environment of most programs, as far as loading looks at it: any other makes a program load anew"""

    def __init__(self, directory: Path, library: Path, environment: dict[str, str]):
        self.path = directory / "socket"
        # As bare as a machine's: the locale, too, decides how Python reads names.
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(library), **environment}
        self.process = subprocess.Popen(
            [PYTHON, __file__, self.path], env=environment, process_group=0, stdin=subprocess.DEVNULL
        )
        while not self.path.exists():
            assert self.process.poll() is None, "the fork server ended"
            time.sleep(0.05)

    def run(
        self, arguments: Sequence[str], environment: dict[str, str], timeout: float, **more: str
    ) -> tuple[int, str, str]:
        """The exit status and what was printed. @param more as for `start`"""
        process = self.start(arguments, environment, **more)
        out, err = process.communicate(timeout)
        return process.returncode, out, err

    def start(
        self, arguments: Sequence[str], environment: dict[str, str], *, program: str = "", before: str = ""
    ) -> Process:
        """In a process group of its own.

        @param program path of a Python program to run in the place of `python -m openclaw.state`
        @param before code that runs first in the program's process
        """
        given = {"arguments": arguments, "environment": environment, "program": program, "before": before}
        return Process(self.path, json.dumps(given).encode())

    def close(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Process:
    """What these tests need of a subprocess.Popen. It can be read how far it has come."""

    def __init__(self, server: Path, request: bytes):
        self.stdout, self.stderr = Output(), Output()
        self.returncode: int | None = None
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._connection.connect(str(server))
        socket.send_fds(self._connection, [request], [self.stdout.file.fileno(), self.stderr.file.fileno()])
        self.pid = int(self._connection.recv(16))

    def wait(self, timeout: float | None = None) -> int:
        """@raises TimeoutError"""
        if self.returncode is None:
            self._connection.settimeout(timeout)
            self.returncode = int(self._connection.recv(16))
            self._connection.close()
        return self.returncode

    def poll(self) -> int | None:
        try:
            return self.wait(0)
        except BlockingIOError:
            return None

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        self.wait(timeout)
        return self.stdout.read(), self.stderr.read()

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


class Output:
    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 (as long as the process is asked for)

    def read(self) -> str:
        """All of it so far. The position in the file is the program's too, and stays."""
        size = os.fstat(self.file.fileno()).st_size
        return os.pread(self.file.fileno(), size, 0).decode()


def serve(path: str) -> None:
    seen = preload()
    # Nobody waits for those that have answered.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen()
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                answer(connection, seen)
                os._exit(0)
            connection.close()


def answer(connection: socket.socket, seen: dict[str, str | None]) -> None:
    request, files, _, _ = socket.recv_fds(connection, 1 << 20, 2)
    # Ends without taking apart all that is loaded, which would take longer than most programs.
    process = multiprocessing.get_context("fork").Process(
        target=become, kwargs={**json.loads(request), "files": files, "seen": seen}
    )
    process.start()
    # Before anybody hears of it; the process itself does so, too, before it goes on.
    with contextlib.suppress(OSError):
        os.setpgid(process.pid, process.pid)
    # Where the test still wants to know.
    with contextlib.suppress(BrokenPipeError):
        connection.send(str(process.pid).encode())
        process.join()
        connection.send(str(process.exitcode).encode())


def become(
    *,
    arguments: list[str],
    environment: dict[str, str],
    program: str,
    before: str,
    files: list[int],
    seen: dict[str, str | None],
) -> None:
    os.setpgid(0, 0)
    for number, file in enumerate(files, start=1):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    # Other programs have modules that read their settings when they are loaded.
    if program or any(environment.get(name) != value for name, value in seen.items()):
        for name in [name for name in sys.modules if name.partition(".")[0] == "openclaw"]:
            del sys.modules[name]
    sys.argv[1:] = arguments
    exec(before, {})  # noqa: S102 (the test's own)
    if program:
        runpy.run_path(program, run_name="__main__")
    else:
        runpy.run_module("openclaw.state", run_name="__main__", alter_sys=True)


def preload() -> dict[str, str | None]:
    """Returns what it has read of the environment, by name."""
    with noting_reads_of_environment() as seen:
        importlib.import_module("openclaw.state.cli")
        for service in SERVICES:
            importlib.import_module("openclaw.aws.client")._client(service, REGION, ACCOUNT)
    gc.freeze()
    # The rest is the home directory, where no test keeps a configuration of the AWS CLI, and what a look for proxies
    # comes across.
    return {name: value for name, value in seen.items() if name.startswith(("AWS_", "OPENCLAW_"))}


@contextlib.contextmanager
def noting_reads_of_environment() -> Iterator[dict[str, str | None]]:
    seen: dict[str, str | None] = {}
    kind = type(os.environ)
    read = kind.__getitem__

    def noting(environment: os._Environ[str], name: str) -> str:
        seen[name] = None
        seen[name] = read(environment, name)
        return seen[name]

    with mock.patch.object(kind, "__getitem__", noting):
        yield seen


if __name__ == "__main__":
    serve(sys.argv[1])
