"""Older state that comes back is what it was, and what is refused or left out stays where it is."""

import pytest
from machine.state.support.damage import damage_newest
from machine.state.support.faults import KEEP_FEW, request
from machine.state.support.proxy import Fault

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
