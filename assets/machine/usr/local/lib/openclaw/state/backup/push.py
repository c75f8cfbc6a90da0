"""The staged copy brought into the store: as the next backup, or apart from the backups."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from openclaw.aws import instance
from openclaw.settings import Settings
from openclaw.state.engines.base import Engine, PushResult, SnapshotMetadata
from openclaw.state.guards import loss
from openclaw.state.guards.loss import Measure
from openclaw.state.guards.markers import LastGoodBackup, Markers
from openclaw.state.openclaw_data import versions
from openclaw.state.staging.staged import Staged
from openclaw.system import files, journal
from openclaw.system.errors import Damaged, Unavailable


class Push:
    def __init__(self, settings: Settings, markers: Markers, engine: Engine, generation: int):
        """@param generation of the lease that this machine holds"""
        self.settings = settings
        self.markers = markers
        self.engine = engine
        self.generation = generation

    def push(self, staged: Staged, measure: Measure) -> dict[str, Any]:
        """Returns the figures of the backup. @param measure of the staged copy"""
        last = self.markers.last_good()
        if last and self._is_stored(last, staged):
            good, sent, unchanged = replace(last, at=time.time()), 0, True
        else:
            sequence = self.markers.next_sequence(self.generation)
            pushed = self._push_anew(staged, self._metadata(sequence))
            name, now = self.engine.name, time.time()
            good = LastGoodBackup(name, pushed.id, self.generation, sequence, at=now, **vars(measure))
            sent, unchanged = pushed.bytes_sent, False
        self.markers.note_good(good)
        staged.index.note_pushed(good.snapshot)
        return {
            "engine": self.engine.name,
            "snapshot": good.snapshot,
            "unchanged": unchanged,
            "generation": self.generation,
            "sequence": good.sequence,
            "files": staged.files,
            "bytes": staged.bytes,
            "bytes_read": staged.bytes_read,
            "bytes_sent": sent,
            "databases": len(staged.databases),
            "unstable": len(staged.unstable),
        }

    def set_aside(self, staged: Staged, offers: int) -> str:
        """The id under which the bucket has what the guard refused: no end of the machine may lose it.

        @param offers how often it was refused, where it may be no loss (guards/loss.py)
        """
        known = staged.index.pushed()
        # Once more where it is offered often enough by now.
        least = loss.OFFERS if offers >= loss.OFFERS else 0
        if not any(one.set_aside and one.id == known and one.offers >= least for one in self.engine.list()):
            metadata = self._metadata(self.markers.next_sequence(self.generation))
            known = self._push_anew(staged, replace(metadata, set_aside=True, offers=offers)).id
            staged.index.note_pushed(known)
        return known

    def _is_stored(self, last: LastGoodBackup, staged: Staged) -> bool:
        """Whether the last backup is as good as another one would be."""
        return (
            last.snapshot == staged.index.pushed()
            and (last.engine, last.generation) == (self.engine.name, self.generation)
            and not self.markers.damaged_path.exists()
            and self.engine.has_snapshot(last.snapshot)
        )

    def _push_anew(self, staged: Staged, metadata: SnapshotMetadata) -> PushResult:
        if self.markers.damaged_path.exists():
            self._repair()
        try:
            return self.engine.push(staged, metadata)
        except Damaged as error:
            journal.say(f"the store is damaged, it is repaired first: {error}")
            self.markers.damaged_path.touch()
            self._repair()
            return self.engine.push(staged, metadata)

    def _repair(self) -> None:
        self.engine.repair()
        files.remove(self.markers.damaged_path)

    def _metadata(self, sequence: int) -> SnapshotMetadata:
        try:
            openclaw = versions.of_machine(self.settings)
        except Unavailable:
            openclaw = None
        return SnapshotMetadata(self.generation, sequence, instance.own_id(), self._image(), openclaw)

    def _image(self) -> str:
        """The running image by digest, as the pull noted it."""
        note = self.settings.run / "image.env"
        if note.exists():
            for line in note.read_text().splitlines():
                if line.startswith("OPENCLAW_IMAGE="):
                    return line.partition("=")[2]
        return self.settings.image
