"""Older state that comes back is what it was, and what is refused or left out stays where it is."""

import pytest
from machine.state.proxy import Fault
from machine.state.test_restore import damage_newest

mir = pytest.mark.parametrize("deployment", ["mirror"], indirect=True)
one = pytest.mark.parametrize("deployment", ["snapshots"], indirect=True)


@mir
def test_older_snapshot_after_damaged_manifest_is_not_mixed_with_the_newest(living):
    living.write("workspace/tool.sh", "#!/bin/sh\n", 0o755)
    living.backup()
    living.write("workspace/tool.sh", "#!/bin/sh\nnew\n", 0o755)
    living.write("workspace/notes/3.md", "newest")
    living.path("workspace/notes/4.md").unlink()
    living.backup()
    living.deployment.flip(max(living.deployment.stored("mirror/manifests/")), 60)
    r = living.replaced()
    r.boot()
    assert r.path("workspace/notes/4.md").exists()
    assert r.path("workspace/notes/3.md").read_text() == "note 3\n" * 20
    assert oct(r.path("workspace/tool.sh").stat().st_mode)[-3:] == "755"


@mir
def test_older_snapshot_after_a_lost_object_is_not_mixed_with_the_newest(living):
    living.write("workspace/notes/3.md", "newest")
    damage_newest(living)
    r = living.replaced()
    r.boot()
    assert r.path("workspace/notes/3.md").read_text() == "note 3\n" * 20


@mir
@pytest.mark.parametrize("key", ["plain/new.md", "x"])
def test_what_could_not_come_in_is_not_deleted_by_the_next_backup(living, key):
    living.write("workspace/plain", "a file", 0o644)
    living.backup()
    living.deployment.put(f"mirror/workspace/{key}", b"by hand")
    living.deployment.put("mirror/workspace/x/y", b"2")
    living.boot()
    living.backup()
    assert living.deployment.body(f"mirror/workspace/{key}") == b"by hand"


@one
@pytest.mark.parametrize("spoilt", [b"", b"\0" * 4096])
def test_an_own_database_that_is_none_any_more_is_set_aside(living, spoilt):
    path = living.path(".openclaw/state/openclaw.sqlite")
    body = path.read_bytes()
    path.write_bytes(spoilt + body[4096:] if spoilt else b"")
    living.write("workspace/notes/3.md", "after")
    living.write("workspace/ballast", b"x" * 30000)
    living.backup(expect=79)


@one
def test_thinning_out_that_may_not_remove_anything_is_no_success(living, cloud):
    for number in range(3):
        living.write("workspace/notes/3.md", f"text {number}")
        living.backup()
    (living.var / "thinned-out").unlink()
    few = {f"BACKUP_KEEP_{p}": "1" for p in ("HOURLY", "DAILY", "WEEKLY")}
    with cloud.playing(Fault(lambda r: r.method == "DELETE" and "/snapshots/snapshots/" in r.path, status=403)):
        living.backup(**few)
    assert living.record("prune")["result"] == "failure"
