"""What a program says in the journal: words for people, and one JSON line per run for queries."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any, NoReturn


def say(message: str) -> None:
    # A terminal that is gone must not end what is being done.
    with contextlib.suppress(OSError):
        print(message, file=sys.stderr, flush=True)


def log(message: str) -> None:
    """After the program's own name."""
    say(f"{os.path.basename(sys.argv[0])}: {message}")


def die(message: str) -> NoReturn:
    log(f"error: {message}")
    sys.exit(1)


def record(event: str, **fields: Any) -> None:
    say(json.dumps({"event": event, **fields}, sort_keys=False, default=str))
