"""What the local AWS was asked, and what it shall get wrong."""

import contextlib
import json
import urllib.request
from collections.abc import Iterator


def call(endpoint: str, method: str, path: str, body: dict | None = None) -> bytes:
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(f"{endpoint}/lab/{path}", data, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


@contextlib.contextmanager
def faults(endpoint: str, **fault: object) -> Iterator[None]:
    """What it gets wrong meanwhile: `service`, and `status` or `delay`."""
    call(endpoint, "POST", "faults", {"times": -1, **fault})
    try:
        yield
    finally:
        call(endpoint, "DELETE", "faults")


def asked(endpoint: str, instance_id: str, since: float) -> list[dict]:
    """What this instance asked for and got since then, oldest first."""
    entries = json.loads(call(endpoint, "GET", "requests"))["requests"]
    return [
        entry
        for entry in entries
        if entry["who"].endswith(f"/{instance_id}") and entry["time"] >= since and entry["status"] < 300
    ]


def last(entries: list[dict], call_name: str, key: str | None = None) -> float | None:
    """When this call was last made, of an object's key where one is given."""
    found = [each for each in entries if each["call"] == call_name and (key is None or each.get("key") == key)]
    return found[-1]["time"] if found else None
