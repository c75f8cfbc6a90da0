"""Rows of OpenClaw's databases that are bound to a machine or to a path."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openclaw.state.databases import sqlite

LEASE_TABLES = ("state_leases", "agent_database_leases")
# Their store_key begins with the path of OpenClaw's state directory.
STORE_TABLES = ("cron_jobs", "cron_run_receipts", "cron_job_scratch")


def clear_leases(path: Path) -> int:
    """Removes the lost machine's owner leases, with which a gateway refuses to start for 300 s; returns how many."""
    return _change(path, LEASE_TABLES, "DELETE FROM {}")


def rename_stores(path: Path, old: str, new: str) -> int:
    """Gives rows that name their store by a path below old the one below new; returns how many."""
    change = "UPDATE {} SET store_key = ? || substr(store_key, ?) WHERE substr(store_key, 1, ?) = ?"
    return _change(path, STORE_TABLES, change, (new, len(old) + 1, len(old) + 1, f"{old}/"))


def _change(path: Path, names: Sequence[str], change: str, values: Sequence[Any] = ()) -> int:
    """In those of the named tables that are there; returns the number of rows."""
    changed = 0
    with sqlite.opened(path, "mode=rw") as database:
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
    return changed
