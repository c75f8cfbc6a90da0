"""What a program says in the journal: words for people, and one JSON line per run for queries."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any, NoReturn

# What breaks a line, moves a terminal's cursor or turns the direction of a text: names that others chose may hold it.
_ESCAPES = {
    number: f"\\u{number:04x}"
    for span in ((0x00, 0x20), (0x7F, 0xA0), (0x200E, 0x2010), (0x2028, 0x202F), (0x2066, 0x206A), (0xD800, 0xE000))
    for number in range(*span)
}


def say(message: str) -> None:
    """One line, whatever the message holds."""
    # A terminal that is gone must not end what is being done.
    with contextlib.suppress(OSError):
        print(message.translate(_ESCAPES), file=sys.stderr, flush=True)


def log(message: str) -> None:
    """After the program's own name."""
    say(f"{os.path.basename(sys.argv[0])}: {message}")


def die(message: str) -> NoReturn:
    log(f"error: {message}")
    sys.exit(1)


def record(event: str, **fields: Any) -> None:
    say(json.dumps({"event": event, **fields}, sort_keys=False, default=str))
