"""Rows that do not outlive a machine or a moment, in a database as OpenClaw 2026.9.6 makes it."""

import contextlib
import os
import sqlite3

import pytest
from openclaw.state.openclaw_data import leases

# Of OpenClaw's own schema, as far as these tables go.
SCHEMA = """
PRAGMA journal_mode=WAL;
PRAGMA user_version=18;
CREATE TABLE state_leases (
  scope TEXT NOT NULL, lease_key TEXT NOT NULL, owner TEXT NOT NULL, expires_at INTEGER, heartbeat_at INTEGER,
  payload_json TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, PRIMARY KEY (scope, lease_key));
CREATE INDEX idx_state_leases_expiry ON state_leases(expires_at, scope, lease_key) WHERE expires_at IS NOT NULL;
CREATE TABLE delivery_queue_entries (id TEXT PRIMARY KEY, queue_name TEXT, status TEXT, entry_json TEXT);
CREATE TABLE session (id INTEGER PRIMARY KEY, text TEXT);
"""


@pytest.fixture
def live(tmp_path):
    path = tmp_path / "openclaw.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript(SCHEMA)
        database.executemany("INSERT INTO session(text) VALUES (?)", [("t" * 300,)] * 2000)
        database.execute(
            "INSERT INTO delivery_queue_entries VALUES ('m1', 'outbound', 'pending', '{\"text\": \"hi\"}')"
        )
        database.commit()
        yield database


def heartbeat(database, now):
    payload = "p" * (now % 7)
    database.execute(
        "INSERT OR REPLACE INTO state_leases VALUES ('gateway', 'gateway-owner', ?, ?, ?, ?, 1, ?)",
        (f"host:{now}", now + 300, now, payload, now),
    )
    database.commit()


def copied(database, path):
    """As a backup makes it."""
    path.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(path)) as copy:
        database.backup(copy)


@pytest.fixture
def staged(live, tmp_path, databases):
    """A private copy's content, without leases."""

    def stage():
        path = tmp_path / "copy.sqlite"
        copied(live, path)
        leases.clear_leases(databases, path)
        return path.read_bytes()

    return stage


def test_heartbeats_alone_make_no_other_copy(live, staged):
    heartbeat(live, 1_800_000_000)
    first = staged()
    for later in range(5, 500, 5):
        heartbeat(live, 1_800_000_000 + later)
    live.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert staged() == first
    heartbeat(live, 1_900_000_000)
    assert staged() == first
    live.execute("INSERT INTO session(text) VALUES ('more')")
    live.commit()
    assert staged() != first


def test_a_copy_without_leases_is_the_same_database(live, tmp_path, staged):
    heartbeat(live, 1_800_000_000)
    staged()
    with contextlib.closing(sqlite3.connect(tmp_path / "copy.sqlite")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert copy.execute("PRAGMA user_version").fetchone() == (18,)
        assert copy.execute("SELECT count(*) FROM state_leases").fetchone() == (0,)
        assert copy.execute("SELECT count(*) FROM session").fetchone() == (2000,)


def test_the_queue_goes_and_the_rest_stays(live, tmp_path, databases):
    heartbeat(live, 1_800_000_000)
    path = tmp_path / "copy.sqlite"
    copied(live, path)
    os.utime(path, (1000, 1000))
    assert leases.drop_deliveries(databases, path) == 1
    assert path.stat().st_mtime == 1000 and b'"text": "hi"' not in path.read_bytes()
    with contextlib.closing(sqlite3.connect(path)) as copy:
        assert copy.execute("SELECT count(*) FROM session").fetchone() == (2000,)
        assert copy.execute("SELECT count(*) FROM state_leases").fetchone() == (1,)


def test_a_database_without_a_queue_is_left_alone(tmp_path, databases):
    path = tmp_path / "other.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE t(x)")
        other.commit()
    body = path.read_bytes()
    assert leases.drop_deliveries(databases, path) == leases.clear_leases(databases, path) == 0
    assert path.read_bytes() == body
