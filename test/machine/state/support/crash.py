"""Power cuts at random points of backup, thinning, restore and lease change, while a writer commits all the time.

A cut is SIGKILL to every process of the run. On a volume that boots again, staged files that nobody synced are emptied,
as a power cut may leave them. Everything else about the disk's cache is the file system's promise and not modelled.
After each cut a machine boots on what is left, and every invariant of Ledger.check has to hold.
"""

import contextlib
import hashlib
import os
import random
import sqlite3
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from machine.forkserver import Process
from machine.state.support.machine import NODE, Deployment, Machine, kill, make_parents

DATABASES = (".openclaw/state/openclaw.sqlite", ".openclaw/agents/main/agent/openclaw-agent.sqlite")
FILES = "workspace/transcripts"
CURRENT = "workspace/current.md"
KEPT = 40
# Rows all over the database, one of which each transaction rewrites: more of them than of the rows that are kept.
SLOTS = 200
# Far longer than a row, so that no backup can have copied the row and come too late for its file.
FILES_KEPT = 600
# How many of the backups thin out, so that cuts fall into it too.
THINNING = 0.5
# How many of the backups run to their end, so that there is much to lose.
WHOLE = 0.3
RETENTION = {"BACKUP_KEEP_HOURLY": "1", "BACKUP_KEEP_DAILY": "1", "BACKUP_KEEP_WEEKLY": "1"}


@dataclass
class Ledger:
    """What was committed, by whom, and what a backup vouched for."""

    committed: set = field(default_factory=set)
    life: int = 0
    last: int = 0
    vouched: int = 0

    def check(self, machine: Machine) -> int:
        """Returns the number of the last restored transaction. @raises AssertionError naming the broken invariant"""
        last = []
        for name in DATABASES:
            path = machine.path(name)
            if not path.exists():
                last.append(0)
                continue
            with contextlib.closing(sqlite3.connect(path)) as database:
                assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)], f"{name} is damaged"
                rows = database.execute("SELECT number, life, sha256 FROM entry ORDER BY number").fetchall()
                slots = set(database.execute("SELECT number, life FROM slot"))
                assert database.execute("SELECT count(*) FROM state_leases").fetchone() == (0,), "a lease came along"
            numbers = [row[0] for row in rows]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else True, (
                f"{name} has a gap"
            )
            for number, life, sha256 in rows:
                assert (number, life) in self.committed, f"{name} has {number}, which was never committed"
                assert (number, life) in slots, f"{name} has the half of {number}"
                path = machine.path(f"{FILES}/{number}-{life}")
                assert path.exists(), f"{name} names the file {path.name}, which did not come back"
                content = path.read_bytes()
                assert hashlib.sha256(content).hexdigest() == sha256, f"file {number} is torn or another one's"
            last.append(numbers[-1] if numbers else 0)
        assert min(last) >= self.vouched, f"restored {last}, but a backup had vouched for {self.vouched}"
        if machine.path(CURRENT).exists():
            assert len(set(machine.path(CURRENT).read_text().splitlines())) <= 1, "current.md is torn"
        return min(last)


class Busy(threading.Thread):
    """Writes a file, then commits what names it to both databases, one after the other."""

    def __init__(self, machine: Machine, ledger: Ledger):
        super().__init__(daemon=True)
        self.machine, self.ledger, self.stopping = machine, ledger, threading.Event()
        ledger.life += 1
        for name in DATABASES:
            make_parents(machine.path(name).parent)
            machine.path(name).touch()
            os.chown(machine.path(name), NODE, NODE)
            with contextlib.closing(sqlite3.connect(machine.path(name))) as database:
                database.executescript(
                    "PRAGMA journal_mode=WAL;"
                    "CREATE TABLE IF NOT EXISTS entry(number INTEGER PRIMARY KEY, life INTEGER, sha256 TEXT);"
                    "CREATE TABLE IF NOT EXISTS slot(id INTEGER PRIMARY KEY, number INTEGER, life INTEGER, text TEXT);"
                    "CREATE TABLE IF NOT EXISTS state_leases(name TEXT);"
                    "DELETE FROM state_leases; INSERT INTO state_leases VALUES ('gateway-owner');"
                )
        machine.path(FILES).mkdir(exist_ok=True)
        machine.write(".openclaw/openclaw.json", "{}")

    def run(self) -> None:
        with contextlib.ExitStack() as stack:
            databases = [
                stack.enter_context(contextlib.closing(sqlite3.connect(self.machine.path(name), timeout=60)))
                for name in DATABASES
            ]
            # One may be a transaction ahead of the other, as on any machine whose power fails between the two.
            starts = [one.execute("SELECT coalesce(max(number), 0) FROM entry").fetchone()[0] for one in databases]
            for database, start in zip(databases, starts, strict=True):
                with database:
                    database.execute("DELETE FROM entry WHERE number > ?", (min(starts),))
                    assert start >= min(starts)
            number = min(starts)
            self.ledger.last = number
            while not self.stopping.is_set():
                number += 1
                self._commit(number, databases)
                self.ledger.last = number
                time.sleep(0.02)

    def _commit(self, number: int, databases: list) -> None:
        life = self.ledger.life
        content = os.urandom(random.Random(number).randrange(200, 6000))  # noqa: S311
        self.machine.path(f"{FILES}/{number}-{life}").write_bytes(content)
        # Rewritten in place, again and again: what a copy tears.
        self.machine.path(CURRENT).write_text(f"{number}\n" * 3000)
        self.ledger.committed.add((number, life))
        row = (number, life, hashlib.sha256(content).hexdigest())
        for database in databases:
            with database:
                database.execute("INSERT INTO entry VALUES (?, ?, ?)", row)
                database.execute("REPLACE INTO slot VALUES (?, ?, ?, ?)", (number % SLOTS, number, life, "s" * 1000))
        for old in self.machine.path(FILES).glob(f"{number - FILES_KEPT}-*"):
            old.unlink()
        if number % 10 == 0 and number > KEPT:
            for database in databases:
                with database:
                    database.execute("DELETE FROM entry WHERE number <= ?", (number - KEPT,))

    def __enter__(self) -> "Busy":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.join()


