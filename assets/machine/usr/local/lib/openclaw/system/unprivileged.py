"""A process of ours without rights, for what others have made: it has their user, no capability and a deadline.

It is a new program, not a fork: its memory never held the machine's credentials. It starts as root, because the library
may be readable by root alone, and drops everything before it is given anything to read.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import resource
import signal
import socket
import subprocess
import sys
from array import array
from collections.abc import Sequence
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
# A message is one packet; the kernel's default buffer takes three of them.
MOST_BYTES = 1 << 16
# Of the kernel's 253 for one message.
MOST_DESCRIPTORS = 64
MEMORY_BYTES = 1 << 30
OPEN_FILES = 8192
_LIBRARY = str(Path(__file__).parents[2])
_PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from openclaw.system import unprivileged
unprivileged.become(*sys.argv[2:])
"""


class Lost(Exception):
    """The process ended, or was ended at its deadline, without an answer."""


class Process:
    """Started with the first request, and anew with the first one after it was lost."""

    def __init__(self, module: str, user: int):
        """@param module whose serve(socket) answers each packet with one
        @param user id of the user and the group that it runs as, where we are root
        """
        self._module, self._user = module, user
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def ask(self, request: bytes, seconds: float, descriptors: Sequence[int] = ()) -> tuple[bytes, list[int]]:
        """The answer, and the descriptors that came with it: the caller closes them. @raises Lost"""
        connection = self._socket or self._start()
        try:
            connection.settimeout(seconds)
            send(connection, request, descriptors)
            answer, received = receive(connection)
        except socket.timeout as error:
            self.close()
            raise Lost(f"it took longer than {seconds:g} s") from error
        except OSError as error:
            raise Lost(self._end() or str(error)) from error
        if not answer:
            raise Lost(self._end())
        return answer, received

    def close(self) -> None:
        """Ends it at once: it has nothing to finish."""
        if self._socket:
            self._socket.close()
        if self._process:
            # Where it has just ended by itself, too.
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()
        self._socket = self._process = None

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        words = (_LIBRARY, self._module, str(theirs.fileno()), str(self._user), str(os.getpid()))
        with theirs:
            self._socket = ours
            self._process = subprocess.Popen(
                [sys.executable, "-IBS", "-c", _PROGRAM, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={},
                cwd="/",
                pass_fds=[theirs.fileno()],
            )
        return ours

    def _end(self) -> str:
        """How it ended, in words."""
        code = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._process.wait(1) if self._process else None
        self.close()
        if code is None:
            return "it closed its connection"
        return f"it was ended by signal {-code}" if code < 0 else f"it ended with status {code}"


def send(to: socket.socket, data: bytes, descriptors: Sequence[int] = ()) -> None:
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))] if descriptors else []
    to.sendmsg([data], rights)


def receive(of: socket.socket) -> tuple[bytes, list[int]]:
    """One packet; empty at the end. socket.recv_fds would have the descriptors inherited by every child.

    @raises OSError for more than may come in one
    """
    descriptors = array("i")
    space = socket.CMSG_SPACE(MOST_DESCRIPTORS * descriptors.itemsize)
    data, rights, flags, _ = of.recvmsg(MOST_BYTES, space, socket.MSG_CMSG_CLOEXEC)
    for level, kind, content in rights:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
        close_all(descriptors)
        raise OSError("the answer is longer than it may be")
    return data, list(descriptors)


def close_all(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def become(module: str, descriptor: str, user: str, parent: str) -> None:
    """The process itself: everything is loaded while it may, then nothing is left of what it may."""
    serve = importlib.import_module(module).serve
    drop(int(user), int(parent))
    with socket.socket(fileno=int(descriptor)) as connection:
        serve(connection)


def drop(user: int, parent: int) -> None:
    """@raises OSError where something could not be given up"""
    os.umask(0o077)
    if os.geteuid() == 0:
        # The last one takes every capability away.
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
    limits = {
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: files,
        # Neither a thread nor a child.
        resource.RLIMIT_NPROC: 0,
    }
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value))
    # After the user has changed, which would reset it.
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    if os.getppid() != parent:
        raise OSError("whoever started this process is gone")


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, *(ctypes.c_ulong(one) for one in (value, 0, 0, 0))):
        raise OSError(ctypes.get_errno(), "prctl")
