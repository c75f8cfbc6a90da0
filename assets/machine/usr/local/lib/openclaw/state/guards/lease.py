"""Who may write: one object, changed only by conditional writes, with a generation and a nonce.

No clock is compared: the holder is told apart by its nonce, and whether it lives is EC2's word.

What lies in the bucket is held to FIELDS and WISH. Fields beside those are left out: in a lease they are a hint of a
newer version, without which the rest means the same, and must not keep a machine of an older deploy down; in a wish
they (`state`, `nonce`, `base`) say how far the machine that waits has come. A lease that is none is refused, for nobody
knows then who writes; a wish that is none asks for nothing.
"""

from __future__ import annotations

import json
import math
import secrets
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Callable

from openclaw.aws import instance
from openclaw.aws.client import ABSENT, LOST_RACE, Aws
from openclaw.aws.errors import AwsError
from openclaw.settings import Settings
from openclaw.state.guards import order
from openclaw.system import documents, files, journal
from openclaw.system.errors import Fenced, Refused, Unavailable

KEY = "lease.json"
# Which machine waits for the holder of which generation.
WANTED = "lease-wanted.json"
POLL_SECONDS = 2
_PRINTABLE = "text of 1 to 128 printable ASCII characters"
FIELDS = {
    "generation": order.NUMBER,
    "nonce": documents.text(r"[!-~]{1,128}", _PRINTABLE),
    "instance": instance.ID,
    "bucket": documents.text(r"[!-~]{1,128}", _PRINTABLE),
    "released": documents.flag(default=False),
    "ending": documents.flag(default=False),
}
HELD = {**FIELDS, "proved": documents.flag(default=True)}
WISH = {"generation": order.NUMBER, "instance": instance.ID}


@dataclass(frozen=True)
class LeaseRecord:
    generation: int
    nonce: str
    instance: str
    bucket: str
    released: bool = False
    # Its last backup is under way: it is worth waiting for.
    ending: bool = False
    # On the volume alone: False from before the write that takes it until that is known to be stored.
    proved: bool = True


