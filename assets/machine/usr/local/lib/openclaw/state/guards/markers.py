"""What must be true before a backup may replace what the bucket holds, and before this machine may go on serving."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from openclaw.settings import Settings
from openclaw.state.guards import loss
from openclaw.state.guards.loss import Measure
from openclaw.system import files, journal, processes
from openclaw.system.errors import Fenced, Refused

# A snapshot that did not come in so often, for so long, while the store answered, is given up.
GIVE_UP_TRIES, GIVE_UP_SECONDS = 10, 3600


@dataclass(frozen=True)
class LastGoodBackup:
    """The last state known to be good: of the last backup, or of the restore before the first one."""

    engine: str
    snapshot: str
    generation: int
    sequence: int
    files: int
    bytes: int
    at: float
    # As loss.Measure has them; a machine before noted none.
    roots: dict[str, tuple[int, int]] = field(default_factory=dict)
    vital: dict[str, int] = field(default_factory=dict)

    @property
    def measure(self) -> Measure:
        return Measure(self.files, self.bytes, self.roots, self.vital)


class Markers:
    def __init__(self, settings: Settings):
        self.restored_path = settings.var / "restored"
        self.journal_path = settings.var / "restore-journal.json"
        self.good_path = settings.var / "last-good.json"
        self.sequence_path = settings.var / "sequence.json"
        self.fenced_path = settings.var / "fenced"
        # There from the moment that this volume is known to be behind until newer state is in its place.
        self.behind_path = settings.var / "behind"
        # wait-ready writes it.
        self.served_path = settings.var / "served"
        # There while the store is known to hold damage that a backup must not build on.
        self.damaged_path = settings.var / "damaged"
        # What the loss guard refused since the last good backup, as it was offered last, and how often.
        self.offered_path = settings.var / "offered.json"
        # There while a restore or an adoption has OpenClaw stopped.
        self.restoring_path = settings.run / "restoring"
        # The snapshot that does not come in, since when, and how often it was tried.
        self.failing_path = settings.var / "restore-failing.json"

    def restored(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = files.read_json(self.restored_path)
        return found

    def restored_at_ns(self) -> int:
        """When the restore was done: what is younger was written on this machine."""
        return self.restored_path.stat().st_mtime_ns

    def declare_restored(self, **facts: Any) -> None:
        files.write_json(self.restored_path, {**facts, "at": _now()})
        files.remove(self.behind_path)
        files.remove(self.failing_path)

    def note_behind(self) -> None:
        """Marks this volume as outdated: until a restore succeeds, no backup and no start, even if this machine gets
        the lease."""
        files.write_json(self.behind_path, _now())
        files.remove(self.restored_path)

    def keeps_failing(self, snapshot: str) -> bool:
        """Notes one more failure to bring this snapshot in, for which the store did not prove to be damaged; whether
        there were so many for so long that the next older one has to do."""
        now, known = time.time(), files.read_json(self.failing_path) or {}
        if known.get("snapshot") != snapshot:
            known = {"snapshot": snapshot, "since": now, "tries": 0}
        known["tries"] += 1
        files.write_json(self.failing_path, known)
        return bool(known["tries"] >= GIVE_UP_TRIES and now - known["since"] >= GIVE_UP_SECONDS)

    def require_restored(self) -> None:
        if self.restored() is None:
            raise Refused(
                f"no backup before a good restore or a declared first boot: {self.restored_path} is missing "
                "(systemctl status openclaw-restore.service says why)"
            )

    def require_settled(self) -> None:
        """@raises Refused while a cut-off restore has moved some of the state and not the rest"""
        if self.journal_path.exists():
            raise Refused("a restore that was cut off is unfinished: a boot must finish it first")

    def has_served(self) -> bool:
        """Whether OpenClaw has ever served on this volume. Before that, nothing shows that the state is good: a new
        version may have migrated it, which the old one, that a failed deploy brings back, could not read."""
        return self.served_path.exists()

    def last_good(self) -> LastGoodBackup | None:
        value = files.read_json(self.good_path)
        return LastGoodBackup(**value) if value else None

    def note_good(self, good: LastGoodBackup) -> None:
        files.write_json(self.good_path, asdict(good))
        files.remove(self.offered_path)

    def expect(self, measure: Measure) -> None:
        """What came in from elsewhere is what the next backup is measured by."""
        last = self.last_good()
        if last:
            self.note_good(replace(last, **vars(measure)))

    def loss(self, now: Measure) -> str:
        """Why this backup must not count as good (more than half of the last good state would go), or empty."""
        last = self.last_good()
        if last is None or not last.files:
            return ""
        found = loss.doubt(now, last.measure)
        if not found:
            return ""
        why = loss.why_not_none(now, last.measure)
        return (
            f"{found} ({last.snapshot[:24]}): it would drop more than half{f', and {why}' if why else ''}. "
            "If that is meant, run: openclaw-state backup --force"
        )

    def offers(self, now: Measure) -> tuple[int, float]:
        """How often in a row the guard has met a state like this one, this time included, and for how many seconds;
        0 where it may be a loss."""
        last = self.last_good()
        if last is None or loss.why_not_none(now, last.measure):
            files.remove(self.offered_path)
            return 0, 0
        known, when = files.read_json(self.offered_path), time.time()
        # What shrinks from one time to the next is still on its way to nothing.
        is_another = known is None or loss.doubt(now, Measure(**known["measure"])) or when < known["since"]
        if is_another or known["against"] != last.snapshot:
            known = {"against": last.snapshot, "since": when, "times": 0}
        known.update(times=known["times"] + 1, measure=vars(now))
        files.write_json(self.offered_path, known)
        return known["times"], when - known["since"]

    def next_sequence(self, generation: int) -> int:
        """Written before it is used: no two backups ever carry the same one."""
        last = files.read_json(self.sequence_path) or {}
        sequence = last.get("sequence", 0) + 1 if last.get("generation") == generation else 1
        files.write_json(self.sequence_path, {"generation": generation, "sequence": sequence})
        return sequence

    def fence(self, error: Fenced, *units: str) -> None:
        """A machine that is not the writer must not serve either: what it learns would be lost.

        @param units to stop besides, in none of which this runs
        """
        files.write_json(self.fenced_path, {"reason": str(error), "at": _now()})
        journal.say(f"FENCED: stopping OpenClaw on this machine: {error}")
        processes.run(["systemctl", "stop", "--no-block", "openclaw-backup.timer", *units, "openclaw.service"], 60)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
