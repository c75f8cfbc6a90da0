"""Rows of OpenClaw's databases that are bound to a machine, to a path or to a moment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openclaw.state.databases import sqlite

LEASE_TABLES = ("state_leases", "agent_database_leases")
# Their store_key begins with the path of OpenClaw's state directory.
STORE_TABLES = ("cron_jobs", "cron_run_receipts", "cron_job_scratch")
# What is on its way out: OpenClaw sends it at its start, however old it is. Its own snapshots leave all of it out.
QUEUE_TABLES = ("delivery_queue_entries",)


def clear_leases(path: Path) -> int:
    """Removes the owner leases, with which a gateway on another machine refuses to start for 300 s; returns how many.

    Two copies of a database that differ by their heartbeats alone are equal afterwards, byte for byte.
    """
    return _change(path, LEASE_TABLES, "DELETE FROM {}")


def drop_deliveries(path: Path) -> int:
    """Removes the queue of messages, for a state whose messages have been sent since; returns how many rows."""
    return _change(path, QUEUE_TABLES, "DELETE FROM {}")


def rename_stores(path: Path, old: str, new: str) -> int:
    """Gives rows that name their store by a path below old the one below new; returns how many."""
    change = "UPDATE {} SET store_key = ? || substr(store_key, ?) WHERE substr(store_key, 1, ?) = ?"
    return _change(path, STORE_TABLES, change, (new, len(old) + 1, len(old) + 1, f"{old}/"))


def _change(path: Path, names: Sequence[str], change: str, values: Sequence[Any] = ()) -> int:
    """In those of the named tables that are there; returns the number of rows. The file keeps its time."""
    changed, status = 0, path.stat()
    with sqlite.opened(path, "mode=rw") as database:
        # What is deleted leaves nothing in its page, by which two copies would differ.
        database.execute("PRAGMA secure_delete=ON")
        tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        present = [name for name in names if name in tables]
        if present:
            # In the database itself, with no log left beside it.
            mode = database.execute("PRAGMA journal_mode").fetchone()[0]
            database.execute("PRAGMA journal_mode=DELETE")
            for name in present:
                changed += database.execute(change.format(name), values).rowcount
            database.commit()
            database.execute(f"PRAGMA journal_mode={mode}")
    os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))
    return changed
