"""localhost:18789 to the same port on the running machine's loopback: what a Session Manager port forward is on AWS."""

import socketserver
import subprocess
import threading

from . import settings
from .docker import docker


def running_machine() -> str | None:
    """The container of the machine that runs now, the youngest if there are two."""
    names = docker("ps", "--filter", f"label={settings.LABEL}.instance", "--format", "{{.Names}}").split()
    return names[0] if names else None


class Connection(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        container = running_machine()
        if not container:
            return
        forward = subprocess.Popen(
            ["docker", "exec", "--interactive", container, "socat", "STDIO", f"TCP:127.0.0.1:{settings.GATEWAY_PORT}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        threading.Thread(target=self.send, args=(forward,), daemon=True).start()
        try:
            while data := forward.stdout.read(65536):
                self.request.sendall(data)
        except OSError:
            pass
        finally:
            forward.terminate()
            forward.wait()

    def send(self, forward: subprocess.Popen) -> None:
        try:
            while data := self.request.recv(65536):
                forward.stdin.write(data)
            forward.stdin.close()
        except OSError:
            forward.terminate()


class Tunnel(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int = settings.GATEWAY_PORT):
        super().__init__(("127.0.0.1", port), Connection)
