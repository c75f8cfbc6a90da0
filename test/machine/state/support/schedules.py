"""Databases of any kind, and what may happen to them, for Hypothesis."""

import sqlite3
from pathlib import Path

from hypothesis import strategies as st

PAGE_SIZES = (512, 1024, 4096, 16384, 65536)
JOURNALS = ("WAL", "DELETE", "TRUNCATE", "PERSIST")

_number = st.integers(1, 60)
_insert = st.builds(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) "
    "INSERT INTO note(text) SELECT printf('%d %.*c', i * {}, {}, 'x') FROM n".format,
    _number,
    _number,
    st.sampled_from((0, 30, 400, 5000)),
)
_update = st.builds("UPDATE note SET text = text || {} WHERE id % {} = 0".format, _number, _number)
_delete = st.builds("DELETE FROM note WHERE id % {} < {}".format, _number, st.integers(1, 5))
_schema = st.sampled_from(
    (
        "CREATE TABLE IF NOT EXISTS other(id INTEGER PRIMARY KEY, blob BLOB)",
        "DROP TABLE IF EXISTS other",
        "CREATE INDEX IF NOT EXISTS by_text ON note(text)",
        "DROP INDEX IF EXISTS by_text",
        "CREATE TABLE IF NOT EXISTS state_leases(name TEXT, owner TEXT)",
        "INSERT INTO note(text) VALUES (zeroblob(70000))",
    )
)
_whole = st.sampled_from(
    (
        "VACUUM",
        "PRAGMA incremental_vacuum",
        "PRAGMA wal_checkpoint",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        *(f"PRAGMA journal_mode={one}" for one in JOURNALS),
        "PRAGMA user_version=7",
    )
)
steps = st.one_of(_insert, _insert, _update, _update, _delete, _schema, _whole)
beginnings = st.builds(
    "PRAGMA page_size={}; PRAGMA auto_vacuum={}; PRAGMA journal_mode={}; "
    "CREATE TABLE note(id INTEGER PRIMARY KEY, text);".format,
    st.sampled_from(PAGE_SIZES),
    st.integers(0, 2),
    st.sampled_from((*JOURNALS, "WAL", "WAL", "WAL")),
)


def connect(path: str | Path) -> sqlite3.Connection:
    """For a life that no power cut ends."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA synchronous=OFF")
    return database


def run(database: sqlite3.Connection, step: str) -> None:
    """A statement, and all its rows: some do their work only while they are asked for them."""
    database.execute(step).fetchall()


def copy(database: sqlite3.Connection, to: Path) -> None:
    to.unlink(missing_ok=True)
    target = sqlite3.connect(to)
    database.backup(target)
    target.close()
