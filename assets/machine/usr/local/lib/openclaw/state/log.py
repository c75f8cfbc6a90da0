"""Lines for the journal: words for people, and one JSON line per run for queries."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Any


def say(message: str) -> None:
    # A terminal that is gone must not end what is being done.
    with contextlib.suppress(OSError):
        print(message, file=sys.stderr, flush=True)


def record(event: str, **fields: Any) -> None:
    say(json.dumps({"event": event, **fields}, sort_keys=False, default=str))
