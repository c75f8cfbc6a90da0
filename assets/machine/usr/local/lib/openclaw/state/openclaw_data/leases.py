"""Rows of OpenClaw's databases that are bound to a machine, to a path or to a moment."""

from __future__ import annotations

from pathlib import Path

from openclaw.state.databases.sqlite import Databases

LEASE_TABLES = ("state_leases", "agent_database_leases")
# Their store_key begins with the path of OpenClaw's state directory.
STORE_TABLES = ("cron_jobs", "cron_run_receipts", "cron_job_scratch")
# What is on its way out: OpenClaw sends it at its start, however old it is. Its own snapshots leave all of it out.
QUEUE_TABLES = ("delivery_queue_entries",)


def clear_leases(databases: Databases, path: Path) -> int:
    """Removes the owner leases, with which a gateway on another machine refuses to start for 300 s; returns how many.

    Two copies of a database that differ by their heartbeats alone are equal afterwards, byte for byte.
    @raises Unreadable
    """
    return databases.change(path, LEASE_TABLES, "DELETE FROM {}")


def drop_deliveries(databases: Databases, path: Path) -> int:
    """Removes the queue of messages, for a state whose messages have been sent since; returns how many rows.

    @raises Unreadable
    """
    return databases.change(path, QUEUE_TABLES, "DELETE FROM {}")


def rename_stores(databases: Databases, path: Path, old: str, new: str) -> int:
    """Gives rows that name their store by a path below old the one below new; returns how many. @raises Unreadable"""
    change = "UPDATE {} SET store_key = ? || substr(store_key, ?) WHERE substr(store_key, 1, ?) = ?"
    values = (new, len(old) + 1, len(old) + 1, f"{old}/")
    return databases.change(path, STORE_TABLES, change, values, columns=("store_key",))


def store_elsewhere(databases: Databases, path: Path, state: str) -> str | None:
    """The store of a cron job, where there are jobs and none of them is below this state directory.

    @raises Unreadable
    """
    ours = f"substr(store_key, 1, {len(state) + 1}) = '{state}/'"
    query = f"SELECT store_key FROM cron_jobs WHERE NOT EXISTS (SELECT 1 FROM cron_jobs WHERE {ours}) LIMIT 1"  # noqa: S608
    found: str | None = databases.value(path, "cron_jobs", query)
    return found
