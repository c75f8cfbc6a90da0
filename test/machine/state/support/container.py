"""What plays the container: a process with OpenClaw's user and no rights, which can write below the roots alone."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from machine.state.support.machine import NODE

_PROGRAM = """
import os, socket, sqlite3, sys
os.umask(0o022)
# Only now: the interpreter itself may be where root alone can read.
os.setgroups([])
os.setresgid({user}, {user}, {user})
os.setresuid({user}, {user}, {user})
{code}
print("done", flush=True)
"""


class Container:
    def __init__(self, data: Path):
        self.data = data

    def run(self, code: str, *arguments: str) -> None:
        """Python code, with the data directory as its working directory."""
        done = subprocess.run(
            self._command(code, arguments), cwd=self.data, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    @contextlib.contextmanager
    def running(self, code: str, *arguments: str) -> Iterator[None]:
        """Code that says "done" and goes on."""
        command = self._command(code, arguments)
        with subprocess.Popen(command, cwd=self.data, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout.readline() == b"done\n"
                yield
            finally:
                process.kill()

    def _command(self, code: str, arguments: tuple) -> list:
        return [sys.executable, "-ISc", _PROGRAM.format(code=code, user=NODE), *arguments]
