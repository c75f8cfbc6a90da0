"""Running other programs: argument lists, bounded in time, errors with the last lines said."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Callable

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
    on_line: Callable[[str], None] | None = None,
) -> Result:
    """Never raises for what the program does; code 124 stands for a run that was ended after timeout seconds.

    @param on_line is told each line of the output as it comes
    """
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
    out: list[str] = []
    err: list[str] = []
    readers = [
        threading.Thread(target=_collect, args=(process.stdout, out, on_line)),
        threading.Thread(target=_collect, args=(process.stderr, err, None)),
    ]
    for reader in readers:
        reader.start()
    in_time = _ended_within(process, timeout)
    for reader in readers:
        reader.join()
    if not in_time:
        return Result(124, "".join(out), f"{''.join(err)}\n{command[0]} did not end within {timeout:g} s")
    return Result(process.returncode, "".join(out), "".join(err))


def _collect(stream: IO[str], lines: list[str], on_line: Callable[[str], None] | None) -> None:
    with stream:
        for line in stream:
            lines.append(line)
            if on_line:
                on_line(line)


def _ended_within(process: subprocess.Popen, timeout: float) -> bool:
    """Whether it ended by itself; it has ended in any case."""
    try:
        process.wait(timeout)
        return True
    except subprocess.TimeoutExpired:
        process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return False
