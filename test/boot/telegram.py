"""Stands in for Telegram's Bot API (https://core.telegram.org/bots/api): the answers that decide whether a channel
comes up. `POST /lab/MODE` chooses how it answers from then on: well, unauthorized, conflict or away."""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BOT = {"id": 1, "is_bot": True, "first_name": "bot", "username": "lab_bot", "can_join_groups": True}
ERRORS = {401: "Unauthorized", 409: "Conflict: terminated by other getUpdates request"}
POLL_SECONDS = 5


class Telegram(ThreadingHTTPServer):
    daemon_threads = True
    mode = "well"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        _, directory, name = self.path.partition("?")[0].split("/")
        if directory == "lab":
            self.server.mode = name
            return self.answer(200, True)
        mode = self.server.mode
        if mode == "away":
            self.close_connection = True
            return None
        if mode == "unauthorized":
            return self.answer(401)
        if name == "getUpdates":
            if mode == "conflict":
                return self.answer(409)
            time.sleep(POLL_SECONDS)
        return self.answer(200, {"getMe": BOT, "getUpdates": []}.get(name, True))

    do_GET = do_POST

    def answer(self, status, result=None):
        body = {"ok": True, "result": result}
        if status != 200:
            body = {"ok": False, "error_code": status, "description": ERRORS[status]}
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        pass


if __name__ == "__main__":
    Telegram(("", int(sys.argv[1])), Handler).serve_forever()
