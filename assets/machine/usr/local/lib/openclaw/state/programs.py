"""Running other programs: argument lists, bounded in time, errors with the last lines said."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import durable


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def last_words(self) -> str:
        lines = [line.strip() for line in self.err.splitlines() if line.strip()]
        return " | ".join(lines[-3:])


def run(
    command: Sequence[str],
    timeout: float,
    env: Mapping[str, str] | None = None,
    cwd: os.PathLike | None = None,
) -> Result:
    """Never raises for what the program does; code 124 stands for a run that was ended after timeout seconds."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **(env or {})},
        cwd=cwd,
        encoding="utf-8",
        errors="surrogateescape",
        pass_fds=durable.held_locks,
    )
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        try:
            out, err = process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        return Result(124, out, f"{err}\n{command[0]} did not end within {timeout:g} s")
    return Result(process.returncode, out, err)