class Crash:
    def __init__(self, deployment: Deployment, seed: int):
        self.deployment, self.random, self.ledger = deployment, random.Random(seed), Ledger()  # noqa: S311
        self.machine = deployment.launch()
        # Seconds that a run takes here when nobody cuts it.
        self.usual: dict[str, float] = {}
        self.cuts, self.finished = 0, 0

    def run(self, cuts: int) -> None:
        self._whole("boot")
        while self.cuts < cuts:
            with Busy(self.machine, self.ledger):
                time.sleep(self.random.uniform(0.05, 0.2))
                for _ in range(self.random.randrange(1, 3)):
                    self._back_up()
            self._next_machine()
            self.ledger.check(self.machine)

    def _back_up(self) -> None:
        if self.random.random() < THINNING:
            (self.machine.var / "pruned").unlink(missing_ok=True)
        before = self.ledger.last
        if self.random.random() < WHOLE or "backup" not in self.usual:
            self._whole("backup")
        elif not self._cut("backup"):
            return
        self.finished += 1
        self.ledger.vouched = max(self.ledger.vouched, before)

    def _start(self, verb: str) -> subprocess.Popen | Process:
        return self.machine.start(*([verb] if verb == "backup" else [verb, "--patience", "0"]), **RETENTION)

    def _whole(self, verb: str) -> None:
        started = time.monotonic()
        process = self._start(verb)
        self._require_good(verb, process)
        self.usual[verb] = time.monotonic() - started

    def _cut(self, verb: str) -> bool:
        """Starts it and cuts the power at a random moment; True when it was done before that."""
        process = self._start(verb)
        deadline = time.monotonic() + self.random.uniform(0, self.usual[verb])
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        if process.poll() is None:
            kill(process)
            self.cuts += 1
            return False
        self._require_good(verb, process)
        return True

    @staticmethod
    def _require_good(verb: str, process: subprocess.Popen | Process) -> None:
        _, err = process.communicate()
        assert process.returncode == 0, f"{verb} ended with {process.returncode}: {err}"

    def _next_machine(self) -> None:
        if self.random.random() < 0.25:
            self._lose_unsynced(self.machine.var / "staging")
        else:
            self.machine = self.machine.replaced()
        while self.random.random() < 0.4 and not self._cut("boot"):
            self._lose_unsynced(self.machine.var / "staging")
        local = self.machine.path(DATABASES[0]).exists() and (self.machine.var / "restored").exists()
        before = self.ledger.last if local else 0
        self._whole("boot")
        clear_live_lease(self.machine)
        restored = self.ledger.check(self.machine)
        if not local:
            # What came back is what the next machine starts from; later transactions are lost, and may be.
            self.ledger.vouched = restored
        else:
            assert restored >= min(before, self.ledger.vouched)

    def _lose_unsynced(self, staging: Path) -> None:
        if not (staging / "tree").is_dir():
            return
        (staging / "made").write_text("the boot before")
        for path in sorted((staging / "tree").rglob("*")):
            if path.is_file() and not path.is_symlink() and self.random.random() < 0.5:
                os.truncate(path, 0)


def clear_live_lease(machine: Machine) -> None:
    """On a volume that just boots again the gateway's own lease is still there, rightly."""
    for name in DATABASES:
        if (machine.var / "restored").exists() and machine.path(name).exists():
            with contextlib.closing(sqlite3.connect(machine.path(name))) as database, database:
                database.execute("DELETE FROM state_leases")
