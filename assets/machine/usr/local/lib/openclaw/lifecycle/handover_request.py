"""That another machine of the group waits for this one's lease: a note of this boot, from the look at the lease to the
drain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from openclaw.system.files import note_json, read_json_object

NOTE = "handover-asked.json"


def note(run: Path, instance: str) -> None:
    """@param run directory of notes of this boot @param instance id of the machine that waits"""
    note_json(str(run / NOTE), {"reason": "handover", "for": instance})


def read(run: Path) -> dict[str, Any] | None:
    """As a reason to end; None where no machine waits."""
    return read_json_object(str(run / NOTE))
