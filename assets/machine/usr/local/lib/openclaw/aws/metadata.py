"""The instance metadata service, version 2, read so that no answer can hold the reader up.

A socket of its own rather than http.client: a deadline covers each request as a whole (a server that trickles bytes
would hold http.client for ever), and the reader that runs all day stays small.
"""

from __future__ import annotations

import os
import socket
import time

from openclaw.system.errors import Unavailable

TOKEN_SECONDS = 21600
REQUEST_SECONDS = 2.0
LIMIT = 65536


class Metadata:
    """Reads paths below /latest/meta-data, e.g. `spot/instance-action`, or below another directory of /latest."""

    def __init__(self, base: str | None = None, timeout: float = REQUEST_SECONDS):
        base = base or os.environ.get("OPENCLAW_IMDS", "http://169.254.169.254")
        host, _, port = base.split("//", 1)[1].partition(":")
        self.address = (host, int(port or 80))
        self.timeout = timeout
        self.token: str | None = None
        self.token_renewal = 0.0

    def get(self, path: str, directory: str = "meta-data/") -> str | None:
        """The text at a path, or None when there is none (404). Raises Unavailable."""
        if self.token is None or time.monotonic() >= self.token_renewal:
            self._renew()
        status, body = self._read(directory + path)
        if status == 401:
            self._renew()
            status, body = self._read(directory + path)
        if status == 404:
            return None
        if status != 200:
            raise Unavailable(f"{path}: status {status}")
        return body

    def _read(self, path: str) -> tuple[int, str]:
        return self._request("GET", f"/latest/{path}", f"X-aws-ec2-metadata-token: {self.token}")

    def _renew(self) -> None:
        header = f"X-aws-ec2-metadata-token-ttl-seconds: {TOKEN_SECONDS}"
        status, body = self._request("PUT", "/latest/api/token", header)
        if status != 200:
            raise Unavailable(f"token: status {status}")
        if not body or any(not " " < character < "\x7f" for character in body):
            raise Unavailable("token: not a token")
        self.token = body
        self.token_renewal = time.monotonic() + TOKEN_SECONDS / 2

    def _request(self, method: str, path: str, header: str) -> tuple[int, str]:
        deadline = time.monotonic() + self.timeout
        try:
            with socket.create_connection(self.address, timeout=self.timeout) as connection:
                lines = [f"{method} {path} HTTP/1.0", f"Host: {self.address[0]}", header, "Content-Length: 0", "", ""]
                connection.sendall("\r\n".join(lines).encode("ascii"))
                answer = b""
                while True:
                    left = deadline - time.monotonic()
                    if left <= 0 or len(answer) > LIMIT:
                        raise Unavailable(f"{path}: no whole answer in {self.timeout:g} s")
                    connection.settimeout(left)
                    part = connection.recv(4096)
                    if not part:
                        return parse(answer, path)
                    answer += part
        except OSError as error:
            raise Unavailable(f"{path}: {error}") from error


def parse(answer: bytes, path: str) -> tuple[int, str]:
    """Status and body of an HTTP answer; an answer that was cut short does not count."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ", 2)
    if not separator or len(words) < 2 or not words[0].startswith("HTTP/") or not words[1].isdigit():
        raise Unavailable(f"{path}: not an HTTP answer")
    for line in lines[1:]:
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-length" and value.strip() != str(len(body)):
            raise Unavailable(f"{path}: {len(body)} of {value.strip()} bytes")
    return int(words[1]), body.decode("utf-8", "replace").strip()
