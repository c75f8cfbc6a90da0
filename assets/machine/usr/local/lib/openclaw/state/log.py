"""Lines for the journal: words for people, and one JSON line per run for queries."""

from __future__ import annotations

import json
import sys
from typing import Any


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def record(event: str, **fields: Any) -> None:
    say(json.dumps({"event": event, **fields}, sort_keys=False, default=str))
