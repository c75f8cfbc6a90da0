"""Running other programs: argument lists, a time limit that holds whatever the program does about it, and the last
lines that it said."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Callable

from openclaw.system import journal, lock

# As timeout(1) and a shell have them.
TIMED_OUT, NOT_FOUND = 124, 127
# Who inherited the program's output may keep it open for ever: what comes after the program's end is not waited for.
_DRAIN_SECONDS = 3


@dataclass(frozen=True)
class Result:
    """How a program ended; code is TIMED_OUT for one that ran out of time, NOT_FOUND for one that is not here."""

    code: int
    out: str
    err: str

    @property
    def ok(self) -> bool:
        return self.code == 0

    @property
    def last_words(self) -> str:
        lines = [line.strip() for line in self.err.splitlines() if line.strip()]
        return " | ".join(lines[-3:])


def run(
    command: Sequence[str],
    timeout: float,
    env: Mapping[str, str] | None = None,
    cwd: os.PathLike[str] | None = None,
    on_line: Callable[[str], None] | None = None,
    *,
    grace: float = 10,
    own_session: bool = False,
    keep_errors: bool = True,
) -> Result:
    """Never raises for what the program does, nor where there is no such program.

    @param timeout in seconds; then it is asked to end, and killed after grace seconds
    @param on_line is told each line of the output as it comes
    @param own_session whether its children end with it, and a terminal's Ctrl-C does not reach it
    @param keep_errors whether its messages are returned; they go to ours otherwise
    """
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if keep_errors else None,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            encoding="utf-8",
            errors="surrogateescape",
            pass_fds=lock.held_locks,
            start_new_session=own_session,
        )
    except OSError as error:
        return Result(NOT_FOUND, "", f"cannot run {command[0]}: {error}")
    out: list[str] = []
    err: list[str] = []
    collected: list[tuple[IO[str] | None, list[str], Callable[[str], None] | None]] = [
        (process.stdout, out, on_line),
        (process.stderr, err, None),
    ]
    readers = [threading.Thread(target=_collect, args=one, daemon=True) for one in collected if one[0]]
    for reader in readers:
        reader.start()
    in_time = _ended_within(process, max(timeout, 0.1), grace, own_session)
    until = time.monotonic() + _DRAIN_SECONDS
    for reader in readers:
        reader.join(max(until - time.monotonic(), 0))
    if not in_time:
        return Result(TIMED_OUT, "".join(out), f"{''.join(err)}\n{command[0]} did not end within {timeout:g} s")
    return Result(process.returncode, "".join(out), "".join(err))


def run_bounded(command: Sequence[str], seconds: float) -> Result:
    """For a machine that is about to end: its messages go to ours; 3 s after its time it and its children are dead."""
    result = run(command, seconds, grace=3, own_session=True, keep_errors=False)
    if result.code == NOT_FOUND and result.err:
        journal.log(result.err)
    return result


def _collect(stream: IO[str], lines: list[str], on_line: Callable[[str], None] | None) -> None:
    # A stream that is closed while it is read: nobody waits for it any more.
    with contextlib.suppress(ValueError), stream:
        for line in stream:
            lines.append(line)
            if on_line:
                on_line(line)


def _ended_within(process: subprocess.Popen[str], timeout: float, grace: float, own_session: bool) -> bool:
    """Whether it ended by itself; it has ended in any case."""
    try:
        process.wait(timeout)
        return True
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGTERM, own_session)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(grace)
    # Its children too, which may have outlived it.
    if own_session or process.poll() is None:
        _signal(process, signal.SIGKILL, own_session)
    process.wait()
    return False


def _signal(process: subprocess.Popen[str], number: int, whole_session: bool) -> None:
    with contextlib.suppress(ProcessLookupError):
        if whole_session:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