class Lease:
    def __init__(self, settings: Settings, aws: Aws):
        self.settings = settings
        self.aws = aws
        self.path: Path = settings.var / "lease.json"

    def held(self) -> LeaseRecord | None:
        """What this volume last held, or tried to take."""
        value = files.read_json(self.path)
        return LeaseRecord(**documents.check(value, HELD)) if value else None

    def current(self) -> tuple[LeaseRecord | None, str]:
        """The bucket's word, and its ETag."""
        found = self.aws.get(KEY)
        if found is None:
            return None, ""
        body, etag = found
        try:
            record = LeaseRecord(**documents.read(body, FIELDS))
        except documents.Malformed as error:
            address = f"s3://{self.aws.bucket}/{KEY}"
            raise Refused(
                f"{address} is not a lease: {error}. Bring its last good version back, or remove it "
                f"(aws s3 rm {address}) and reboot to let this machine write"
            ) from error
        if record.bucket != self.aws.bucket:
            journal.say(f"the lease came from the bucket {record.bucket!r}, copied with its objects: it counts as none")
            return None, etag
        return record, etag

    def is_behind(self, current: LeaseRecord | None) -> bool:
        """Whether this lease is of another machine, and newer than what this volume held; or this volume is a copy."""
        held = self.held()
        if held is None:
            return False
        is_newer = current is not None and current.nonce != held.nonce and current.generation >= held.generation
        return is_newer or held.instance != instance.own_id()

    def check(self) -> LeaseRecord:
        """@raises Fenced unless this machine is still the writer."""
        current, _ = self._own()
        if current.released:
            raise Fenced(f"this machine released its lease of generation {current.generation}; a boot takes the next")
        return current

    def acquire(self, look: Callable[[LeaseRecord | None], None]) -> LeaseRecord:
        """Takes the next generation, after the former holder released it or is gone (or the wait is over).

        @param look gets each lease that is about to be waited for or taken, before that; what it raises ends the try
        """
        own, said, asked = instance.own_id(), "", math.inf
        while True:
            current, etag = self.current()
            look(current)
            alive = self._why_alive(current, own) if current else ""
            if current and alive:
                asked = self._ask(current, own, asked)
                if time.monotonic() - asked < self._patience(current):
                    if alive != said:
                        journal.say(f"waiting for the former holder of the lease, {current.instance}: {alive}")
                        said = alive
                    time.sleep(POLL_SECONDS)
                    continue
                journal.say(
                    f"taking over from {current.instance}, which is still there ({alive}): its writes are fenced now"
                )
            taken = self._take(current, etag, own)
            if taken:
                return taken

    def raise_above(self, generation: int) -> LeaseRecord:
        """A copied bucket may hold higher generations than its lease: ours must be above all of them.

        The nonce stays: nobody who looks at the lease meanwhile takes it for another machine's.
        """
        held = self.check()
        if held.generation > generation:
            return held
        self._refuse_above_last(generation + 1)
        return self._change(generation=generation + 1)

    def release(self) -> None:
        """Gives the lease back. Twice is as good as once: the answer to the first try can get lost."""
        self._change(released=True, ending=False)

    def announce_end(self) -> None:
        """Has the next machine wait for this one's last backup. Takes back what an earlier try at the end has released
        and nobody has taken since."""
        self._change(released=False, ending=True)

    def waiting(self, held: LeaseRecord) -> str:
        """The id of a machine of this group that runs and waits for this one's lease; empty where there is none.

        @param held what the bucket says of this machine's lease
        """
        wish = self._wish()
        # Ignore requests addressed to an earlier generation.
        if wish is None or wish["generation"] != held.generation or wish["instance"] == held.instance:
            return ""
        waiter: str = wish["instance"]
        if not instance.runs_in_group(self.aws, waiter, self.settings.group):
            journal.say(
                f"s3://{self.aws.bucket}/{WANTED} asks for nothing: {waiter} is not a running instance of "
                f"{self.settings.group}"
            )
            return ""
        return waiter

    def _wish(self) -> dict[str, Any] | None:
        """What a machine that waits has asked for; None where there is nothing that can be understood."""
        found = self.aws.get(WANTED)
        try:
            return documents.read(found[0], WISH) if found else None
        except documents.Malformed as error:
            journal.say(f"s3://{self.aws.bucket}/{WANTED} asks for nothing: {error}")
            return None

    def _ask(self, current: LeaseRecord, own: str, since: float) -> float:
        """Has a wish for this very generation stand: a holder that lives looks every minute (openclaw-lease.timer),
        saves its state and lets go. It may be that of another machine that waits, as long as EC2 does not call it gone.

        @param since when the holder is known to be asked, by the monotonic clock; infinity where it is not
        Returns the same, as it is now: nobody may lose patience with a holder that was not asked.
        """
        try:
            wish = self._wish()
            if wish and wish["generation"] == current.generation:
                waiter = wish["instance"]
                if waiter == own or (waiter != current.instance and not instance.is_gone(self.aws, waiter)):
                    return min(since, time.monotonic())
            self.aws.put(WANTED, json.dumps({"generation": current.generation, "instance": own}).encode())
            return time.monotonic()
        except Unavailable:
            return math.inf

    def _patience(self, current: LeaseRecord) -> int:
        return self.settings.lease_ending_wait_seconds if current.ending else self.settings.lease_wait_seconds

    def is_alive(self, record: LeaseRecord) -> bool:
        return bool(self._why_alive(record, instance.own_id()))

    def _own(self) -> tuple[LeaseRecord, str]:
        """The bucket's word, which is of this machine, and its ETag. @raises Fenced where it is not"""
        held, (current, etag) = self.held(), self.current()
        if held is None:
            raise Fenced("this machine holds no lease: it has not been through a boot's restore")
        if held.instance != instance.own_id():
            raise Fenced(f"this volume is a copy of {held.instance}'s, whose lease it is")
        if current is None or current.nonce != held.nonce:
            holder = f"generation {current.generation}, {current.instance}" if current else "nobody"
            raise Fenced(f"the lease is held by {holder}, not by generation {held.generation}, {held.instance}")
        return current, etag

    def _why_alive(self, current: LeaseRecord, own: str) -> str:
        if current.released or current.instance == own:
            return ""
        try:
            gone = instance.is_gone(self.aws, current.instance)
            return "" if gone else f"EC2 says that it runs{', and it saves its last state' if current.ending else ''}"
        except Unavailable as error:
            return f"EC2 does not say whether it runs ({error})"

    def _take(self, current: LeaseRecord | None, etag: str, own: str) -> LeaseRecord | None:
        """None when somebody else wrote in between.

        Kept locally first: a lease we cannot prove is a lost one. Until a write is known to be stored, each try at one
        has the nonce of the first, and the generation too while the bucket's stays the same: whichever of them arrives
        is known as this machine's, and what another machine takes meanwhile is above all of them.
        """
        held = self.held()
        again = held if held and not held.proved and held.instance == own else None
        # Above this volume's own too: the bucket's may be missing, or come from another bucket.
        least = again.generation if again else held.generation + 1 if held else 1
        generation = max(least, current.generation + 1 if current else 1)
        self._refuse_above_last(generation)
        nonce = again.nonce if again else secrets.token_hex(16)
        taken = LeaseRecord(generation, nonce, own, self.aws.bucket)
        files.write_json(self.path, asdict(replace(taken, proved=False)))
        if not self._put(taken, etag):
            return None
        files.write_json(self.path, asdict(taken))
        return taken

    def _change(self, **change: Any) -> LeaseRecord:
        """Says more of this machine's own lease, whose nonce stays. @raises Fenced where it is not this machine's"""
        while True:
            current, etag = self._own()
            wanted = replace(current, **change)
            if wanted == current or self._put(wanted, etag):
                files.write_json(self.path, asdict(wanted))
                return wanted

    def _put(self, record: LeaseRecord, etag: str) -> bool:
        """Whether the bucket has it now, in the place of what had this ETag."""
        # Only where it is so: a machine of an earlier deploy does not know the word.
        told = {name: value for name, value in asdict(record).items() if name != "ending" or value}
        del told["proved"]
        try:
            self.aws.put(KEY, json.dumps(told).encode(), if_match=etag, if_absent=not etag)
            return True
        except AwsError as error:
            if error.code not in LOST_RACE | ABSENT:
                raise
            return False

    def _refuse_above_last(self, generation: int) -> None:
        if generation > order.LAST:
            raise Refused(
                f"s3://{self.aws.bucket}/{KEY} or a backup says generation {generation - 1}, above which there is "
                f"none (at most {order.LAST}): no machine of ours wrote that; bring the last good version back"
            )
