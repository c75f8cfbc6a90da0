"""Older state that comes back is what it was, and what is refused or left out stays where it is."""

import contextlib
import json
import sqlite3

import pytest
from machine.state.support.damage import damage_newest
from machine.state.support.faults import KEEP_FEW, request
from machine.state.support.proxy import Fault

DATABASE = ".openclaw/state/openclaw.sqlite"
with_mirror = pytest.mark.parametrize("deployment", ["mirror"], indirect=True)
with_snapshots = pytest.mark.parametrize("deployment", ["snapshots"], indirect=True)


@with_mirror
def test_older_snapshot_after_a_damaged_manifest_is_not_mixed_with_the_newest(living):
    living.write("workspace/tool.sh", "#!/bin/sh\n", 0o755)
    living.backup()
    living.write("workspace/tool.sh", "#!/bin/sh\nnew\n", 0o755)
    living.write("workspace/notes/3.md", "newest")
    living.path("workspace/notes/4.md").unlink()
    living.backup()
    living.deployment.flip(max(living.deployment.stored("mirror/manifests/")), 60)
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/4.md").exists()
    assert replacement.path("workspace/notes/3.md").read_text() == "note 3\n" * 20
    assert oct(replacement.path("workspace/tool.sh").stat().st_mode)[-3:] == "755"


@with_mirror
def test_older_snapshot_after_a_lost_object_is_not_mixed_with_the_newest(living):
    living.write("workspace/notes/3.md", "newest")
    damage_newest(living)
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "note 3\n" * 20


@with_mirror
@pytest.mark.parametrize("key", ["plain/new.md", "x"])
def test_what_could_not_come_in_is_not_deleted_by_the_next_backup(living, key):
    living.write("workspace/plain", "a file", 0o644)
    living.backup()
    living.deployment.put(f"mirror/workspace/{key}", b"by hand")
    living.deployment.put("mirror/workspace/x/y", b"2")
    living.boot()
    living.backup()
    assert living.deployment.body(f"mirror/workspace/{key}") == b"by hand"


@with_snapshots
@pytest.mark.parametrize("spoilt", [b"", b"\0" * 4096])
def test_a_database_of_openclaw_that_is_none_any_more_is_set_aside(living, spoilt):
    path = living.path(".openclaw/state/openclaw.sqlite")
    body = path.read_bytes()
    path.write_bytes(spoilt + body[4096:] if spoilt else b"")
    living.write("workspace/notes/3.md", "after")
    living.write("workspace/ballast", b"x" * 30000)
    living.backup(expect=79)


@with_snapshots
def test_thinning_out_that_may_not_remove_anything_is_no_success(living, cloud):
    for number in range(3):
        living.write("workspace/notes/3.md", f"text {number}")
        living.backup()
    (living.var / "pruned").unlink()
    with cloud.playing(Fault(request("DELETE", "/snapshots/snapshots/"), status=403)):
        living.backup(**KEEP_FEW)
    assert living.record("prune")["result"] == "failure"


def queue(machine, *messages):
    """Deliveries that OpenClaw has not sent yet."""
    with contextlib.closing(sqlite3.connect(machine.path(DATABASE))) as database:
        database.execute("CREATE TABLE IF NOT EXISTS delivery_queue_entries(id TEXT PRIMARY KEY, entry_json TEXT)")
        database.execute("DELETE FROM delivery_queue_entries")
        database.executemany("INSERT INTO delivery_queue_entries VALUES (?, '{}')", [(one,) for one in messages])
        database.commit()


def queued(machine):
    with contextlib.closing(sqlite3.connect(machine.path(DATABASE))) as database:
        return [row[0] for row in database.execute("SELECT id FROM delivery_queue_entries")]


@with_snapshots
def test_what_is_queued_at_a_clean_end_is_sent_by_the_next_machine(living):
    queue(living, "unsent")
    living.backup("--final")
    replacement = living.replaced()
    replacement.boot()
    assert queued(replacement) == ["unsent"]


@with_snapshots
def test_what_was_queued_in_an_older_state_is_not_sent_again(living):
    queue(living, "sent since")
    older = living.backup()
    queue(living, "unsent")
    living.backup()
    living.state("restore", older)
    assert queued(living) == []
    assert "dropped 1 queued deliveries" in living.log


@with_snapshots
def test_nor_of_one_that_a_boot_was_asked_for(living):
    queue(living, "sent since")
    older = living.backup()
    queue(living, "unsent")
    living.backup("--final")
    living.deployment.put("restore.json", json.dumps({"snapshot": older}).encode())
    replacement = living.replaced()
    replacement.boot()
    assert queued(replacement) == []


@with_mirror
def test_nor_of_one_that_a_boot_falls_back_to(living):
    queue(living, "sent since")
    living.backup()
    queue(living, "unsent")
    living.write("workspace/notes/3.md", "newest")
    damage_newest(living)
    replacement = living.replaced()
    replacement.boot()
    assert queued(replacement) == []
