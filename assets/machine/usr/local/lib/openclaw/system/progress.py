"""How far a long run is, now and then: for who waits at a terminal, and for the journal of a slow one."""

from __future__ import annotations

import os
import time

from openclaw.system import journal

EVERY_SECONDS = float(os.environ.get("OPENCLAW_PROGRESS_SECONDS", "5"))


class Progress:
    def __init__(self, what: str):
        self.what = what
        self._due = time.monotonic() + EVERY_SECONDS

    def at(self, files: int, size: int, part: float | None = None) -> None:
        """Costs nothing until it is time for the next line.

        @param size in bytes; part: of the whole, from 0 to 1, where that is known
        """
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + EVERY_SECONDS
        percent = "" if part is None else f" ({part:.0%})"
        journal.say(f"{self.what}: {files:,} files, {size_text(size)}{percent}")


def size_text(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
