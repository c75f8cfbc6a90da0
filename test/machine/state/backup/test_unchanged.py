"""Where nothing changed since the last backup, snapshots needs no other one; whatever did change makes one."""

import contextlib
import os
import sqlite3
import time

import pytest


@pytest.fixture
def settled(make_deployment):
    """A machine whose last backup took in the last change."""
    machine = make_deployment(backup="snapshots").launch()
    machine.boot()
    machine.a_life()
    os.symlink("notes/3.md", machine.path("workspace/link"))
    machine.path("workspace/empty").mkdir()
    # What changed just before it was staged is looked at again.
    time.sleep(2.1)
    machine.backup()
    return machine


def listed(machine):
    return machine.state("snapshots").splitlines()[1:]


def test_an_unchanged_state_is_good_at_the_cost_of_three_requests(settled, cloud):
    good, before = settled.record("backup"), listed(settled)
    with cloud.counting() as totals:
        snapshot = settled.backup()
    record = settled.record("backup")
    assert record["unchanged"] and (record["bytes_read"], record["bytes_sent"]) == (0, 0)
    assert (snapshot, record["sequence"]) == (good["snapshot"], good["sequence"])
    # The lease, the snapshot, the metrics.
    assert totals.count == 3
    assert listed(settled) == before
    assert settled.deployment.metric("BackupSuccess") == {1.0}


CHANGES = {
    "content": lambda machine: machine.write("workspace/notes/3.md", "changed", 0o644),
    "a mode": lambda machine: machine.path("workspace/notes/3.md").chmod(0o600),
    "a directory's mode": lambda machine: machine.path("workspace/empty").chmod(0o700),
    "a directory's time": lambda machine: os.utime(machine.path("workspace/empty"), (1, 1)),
    "an owner": lambda machine: os.chown(machine.path("workspace/empty"), 1000, 1000),
    "a file gone": lambda machine: machine.path("workspace/notes/3.md").unlink(),
    "a directory gone": lambda machine: machine.path("workspace/empty").rmdir(),
    "a link elsewhere": lambda machine: (
        machine.path("workspace/link").unlink(),
        machine.path("workspace/link").symlink_to("notes/4.md"),
    ),
    "a row": lambda machine: machine.database(rows=1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_makes_a_snapshot(settled, change):
    CHANGES[change](settled)
    before = settled.record("backup")["snapshot"]
    assert settled.backup() != before
    assert not settled.record("backup")["unchanged"]


def test_a_change_that_could_not_be_pushed_is_pushed_by_the_next_backup(settled):
    settled.write("workspace/notes/3.md", "changed", 0o644)
    time.sleep(2.1)
    broken = settled.directory / "bin" / "restic"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    settled.backup(expect=1)
    broken.unlink()
    settled.backup()
    assert not settled.record("backup")["unchanged"]
    replacement = settled.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "changed"


def test_a_snapshot_that_somebody_removed_is_made_again(settled, client):
    deployment, lost = settled.deployment, settled.record("backup")["snapshot"]
    client("s3").delete_object(Bucket=deployment.bucket, Key=f"snapshots/snapshots/{lost}")
    assert settled.backup() != lost
    assert len(listed(settled)) == 1


def test_the_next_machine_makes_its_own_snapshot(settled):
    last = settled.record("backup")["snapshot"]
    settled.boot()
    assert settled.backup() != last


def test_the_heartbeat_of_an_idle_gateway_is_no_change(settled):
    # As a gateway does, it keeps its log for as long as it runs.
    with contextlib.closing(sqlite3.connect(settled.path(".openclaw/state/openclaw.sqlite"))) as database:
        beat(database, 0)
        first = settled.backup()
        for number in range(1, 4):
            beat(database, number)
            assert settled.backup() == first
            assert settled.record("backup")["unchanged"]


def beat(database, number):
    with database:
        database.execute("UPDATE state_leases SET owner = ?", (f"heartbeat {number}",))


def test_a_migrations_full_copies_go_after_a_week_and_are_no_loss(settled):
    copy = settled.write(".openclaw/state/openclaw.sqlite.pre-startup-migration-1.bak", os.urandom(400_000))
    settled.backup()
    young = settled.record("backup")
    week_old = time.time() - 8 * 24 * 3600
    os.utime(copy, (week_old, week_old))
    settled.backup()
    assert settled.record("backup")["files"] == young["files"] - 1
    replacement = settled.replaced()
    replacement.boot()
    assert not replacement.path(".openclaw/state/openclaw.sqlite.pre-startup-migration-1.bak").exists()
    assert replacement.notes() == 20
