"""An instance metadata service (version 2) on the loopback, with the faults that the real one can show."""

import contextlib
import itertools
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ACTION = "spot/instance-action"
STATE = "autoscaling/target-lifecycle-state"
REBALANCE = "events/recommendations/rebalance"


class Imds:
    """`values` maps paths below meta-data/ to texts; `fault(path, count)` may name one fault for a request."""

    def __init__(self, port=0):
        self.values = {STATE: "InService"}
        self.fault = lambda _path, _count: None
        self._files = {}
        self.tokens = set()
        self.tokens_made = 0
        self.requests = []
        self._numbers = itertools.count(1)
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def follow(self, path, file):
        """Takes the value of a path from a file, once there is one."""
        self._files[path] = file

    def _value(self, path):
        file = self._files.get(path)
        return file.read_text().strip() if file and file.exists() else self.values.get(path)

    def looks(self):
        """How many rounds over the three paths were begun."""
        return sum(1 for path in self.requests if path == ACTION)

    def _handler(service):
        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self):
                service.tokens_made += 1
                token = f"token-{service.tokens_made}"
                service.tokens.add(token)
                self.answer("token", 200, token)

            def do_GET(self):
                path = self.path.removeprefix("/latest/meta-data/")
                service.requests.append(path)
                if self.headers.get("X-aws-ec2-metadata-token") not in service.tokens:
                    self.answer(path, 401, "Unauthorized")
                elif (value := service._value(path)) is not None:
                    self.answer(path, 200, value)
                else:
                    self.answer(path, 404, "Not Found")

            def answer(self, path, status, text):
                fault = service.fault(path, next(service._numbers))
                body = text.encode()
                if fault == "silence":
                    time.sleep(3)
                    return
                if fault == "drop":
                    return
                self.send_response(503 if fault == "error" else status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if fault == "short":
                    body = body[: len(body) // 2]
                if fault == "trickle":
                    with contextlib.suppress(OSError):  # until the reader has had enough
                        while True:
                            self.wfile.write(b"{")
                            time.sleep(0.05)
                    return
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler
