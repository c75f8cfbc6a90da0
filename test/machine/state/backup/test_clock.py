"""A clock may be wrong by any amount: which backup is the newest is told by its generation and sequence."""

from datetime import datetime, timedelta, timezone

import pytest
from machine.state.support.stranger import parameter
from openclaw.state.engines.base import SnapshotMetadata
from openclaw.state.engines.mirror import items, names

HOUR, YEAR = timedelta(hours=1), timedelta(days=365)


def backed_up(machine, off):
    """By a clock that is off by that much."""
    deployment = machine.deployment
    now = datetime.now(timezone.utc) + off
    if deployment.backup == "snapshots":
        time = f"{now:%Y-%m-%d %H:%M:%S}"
        stub = machine.stub(
            "restic", f'[ "$1" != backup ] || {{ shift; set -- backup --time "{time}" "$@"; }}\nexec "$real" "$@"'
        )
        machine.backup()
        stub.unlink()
        return
    before = set(deployment.stored("mirror/manifests/"))
    machine.backup()
    [key] = set(deployment.stored("mirror/manifests/")) - before
    body = signed_at(deployment, key, now, machine.directory / "manifest")
    deployment.erase(key)
    deployment.put(*body)


def signed_at(deployment, key, now, scratch):
    """The manifest's key and body, had it been made then: its name is part of what is signed."""
    secret, made = parameter(deployment, "state-key"), names.snapshot_of(key)
    scratch.write_bytes(deployment.body(key))
    entries = items.read(scratch, made.id, secret)
    facts = SnapshotMetadata(made.generation, made.sequence, made.instance, made.image, made.openclaw)
    moved = names.new_id(facts, now, made.files, made.bytes, secret)
    items.write(scratch, moved, entries, secret)
    return names.key_of(moved), scratch.read_bytes()


@pytest.mark.parametrize("first, second", [(HOUR, -HOUR), (YEAR, timedelta(0)), (timedelta(0), -YEAR)])
def test_the_newest_by_sequence_comes_back(living, first, second):
    living.write("workspace/notes/3.md", "first")
    backed_up(living, first)
    living.write("workspace/notes/3.md", "second")
    backed_up(living, second)
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "second"


def test_the_newest_by_generation_comes_back(living):
    living.write("workspace/notes/3.md", "by a clock that is ahead")
    backed_up(living, YEAR)
    replacement = living.replaced()
    replacement.boot()
    replacement.write("workspace/notes/3.md", "by the next machine")
    replacement.backup()
    third = replacement.replaced()
    third.boot()
    assert third.path("workspace/notes/3.md").read_text() == "by the next machine"
