"""Runs `python -m openclaw.state` in forks of a process that has botocore and its models loaded: these tests start it
thousands of times, and loading is most of a start."""

import functools
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

SERVICES = ("s3", "ssm", "cloudwatch", "ec2")


class ForkServer:
    def __init__(self, directory: Path, library: Path):
        self.path = directory / "socket"
        # As bare as a machine's: the locale, too, decides how Python reads names.
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(library)}
        self.process = subprocess.Popen([sys.executable, __file__, self.path], env=environment, process_group=0)
        while not self.path.exists():
            assert self.process.poll() is None, "the fork server ended"
            time.sleep(0.05)

    def run(self, arguments: Sequence[str], environment: dict[str, str], timeout: float) -> tuple[int, str, str]:
        """The exit status and what was printed."""
        request = json.dumps({"arguments": arguments, "environment": environment}).encode()
        with (
            tempfile.TemporaryFile("w+") as out,
            tempfile.TemporaryFile("w+") as err,
            socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection,
        ):
            connection.settimeout(timeout)
            connection.connect(str(self.path))
            socket.send_fds(connection, [request], [out.fileno(), err.fileno()])
            code = int(connection.recv(16))
            out.seek(0)
            err.seek(0)
            return code, out.read(), err.read()

    def close(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def serve(path: str) -> None:
    preload()
    # Nobody waits for those that have answered.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen()
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                answer(connection)
                return
            connection.close()


def answer(connection: socket.socket) -> None:
    """Returns in the process that was asked for, once that has ended."""
    request, files, _, _ = socket.recv_fds(connection, 1 << 20, 2)
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        connection.send(str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    connection.close()
    os.setpgid(0, 0)
    for number, file in enumerate(files, start=1):
        os.dup2(file, number)
        os.close(file)
    become(**json.loads(request))


def become(arguments: list[str], environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = arguments
    runpy.run_module("openclaw.state", run_name="__main__", alter_sys=True)


def preload() -> None:
    """All but what is under test, whose modules may read their environment."""
    loader = importlib.import_module("botocore.loaders").JSONFileLoader
    loader.load_file = staticmethod(functools.cache(loader().load_file))
    importlib.import_module("openclaw.state.cli")
    for service in SERVICES:
        importlib.import_module("openclaw.aws.client")._client(service, "me-central-1", "123456789012")
    for name in [name for name in sys.modules if name.partition(".")[0] == "openclaw"]:
        del sys.modules[name]
    gc.freeze()


if __name__ == "__main__":
    serve(sys.argv[1])
