"""What was asked, and what shall go wrong: `GET /lab/requests`, `DELETE /lab/requests`, `GET|POST|DELETE /lab/faults`.

A fault is `{"service": "s3", "operation": "PutObject", "status": 503, "times": 2, "delay": 0.5}`: calls of that service
(and operation, when given) wait `delay` seconds and, with a `status`, fail with it; `times` counts down and -1 means
until deleted.
"""

import json
import threading
import time
from collections import Counter, deque

from werkzeug.wrappers import Request, Response

from .call import AwsError, Call

KEPT = 20_000
FIELDS = {"service": str, "operation": str, "status": int, "times": int, "delay": (int, float)}


class Journal:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()
        self._faults: list[dict] = []

    def clear(self) -> None:
        with self._lock:
            self._entries: deque[dict] = deque(maxlen=KEPT)
            self._totals: Counter = Counter()

    def record(self, call: Call, who: str, status: int, sent: int) -> None:
        with self._lock:
            entry = {
                "time": time.time(),
                "call": call.name,
                "who": who,
                "source": call.source,
                "status": status,
                "bytes_in": call.size,
                "bytes_out": sent,
            }
            if call.service == "s3":
                entry["bucket"], entry["key"] = call.params.get("Bucket"), call.params.get("Key")
            if call.name == "sns:Publish":
                entry["subject"] = call.params.get("Subject")
            self._entries.append(entry)
            for name, number in (("requests", 1), ("bytes_in", call.size), ("bytes_out", sent)):
                self._totals[call.name, name] += number

    def fault(self, call: Call) -> Response | None:
        """Wait and fail as the faults say; None when the call is to go through."""
        with self._lock:
            found = next(
                (
                    fault
                    for fault in self._faults
                    if fault["service"] == call.service and fault.get("operation", call.operation) == call.operation
                ),
                None,
            )
            if found and found["times"] > 0:
                found["times"] -= 1
                if not found["times"]:
                    self._faults.remove(found)
        if not found:
            return None
        time.sleep(found.get("delay", 0))
        status = found.get("status")
        return call.respond(status, AwsError(*_CODES.get(status, _SERVER_ERROR))) if status else None

    def requests(self) -> dict:
        with self._lock:
            totals: dict[str, dict[str, int]] = {}
            for (call, name), number in self._totals.items():
                totals.setdefault(call, {})[name] = number
            return {"totals": totals, "requests": list(self._entries)}

    def serve(self, request: Request) -> Response:
        kind = request.path.removeprefix("/lab/")
        if kind == "requests" and request.method == "GET":
            return _json(self.requests())
        if kind == "requests" and request.method == "DELETE":
            self.clear()
            return Response(status=204)
        if kind != "faults" or request.method not in ("GET", "POST", "DELETE"):
            return Response(f"no {request.method} {request.path} here: see lab.aws.journal\n", 404)
        if request.method == "POST":
            return self._add(json.loads(request.get_data()))
        with self._lock:
            if request.method == "DELETE":
                self._faults.clear()
            return _json(self._faults)

    def _add(self, fault: dict) -> Response:
        wrong = [key for key, value in fault.items() if not isinstance(value, FIELDS.get(key, ()))]
        if wrong or "service" not in fault or not {"status", "delay"} & fault.keys():
            allowed = "service, and operation, times, and at least one of status and delay"
            return Response(f"a fault must have {allowed}, got {json.dumps(fault)}\n", 400)
        with self._lock:
            self._faults.append({"times": 1, **fault})
        return _json(self._faults)


_SERVER_ERROR = ("InternalFailure", "a fault that the lab was asked for")
_CODES = {
    503: ("ServiceUnavailable", "Please reduce your request rate."),
    429: ("ThrottlingException", "Rate exceeded"),
    403: ("AccessDenied", "Access Denied"),
}


def _json(value: object) -> Response:
    return Response(json.dumps(value), content_type="application/json")
