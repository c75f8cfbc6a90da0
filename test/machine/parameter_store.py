"""Parameter Store on loopback, for programs that use an AWS SDK: the state, the faults and the answers
are those of the stub of the AWS CLI."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

_loader = SourceFileLoader("aws_stub", str(Path(__file__).parent / "stubs/aws"))
stub = module_from_spec(spec_from_loader("aws_stub", _loader))
_loader.exec_module(stub)


class ParameterStore:
    def __init__(self, state_file: Path):
        self.state_file, self.lock = state_file, threading.Lock()
        store = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = store.answer(self.headers["X-Amz-Target"], json.loads(body))
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, target: str, request: dict) -> tuple[int, dict]:
        operation = re.sub(r"(?<=.)([A-Z])", r"-\1", target.removeprefix("AmazonSSM.")).lower()
        with self.lock:
            state = json.loads(self.state_file.read_text())
            state["calls"].append(["ssm", operation])
            try:
                stub.play_faults(state, operation)
                return 200, stub.parameter_store(state, operation, request)
            except stub.Refusal as refusal:
                return 400, {"__type": str(refusal), "message": "no, thank you"}
            finally:
                self.state_file.write_text(json.dumps(state))

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
