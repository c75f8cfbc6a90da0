"""What each staged file was copied from, so that the next run copies only what changed since.

A SQLite file rather than a dictionary: 100,000 files cost no memory.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from openclaw.state.databases import page_log
from openclaw.state.openclaw_data import exclusions

SCHEMA = """
CREATE TABLE IF NOT EXISTS entry(
  path BLOB PRIMARY KEY, kind TEXT NOT NULL, fingerprint TEXT NOT NULL, size INTEGER NOT NULL, seen INTEGER NOT NULL,
  user_version INTEGER, sha256 TEXT, md5 TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pushed(snapshot TEXT NOT NULL);
"""


class Entry(NamedTuple):
    path: str
    kind: str
    fingerprint: str
    size: int
    user_version: int | None
    sha256: str | None
    md5: str | None

    @property
    def changed_ns(self) -> int:
        """The last change of a file, or of any part of a database."""
        parts = [part.split(":") for part in self.fingerprint.split(";")]
        return max(int(part[3]) for part in parts if len(part) > 3)


class Index:
    def __init__(self, path: Path, run: int):
        self.run = run
        self._changed = False
        self._database = sqlite3.connect(path, isolation_level=None)
        # A killed process leaves the last run's index; a power cut takes the whole staging area with it.
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.executescript(SCHEMA)
        self._database.execute("BEGIN IMMEDIATE")

    def begin_walk(self) -> None:
        self.run += 1

    def get(self, path: str) -> Entry | None:
        row = self._database.execute(
            "SELECT kind, fingerprint, size, user_version, sha256, md5 FROM entry WHERE path = ?", (os.fsencode(path),)
        ).fetchone()
        return Entry(path, *row) if row else None

    def keep(self, path: str) -> None:
        self._database.execute("UPDATE entry SET seen = ? WHERE path = ?", (self.run, os.fsencode(path)))

    def keep_below(self, path: str) -> None:
        """All that is known of a directory."""
        below = os.fsencode(path) + b"/"
        values = (self.run, below, below[:-1] + b"0")
        # All that begins with the one ends before the other: "0" follows "/".
        self._database.execute("UPDATE entry SET seen = ? WHERE path > ? AND path < ?", values)

    def keep_logs(self) -> None:
        """Of the databases that this run met."""
        self._database.execute(
            "UPDATE entry SET seen = ? WHERE kind = 'log' AND substr(path, 1, length(path) - ?) IN "
            "(SELECT path FROM entry WHERE kind = 'database' AND seen = ?)",
            (self.run, len(page_log.SUFFIX), self.run),
        )

    def put(self, path: str, kind: str, fingerprint: str, size: int = 0, user_version: int | None = None) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)",
            (os.fsencode(path), kind, fingerprint, size, self.run, user_version),
        )
        self._changed = True

    def note_unchanged(self, path: str, fingerprint: str) -> None:
        """The source is another by now, and its content is what was staged."""
        values = (fingerprint, self.run, os.fsencode(path))
        self._database.execute("UPDATE entry SET fingerprint = ?, seen = ? WHERE path = ?", values)

    def set_digests(self, path: str, sha256: str, md5: str) -> None:
        values = (sha256, md5, os.fsencode(path))
        self._database.execute("UPDATE entry SET sha256 = ?, md5 = ? WHERE path = ?", values)

    def unseen(self) -> Iterator[tuple[str, str]]:
        """Path and kind of what this run did not meet, children before their directories."""
        rows = self._database.execute("SELECT path, kind FROM entry WHERE seen <> ? ORDER BY path DESC", (self.run,))
        return ((os.fsdecode(path), kind) for path, kind in rows.fetchall())

    def forget_unseen(self) -> None:
        if self._database.execute("DELETE FROM entry WHERE seen <> ?", (self.run,)).rowcount:
            self._changed = True

    def entries(self) -> Iterator[Entry]:
        rows = self._database.execute(
            "SELECT path, kind, fingerprint, size, user_version, sha256, md5 FROM entry ORDER BY path"
        )
        return (Entry(os.fsdecode(row[0]), *row[1:]) for row in rows)

    def totals(self) -> tuple[int, int]:
        """Number and bytes of the files."""
        query = "SELECT count(*), coalesce(sum(size), 0) FROM entry WHERE kind IN ('file', 'database')"
        count, size = self._database.execute(query).fetchone()
        return count, size

    def totals_by_root(self) -> dict[str, tuple[int, int]]:
        """Of what stays: a migration's copies go by themselves."""
        rows = self._database.execute(
            "SELECT CAST(substr(path, 1, instr(path, x'2f') - 1) AS TEXT), count(*), coalesce(sum(size), 0) FROM entry "
            "WHERE kind IN ('file', 'database') GROUP BY 1"
        )
        totals = {root: (count, size) for root, count, size in rows}
        # By a part that all of their names have; what is one is then told exactly.
        likely = self._database.execute(
            "SELECT path, size FROM entry WHERE kind IN ('file', 'database') AND (CAST(path AS TEXT) LIKE '%migrat%' "
            "OR CAST(path AS TEXT) LIKE '%session-sqlite-import-archive%')"
        )
        for path, size in likely:
            if exclusions.is_migration_copy(os.fsdecode(path)):
                root = os.fsdecode(path).partition("/")[0]
                totals[root] = totals[root][0] - 1, totals[root][1] - size
        return totals

    def databases(self) -> dict[str, int]:
        rows = self._database.execute("SELECT path, user_version FROM entry WHERE kind = 'database' ORDER BY path")
        return {os.fsdecode(path): version for path, version in rows}

    def pushed(self) -> str:
        """The snapshot that holds just what is staged; empty where none does."""
        row = self._database.execute("SELECT snapshot FROM pushed").fetchone()
        return row[0] if row else ""

    def note_pushed(self, snapshot: str) -> None:
        self._database.execute("DELETE FROM pushed")
        self._database.execute("INSERT INTO pushed VALUES (?)", (snapshot,))

    def commit(self) -> None:
        if self._changed:
            self._database.execute("DELETE FROM pushed")
        self._database.execute("COMMIT")
        self._database.execute("BEGIN IMMEDIATE")

    def close(self) -> None:
        self._database.execute("COMMIT")
        self._database.close()
