"""Whether OpenClaw was stopped by hand. It then stays so until it is started again: over reboots by a mark on the
volume, over replacements by an object in the bucket.

post-stop makes the mark, or `openclaw-state stop`; stay-stopped heeds it, and takes it away at a start that is meant.
The object is signed. One that is not, or not what FIELDS says, counts as none: OpenClaw then starts.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

from openclaw.aws import instance
from openclaw.aws.client import Aws
from openclaw.settings import Settings
from openclaw.state.guards.state_key import StateKey
from openclaw.system import documents, files, journal, signing

KEY = "stopped.json"
KIND = "stopped"
MARK = "stopped"
FIELDS = {
    "stopped": documents.flag(),
    "at": documents.text(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)?", "a time like 2026-11-20T14:00:00Z", ""),
    "instance": instance.ID,
    # Another deployment's objects may have been copied here.
    "bucket": documents.text(r"[!-~]{1,128}", "text of 1 to 128 printable ASCII characters"),
}


class Stopped:
    def __init__(self, settings: Settings, aws: Aws):
        self.settings, self.aws = settings, aws
        self.path: Path = settings.var / MARK
        # There once this boot knows of it: the next start is a person's.
        self.known_path: Path = settings.run / MARK

    def at(self) -> str | None:
        """When, by this volume; None where OpenClaw is to run, "" where the mark does not say when."""
        try:
            text = self.path.read_text(encoding="ascii", errors="replace").strip()
        except FileNotFoundError:
            return None
        return text if FIELDS["at"].fits(text) else ""

    def mark(self) -> None:
        self._mark(f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}")
        self.note_known()

    def note_known(self) -> None:
        self.known_path.touch()

    def settle(self, is_first: bool) -> None:
        """At a boot. @param is_first whether another machine may have written after this volume did: the bucket's word
        counts then, and otherwise this volume's, which the bucket may have missed"""
        if not is_first:
            self.tell()
            return
        at = self._told()
        if at is None:
            if self.path.exists():
                files.remove(self.path)
        else:
            journal.say(f"OpenClaw was stopped by hand{f' at {at}' if at else ''}, and stays so on this machine")
            self._mark(at)

    def tell(self) -> None:
        """Brings the bucket's word in line with this volume's. Only the writer may."""
        at = self.at()
        if at == self._told():
            return
        said = {"stopped": at is not None, "at": at or "", "instance": instance.own_id(), "bucket": self.aws.bucket}
        said[signing.FIELD] = signing.of(StateKey(self.settings, self.aws).value(), KIND, said)
        self.aws.put(KEY, json.dumps(said).encode())

    def _told(self) -> str | None:
        """As at(), by the bucket."""
        found = self.aws.get(KEY)
        if found is None:
            return None
        address = f"s3://{self.aws.bucket}/{KEY}"
        try:
            value = documents.load(found[0])
            said = documents.check(value, FIELDS)
        except documents.Malformed as error:
            journal.say(f"{address} counts as none: {error}")
            return None
        if said["bucket"] != self.aws.bucket:
            journal.say(f"{address} counts as none: it came from the bucket {said['bucket']!r}, with its objects")
            return None
        if not signing.is_signed(StateKey(self.settings, self.aws).value(), KIND, value):
            journal.say(f"{address} counts as none: it is not signed with this deployment's key")
            return None
        return str(said["at"]) if said["stopped"] else None

    def _mark(self, at: str) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.write_text(str(self.path), f"{at}\n")
        files.sync_directory(self.path.parent)
