"""Who may write: one object, changed only by conditional writes, with a generation and a nonce.

No clock is compared: the holder is told apart by its nonce, and whether it lives is EC2's word.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from . import durable, instance, log
from .aws import ABSENT, LOST_RACE, Aws, AwsError
from .errors import Fenced, Refused, Unavailable
from .settings import Settings

KEY = "lease.json"
POLL_SECONDS = 5


@dataclass(frozen=True)
class Holding:
    generation: int
    nonce: str
    instance: str
    bucket: str
    released: bool = False


class Lease:
    def __init__(self, settings: Settings, aws: Aws):
        self.settings = settings
        self.aws = aws
        self.path: Path = settings.var / "lease.json"

    def held(self) -> Holding | None:
        """What this volume last held."""
        value = durable.read_json(self.path)
        return Holding(**value) if value else None

    def current(self) -> tuple[Holding | None, str]:
        """The bucket's word, and its ETag."""
        found = self.aws.get(KEY)
        if found is None:
            return None, ""
        body, etag = found
        try:
            holding = Holding(**json.loads(body))
        except (ValueError, TypeError) as error:
            raise Refused(
                f"s3://{self.aws.bucket}/{KEY} is no lease ({error}); remove it to let this machine write"
            ) from error
        if holding.bucket != self.aws.bucket:
            log.say(f"the lease came from the bucket {holding.bucket!r}, copied with its objects: it counts as none")
            return None, etag
        return holding, etag

    def is_stale(self) -> bool:
        """Whether another machine took the lease after this volume held it."""
        held, (current, _) = self.held(), self.current()
        return (
            held is not None
            and current is not None
            and current.nonce != held.nonce
            and (current.generation > held.generation)
        )

    def check(self) -> Holding:
        """@raises Fenced unless this machine is still the writer."""
        current, _ = self._own()
        if current.released:
            raise Fenced(f"this machine released its lease of generation {current.generation}; a boot takes the next")
        return current

    def acquire(self, at_least: int = 1) -> Holding:
        """Takes the next generation, after the former holder released it or is gone (or the wait is over)."""
        deadline = time.monotonic() + self.settings.lease_wait_seconds
        own = instance.own_id()
        said = ""
        while True:
            current, etag = self.current()
            alive = self._why_alive(current, own)
            if alive and time.monotonic() < deadline:
                if alive != said:
                    log.say(f"waiting for the former holder of the lease, {current.instance}: {alive}")
                    said = alive
                time.sleep(POLL_SECONDS)
                continue
            if alive:
                log.say(
                    f"taking over from {current.instance}, which is still there ({alive}): its writes are fenced now"
                )
            generation = max(at_least, current.generation + 1 if current else 1)
            taken = self._write(Holding(generation, secrets.token_hex(16), own, self.aws.bucket), etag)
            if taken:
                return taken

    def raise_to(self, generation: int) -> Holding:
        """A copied bucket may hold higher generations than its lease: ours must be above all of them."""
        self.check()
        return self.acquire(at_least=generation)

    def release(self) -> None:
        """Gives the lease back. Twice is as good as once: the answer to the first try can get lost."""
        current, etag = self._own()
        while not current.released and not self._write(replace(current, released=True), etag):
            current, etag = self._own()

    def resume(self) -> None:
        """Takes back what this machine has begun to release and nobody has taken since, for another try at its end."""
        held = self.held()
        if held and held.released:
            current, etag = self._own()
            self._write(replace(current, released=False), etag)

    def is_alive(self, holding: Holding) -> bool:
        return bool(self._why_alive(holding, instance.own_id()))

    def _own(self) -> tuple[Holding, str]:
        """The bucket's word, which is of this machine, and its ETag. @raises Fenced where it is not"""
        held, (current, etag) = self.held(), self.current()
        if held is None:
            raise Fenced("this machine holds no lease: it has not been through a boot's restore")
        if current is None or current.nonce != held.nonce:
            holder = f"generation {current.generation}, {current.instance}" if current else "nobody"
            raise Fenced(f"the lease is held by {holder}, not by generation {held.generation}, {held.instance}")
        return current, etag

    def _why_alive(self, current: Holding | None, own: str) -> str:
        if current is None or current.released or current.instance == own:
            return ""
        try:
            return "" if instance.is_gone(self.aws, current.instance) else "EC2 says that it runs"
        except Unavailable as error:
            return f"EC2 does not say whether it runs ({error})"

    def _write(self, holding: Holding, etag: str) -> Holding | None:
        """None when somebody else wrote in between. Kept locally first: a lease we cannot prove is a lost one."""
        former = self.held()
        durable.write_json(self.path, asdict(holding))
        body = json.dumps(asdict(holding)).encode()
        try:
            self.aws.put(KEY, body, if_match=etag, if_absent=not etag)
        except AwsError as error:
            if error.code in LOST_RACE | ABSENT:
                if former:
                    durable.write_json(self.path, asdict(former))
                return None
            raise
        return holding
