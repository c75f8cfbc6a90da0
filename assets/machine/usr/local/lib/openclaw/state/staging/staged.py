"""What a run of the staging has made, and what it could not."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from openclaw.state.staging.index import Index

# How many of those that are left out a record lists; it counts all.
MOST_LISTED = 20


@dataclass
class LeftOut:
    """What could not be read or copied, and is in the backup as an earlier copy at best."""

    count: int = 0
    # Path and reason of the first ones.
    first: list[tuple[str, str]] = field(default_factory=list)

    def note(self, path: str, reason: str) -> None:
        self.count += 1
        if len(self.first) < MOST_LISTED:
            self.first.append((path, reason))


@dataclass
class Staged:
    tree: Path
    files: int
    bytes: int
    databases: dict[str, int]
    index: Index
    bytes_read: int = 0
    unstable: list[str] = field(default_factory=list)
    # Databases that no machine could start from.
    broken: list[str] = field(default_factory=list)
    # OpenClaw's own databases that could not be copied now.
    unreadable: list[str] = field(default_factory=list)
    left_out: LeftOut = field(default_factory=LeftOut)
