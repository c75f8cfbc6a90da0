"""The processes without rights, as forks of this one: the same code with the same rights, and no start of Python."""

import importlib
import os
import signal
import socket

from openclaw.system import unprivileged


class Fork:
    def __init__(self, pid: int):
        self._pid = pid

    def kill(self) -> None:
        os.kill(self._pid, signal.SIGKILL)

    def wait(self, _: float = 0) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])


def start(process: unprivileged.Process) -> socket.socket:
    """In the place of Process._start."""
    serve, parent = importlib.import_module(process._module).serve, os.getpid()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if not child:
        try:
            ours.close()
            # A fork begins with all that the tests have loaded.
            with open("/proc/self/statm", encoding="ascii") as stream:
                unprivileged.MEMORY_BYTES += int(stream.read().split()[0]) * os.sysconf("SC_PAGESIZE")
            unprivileged.drop(process._user, parent)
            serve(theirs)
        finally:
            os._exit(0)
    theirs.close()
    process._socket, process._process = ours, Fork(child)
    return ours
