"""The signals that a resource's CreationPolicy or UpdatePolicy waits for."""

import re
import threading
import time

DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")


class SignalsMissing(Exception):
    """The success signals did not come, and why."""


def seconds(duration: str) -> int:
    match = DURATION.fullmatch(duration)
    if not match or not any(match.groups()):
        raise ValueError(f"a duration must be like PT1H30M10S, got '{duration}'")
    hours, minutes, rest = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + rest


class Signals:
    """What has come in for one resource since it last began to change."""

    def __init__(self) -> None:
        self._received: dict[str, str] = {}
        self._changed = threading.Condition()

    def clear(self) -> None:
        with self._changed:
            self._received.clear()

    def receive(self, unique_id: str, status: str) -> None:
        """A signal; one that repeats another's id counts once."""
        with self._changed:
            self._received.setdefault(unique_id, status)
            self._changed.notify_all()

    def wait(self, count: int, timeout: str) -> None:
        """Until `count` machines have said SUCCESS; raises SignalsMissing on a FAILURE or after `timeout`."""
        deadline = time.monotonic() + seconds(timeout)
        with self._changed:
            while list(self._received.values()).count("SUCCESS") < count:
                failures = list(self._received.values()).count("FAILURE")
                if failures:
                    raise SignalsMissing(
                        f"Received {failures} FAILURE signal(s) out of {count}. "
                        "Unable to satisfy 100% MinSuccessfulInstancesPercent requirement"
                    )
                left = deadline - time.monotonic()
                if left <= 0:
                    missing = count - len(self._received)
                    raise SignalsMissing(
                        f"Failed to receive {missing} resource signal(s) within the specified duration"
                    )
                self._changed.wait(left)
