"""What an engine does, and what it says of a snapshot."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Callable

from openclaw.aws.client import Aws
from openclaw.settings import Settings
from openclaw.state.databases.sqlite import Databases
from openclaw.state.staging.staged import Staged

# The id of what people put into the mirror's part of a bucket that holds no backup.
OBJECTS_ONLY = "objects"


@dataclass(frozen=True)
class Snapshot:
    engine: str
    id: str
    time: datetime
    generation: int
    # Counts the backups of one machine: a clock may be wrong, this is not.
    sequence: int
    files: int
    bytes: int
    instance: str
    image: str
    openclaw: str | None
    # What a repair left of a damaged one, or what the loss guard refused: restored only when a person names it.
    set_aside: bool = False
    # How often in a row its machine had offered such a state when the guard set it aside, where it may be no loss.
    offers: int = 0
    # From before this deployment signed its manifests: as good as what wrote it, and what could write there.
    unsigned: bool = False
    # Restored only when a person names it.
    only_by_name: bool = False

    @property
    def is_backup(self) -> bool:
        """Whether a machine may start from it unasked."""
        return not self.set_aside and not self.only_by_name

    @property
    def order(self) -> tuple[int, int, datetime]:
        return self.generation, self.sequence, self.time


@dataclass(frozen=True)
class SnapshotMetadata:
    """What is recorded with a backup."""

    generation: int
    sequence: int
    instance: str
    image: str
    openclaw: str | None
    set_aside: bool = False
    offers: int = 0


@dataclass(frozen=True)
class PushResult:
    id: str
    bytes_sent: int


class Engine(ABC):
    name: str
    # Whether a large file that has changed little costs little, if what has changed is at its end.
    stores_blocks = False

    def __init__(self, settings: Settings, aws: Aws):
        self.settings = settings
        self.aws = aws
        # Snapshots that the last list() left out, for what the store holds of them is damaged.
        self.unreadable: list[str] = []

    @abstractmethod
    def push(self, staged: Staged, metadata: SnapshotMetadata) -> PushResult:
        """Stores the staged tree; what it returns is stored for good. One that is set aside changes no other."""

    def has_snapshot(self, snapshot_id: str) -> bool:
        """True if this snapshot still exists, so that an unchanged tree need not be uploaded again. False if the engine
        cannot tell with one request."""
        return False

    @abstractmethod
    def list(self) -> list[Snapshot]:
        """Oldest first, by generation, then sequence. Empty only when the bucket said so. @raises Unavailable"""

    @abstractmethod
    def pull(
        self, snapshot: Snapshot, target: Path, databases: Databases, paths: Sequence[str] = (), anew: bool = False
    ) -> None:
        """Brings all of it, or the paths (relative, as ".openclaw/openclaw.json"), into the empty directory target.

        @param databases makes those whole that are stored in two parts
        @param anew from the store alone, with nothing that an earlier pull has kept on this machine
        @raises Damaged when what is stored is not what was pushed
        """

    @abstractmethod
    def prune(self, remove: Sequence[Snapshot]) -> None:
        """Forgets these snapshots and frees what only they used."""

    @abstractmethod
    def verify(self) -> None:
        """Checks the store's own structure. @raises Damaged"""

    def repair(self) -> None:  # noqa: B027 (most engines store each file anew when it is not what it should be)
        """Takes what is damaged out of use, so that the next push stores it again."""

    def import_uploads(self, into: Path, fits: Callable[[str], bool]) -> Sequence[str]:
        """Fetches what people put into the bucket since the last backup; the files' paths below into, often none.

        @param fits whether a path can come in; what cannot stays where it is
        """
        return []

    def mark_imported(self) -> None:  # noqa: B027 (most engines have nothing to note)
        """Called when what import_uploads fetched is in its place."""
