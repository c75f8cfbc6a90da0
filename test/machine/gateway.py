"""A gateway that answers as a test says: on its published port, and with its reasons on its container's loopback."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b"<html>Control UI</html>"
STARTED = {"ok": True, "status": "started"}
# What `docker exec` runs in the container runs here, and meets this gateway at its port.
EXEC = 'program=("${@:3}"); program[2]=${program[2]//18789/%d}; [[ $1 == exec ]] && exec "${program[@]}"'


def encode(answer) -> bytes:
    return answer if isinstance(answer, bytes) else json.dumps(answer).encode()


class Gateway(ThreadingHTTPServer):
    """`ready` holds the answers of /readyz, one after the other, of which the last one stays. One that is not ready
    gives its reasons only to those who ask as the program in the container does. An answer is JSON, or bytes."""

    daemon_threads = True

    def __init__(self, machine, *ready, startup=STARTED):
        super().__init__(("127.0.0.1", 0), Handler)
        self.ready = list(ready)
        self.startup = startup
        machine.env["OPENCLAW_GATEWAY_URL"] = f"http://127.0.0.1:{self.server_port}"
        machine.stub("docker", EXEC % self.server_port)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def readyz(self, inside: bool) -> bytes:
        answer = self.ready[0]
        if inside:
            return encode(answer)
        if len(self.ready) > 1:
            self.ready.pop(0)
        hidden = isinstance(answer, dict) and answer.get("ready") is False
        return encode({"ready": False} if hidden else answer)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        # The program in the container gives a name; the port's caller, curl, an address.
        inside = self.headers["Host"] == "localhost"
        paths = {"/readyz": lambda: self.server.readyz(inside), "/startupz": lambda: encode(self.server.startup)}
        body = paths.get(self.path, lambda: PAGE)()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass
