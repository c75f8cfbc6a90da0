"""S3, Parameter Store, EC2 and CloudWatch (moto) in threads of this process, or another server, and what stands before
them: it counts requests, and plays the faults a test asks for."""

import contextlib
import functools
import http.client
import io
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

XML = "<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code} played by the test</Message></Error>"
# Status, headers, content.
Answer = tuple[int, Iterable[tuple[str, str]], bytes]
CODES = {500: "InternalError", 503: "SlowDown", 403: "AccessDenied", 404: "NoSuchBucket"}


@dataclass
class Request:
    method: str
    path: str
    headers: dict
    body: bytes


@dataclass
class Fault:
    """Plays while it is installed, on the requests it matches, `times` at most."""

    matches: Callable[[Request], bool]
    status: int = 0
    hang_seconds: float = 0
    corrupt: bool = False
    # The connection ends in the middle of the answer.
    cut: bool = False
    # The request gets through, and then the client gets this fault's status.
    late: bool = False
    times: int = 1 << 30
    # While the request is on its way, before S3 has it.
    before: Callable[[], None] | None = None
    # While the answer is.
    after: Callable[[], None] | None = None
    played: int = 0


@dataclass
class Totals:
    requests: Counter = field(default_factory=Counter)
    bytes_sent: int = 0

    @property
    def count(self) -> int:
        return sum(self.requests.values())


class Proxy:
    """@param upstream port on loopback of the server that answers; by default moto does"""

    def __init__(self, upstream: int | None = None):
        self.faults: list[Fault] = []
        self.totals = Totals()
        self.lock = threading.Lock()
        moto = DomainDispatcherApplication(create_backend_app)
        # At each request it would look through its services' directories.
        moto.get_backend_for_host = functools.cache(moto.get_backend_for_host)
        proxy = self

        class Handler(MotoRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = True

            def handle_expect_100(self) -> bool:
                going_on = super().handle_expect_100()
                self.wfile.flush()
                return going_on

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                if len(body) < length:
                    # The client was killed. S3 stores an object whole or not at all.
                    self.close_connection = True
                    return
                if self.headers.get("Transfer-Encoding") == "chunked":
                    body = _read_chunks(self.rfile)
                request = Request(self.command, self.path, dict(self.headers), body)
                fault = proxy.note(request, len(body))
                if fault and fault.hang_seconds:
                    time.sleep(fault.hang_seconds)
                    self.close_connection = True
                    return
                if fault and fault.status and not fault.late:
                    self.refuse(fault.status)
                    return
                if fault and fault.before:
                    fault.before()
                status, headers, content = self.forward(body) if upstream else self.ask_moto(body)
                if fault and fault.late:
                    self.refuse(fault.status)
                    return
                if fault and fault.corrupt and content:
                    content = content[:-1] + bytes([content[-1] ^ 1])
                self.answer(status, headers, content, is_cut=bool(fault and fault.cut))
                if fault and fault.after:
                    fault.after()

            def forward(self, body: bytes) -> Answer:
                headers = {name: value for name, value in self.headers.items() if name.lower() != "transfer-encoding"}
                if body:
                    headers["Content-Length"] = str(len(body))
                connection = http.client.HTTPConnection("127.0.0.1", upstream, timeout=300)
                with contextlib.closing(connection):
                    connection.request(self.command, self.path, body or None, headers)
                    answer = connection.getresponse()
                    return answer.status, answer.getheaders(), answer.read()

            def ask_moto(self, body: bytes) -> Answer:
                answer = Response.from_app(moto, self.environ_with(body), buffered=True)
                return answer.status_code, answer.headers.items(), answer.get_data()

            def environ_with(self, body: bytes) -> dict:
                environ = self.make_environ()
                environ.pop("HTTP_TRANSFER_ENCODING", None)
                environ.pop("wsgi.input_terminated", None)
                return {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}

            def refuse(self, status: int) -> None:
                text = XML.format(code=CODES[status]).encode()
                self.answer(status, [("Content-Type", "application/xml")], text)

            def answer(
                self, status: int, headers: Iterable[tuple[str, str]], content: bytes, is_cut: bool = False
            ) -> None:
                self.send_response_only(status)
                length = len(content)
                for name, value in headers:
                    if name.lower() == "content-length" and self.command == "HEAD":
                        length = value
                    elif name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(length))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content[: len(content) // 2] if is_cut else content)
                    self.close_connection = is_cut or self.close_connection

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

        self.server = make_server("127.0.0.1", 0, moto, threaded=True, request_handler=Handler)
        # Clients are killed in these tests.
        self.server.handle_error = lambda *_: None
        self.url = f"http://127.0.0.1:{self.server.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def note(self, request: Request, size: int) -> "Fault | None":
        with self.lock:
            self.totals.requests[f"{request.method} {request.path.split('?')[0].split('/')[1]}"] += 1
            self.totals.bytes_sent += size
            for fault in self.faults:
                if fault.played < fault.times and fault.matches(request):
                    fault.played += 1
                    return fault
        return None

    @contextlib.contextmanager
    def playing(self, fault: Fault) -> Iterator[Fault]:
        self.faults.append(fault)
        try:
            yield fault
        finally:
            self.faults.remove(fault)

    @contextlib.contextmanager
    def counting(self) -> Iterator[Totals]:
        self.totals = Totals()
        yield self.totals

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def _read_chunks(stream: "socket.SocketIO") -> bytes:
    parts = []
    while size := int(stream.readline().split(b";")[0], 16):
        parts.append(stream.read(size))
        stream.readline()
    while stream.readline().strip():
        pass
    return b"".join(parts)
