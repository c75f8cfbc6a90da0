"""A restore that a person asked for: at the command line, or for a boot, by restore.json in the state bucket.

A field that is not known is a fault here: what a person meant by it would not be done.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from openclaw.aws.client import Aws
from openclaw.settings import Settings
from openclaw.state.engines.base import Snapshot
from openclaw.state.guards.paths import relative
from openclaw.system import documents, files
from openclaw.system.errors import Refused, StateError

KEY = "restore.json"
SHAPE = '{"snapshot": "<id>"} or {"at": "2026-11-20T14:00:00Z"}, with "paths": ["workspace/notes.md"] for a part of it'
# restic's are hexadecimal; the mirror's hold versions and an image reference.
_SNAPSHOT = re.compile(r"[!-~]{1,1024}")


@dataclass(frozen=True)
class Request:
    snapshot: str = ""
    at: datetime | None = None
    paths: tuple[str, ...] = ()
    etag: str = ""

    @property
    def names_one(self) -> bool:
        return self.snapshot not in ("", "latest")

    @property
    def is_newest(self) -> bool:
        return not self.names_one and self.at is None

    def pick(self, candidates: Sequence[Snapshot]) -> Snapshot:
        """The one with this id (or its unique beginning), the last one not after `at`, or the newest.

        @param candidates newest first @raises Refused unless there is exactly one
        """
        if self.names_one:
            found = [one for one in candidates if one.id.startswith(self.snapshot)]
        else:
            found = [one for one in candidates if self.at is None or one.time <= self.at][:1]
        if len(found) != 1:
            asked = self.snapshot or (f"not after {self.at:%Y-%m-%d %H:%M:%S} UTC" if self.at else "at all")
            raise Refused(
                f"{len(found)} snapshots match {asked!r} of {len(candidates)}: openclaw-state snapshots lists them"
            )
        return found[0]


class Requests:
    """The one in the bucket, answered exactly once."""

    def __init__(self, settings: Settings, aws: Aws):
        self.aws = aws
        self.address = f"s3://{aws.bucket}/{KEY}"
        # The ETag of a request, from the moment that it is in place until it is gone from the bucket.
        self.granted_path = settings.var / "restore-granted.json"

    def asked(self) -> Request | None:
        """@raises Refused when it says nothing that can be done"""
        found = self.aws.get(KEY)
        if found is None:
            return None
        body, etag = found
        try:
            return _parse(documents.load(body), etag)
        except (ValueError, Refused) as error:
            raise self.refusal(error) from error

    def refusal(self, fault: Exception) -> Refused:
        return Refused(f"{self.address}: {fault}. Mend it, or take it back (aws s3 rm {self.address}), then reboot")

    def is_granted(self, request: Request) -> bool:
        return bool(files.read_json(self.granted_path) == request.etag)

    def is_open(self) -> bool:
        """Whether what was asked for is in place here, and in no backup yet."""
        return self.granted_path.exists()

    def note_granted(self, etag: str) -> None:
        files.write_json(self.granted_path, etag)

    def close(self) -> None:
        """When a backup has made last what was asked for: until then the next machine has to bring it in again, and
        from then on it must not. Another request that was put there since stays for the next boot."""
        if not self.is_open():
            return
        granted = files.read_json(self.granted_path)
        try:
            found = self.aws.get(KEY)
            if found and found[1] == granted:
                self.aws.delete([KEY])
        except StateError as error:
            raise StateError(f"{self.address} is restored and backed up but cannot be removed: {error}") from error
        files.remove(self.granted_path)


def _parse(value: Any, etag: str) -> Request:
    known = isinstance(value, dict) and set(value) <= {"snapshot", "at", "paths"}
    snapshot, at, paths = (value.get(key) for key in ("snapshot", "at", "paths")) if known else (None,) * 3
    texts = [text for text in (snapshot, at) if text is not None]
    wanted = paths if isinstance(paths, list) and paths else [] if paths is None else [None]
    if len(texts) != 1 or not all(isinstance(text, str) and text for text in (*texts, *wanted)):
        raise Refused(f"it must be {SHAPE}, got {documents.shown(value)}")
    if snapshot and not _SNAPSHOT.fullmatch(snapshot):
        raise Refused(f"snapshot must be an id, its beginning or 'latest', got {documents.shown(snapshot)}")
    return Request(snapshot or "", time_of(at) if at else None, distinct(list(map(relative, wanted))), etag)


def time_of(text: str) -> datetime:
    """UTC unless it says otherwise. @raises ValueError"""
    try:
        # Python 3.9 reads no Z.
        found = datetime.fromisoformat(re.sub("Z$", "+00:00", text))
    except ValueError as error:
        raise ValueError(f"must be a time like '2026-11-20 14:00' (UTC), got {text[:80]!r}") from error
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def distinct(paths: Sequence[str]) -> tuple[str, ...]:
    """Without those that are within others."""
    return tuple(path for path in paths if not any(path.startswith(f"{other}/") for other in paths))
