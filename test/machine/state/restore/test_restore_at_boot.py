"""restore.json in the bucket: a boot brings in the snapshot that it names, and does so once."""

import json
import time
from datetime import datetime, timezone
from types import SimpleNamespace

import pytest
from machine.state.support.cuts import cut_at
from machine.state.support.damage import damage_newest
from machine.state.support.faults import request
from machine.state.support.proxy import Fault
from machine.state.support.stranger import hand_over
from openclaw.state.restore.request import Requests
from openclaw.system.errors import Refused

# What does not touch an engine is shown with one.
one_engine = pytest.mark.parametrize("deployment", ["snapshots"], indirect=True)


def ask(deployment, body):
    deployment.put("restore.json", body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.fixture
def aged(living):
    """Two backups: the first with note 3 as it was, the newest with another one and a file more."""
    living.first = living.record("backup")["snapshot"]
    # Times in a request have the grain of a second.
    time.sleep(1.1)
    living.between = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
    time.sleep(1)
    living.write("workspace/notes/3.md", "later")
    living.write("workspace/notes/new.md", "later")
    living.backup()
    return living


def is_first(machine):
    return machine.path("workspace/notes/3.md").read_text() == "note 3\n" * 20


def pending(machine):
    return "restore.json" in machine.deployment.stored()


@pytest.mark.parametrize("by", ["snapshot", "at"])
def test_a_replacement_starts_from_the_snapshot_asked_for_and_goes_on_from_there(aged, by):
    ask(aged.deployment, {by: aged.first if by == "snapshot" else aged.between})
    replacement = aged.replaced()
    replacement.boot()
    assert is_first(replacement) and replacement.notes() == 20
    assert not replacement.path("workspace/notes/new.md").exists()
    assert not pending(replacement)
    replacement.write("workspace/notes/4.md", "since")
    replacement.backup()
    third = replacement.replaced()
    third.boot()
    assert is_first(third)
    assert third.path("workspace/notes/4.md").read_text() == "since"


def test_a_reboot_brings_it_in_and_keeps_what_was_there_aside(aged):
    aged.write("workspace/notes/4.md", "not in any backup")
    ask(aged.deployment, {"snapshot": aged.first})
    aged.boot()
    assert is_first(aged)
    assert next((aged.var / "aside").glob("*/workspace/notes/4.md")).read_text() == "not in any backup"
    aged.backup()


@pytest.mark.parametrize("reboot", [True, False])
def test_paths_come_in_after_the_normal_restore(aged, reboot):
    ask(aged.deployment, {"snapshot": aged.first, "paths": ["workspace/notes/3.md"]})
    machine = aged if reboot else aged.replaced()
    machine.boot()
    assert is_first(machine)
    assert machine.path("workspace/notes/new.md").read_text() == "later"
    assert not pending(machine)


def test_it_is_answered_once(aged):
    ask(aged.deployment, {"snapshot": aged.first})
    aged.boot()
    aged.write("workspace/notes/3.md", "served since")
    aged.boot()
    assert aged.path("workspace/notes/3.md").read_text() == "served since"
    ask(aged.deployment, {"snapshot": aged.first})
    aged.boot()
    assert is_first(aged)


def is_delete(request):
    return request.method == "DELETE" or (request.method == "POST" and "delete" in request.path)


@one_engine
@pytest.mark.parametrize("part", [{}, {"paths": ["workspace/notes/3.md"]}])
def test_no_backup_is_good_before_the_request_is_gone_and_no_boot_restores_it_twice(aged, cloud, part):
    """What the restore kept aside must not be pushed out by further attempts."""
    ask(aged.deployment, {"snapshot": aged.first, **part})
    with cloud.playing(Fault(is_delete, status=403)):
        for _ in range(2):
            aged.boot()
        aged.backup(expect=1)
    assert "cannot be removed" in aged.log
    [aside] = (aged.var / "aside").glob("*/workspace/notes/3.md")
    assert aside.read_text() == "later"
    aged.backup()
    assert is_first(aged)
    assert not pending(aged)


@one_engine
def test_a_machine_that_dies_before_its_backup_leaves_the_request_to_the_next_one(aged):
    ask(aged.deployment, {"snapshot": aged.first})
    machine = aged.replaced()
    assert cut_at(machine, "openclaw.state.backup.run:Backup.run", 0, "boot", "--patience", "0") == -9
    assert is_first(machine)
    third = machine.replaced()
    third.boot()
    assert is_first(third)
    assert not pending(third)


@one_engine
@pytest.mark.parametrize("arguments", [(), ("--final",)], ids=["timer", "drain"])
def test_the_next_backup_makes_it_last_where_that_of_the_boot_has_failed(aged, cloud, arguments):
    ask(aged.deployment, {"snapshot": aged.first})
    with cloud.playing(Fault(request("PUT", "/snapshots/"), status=403)):
        aged.boot()
    assert pending(aged)
    aged.write("workspace/notes/4.md", "since")
    aged.backup(*arguments)
    assert not pending(aged)
    replacement = aged.replaced()
    replacement.boot()
    assert is_first(replacement)
    assert replacement.path("workspace/notes/4.md").read_text() == "since"


@one_engine
def test_another_request_that_was_put_there_meanwhile_is_for_the_next_boot(aged, cloud):
    newest = aged.record("backup")["snapshot"]
    ask(aged.deployment, {"snapshot": aged.first})
    another = Fault(
        request("PUT", "/snapshots/snapshots/"), times=1, after=lambda: ask(aged.deployment, {"snapshot": newest})
    )
    with cloud.playing(another):
        aged.boot()
    assert another.played == 1
    assert is_first(aged) and pending(aged)
    aged.boot()
    assert aged.path("workspace/notes/3.md").read_text() == "later"
    assert not pending(aged)


CUTS = {
    "verified": ("openclaw.state.restore.swap:Swap.begin", 0),
    "one root moved": ("openclaw.state.restore.swap:Swap._replace", 1),
    "noted": ("openclaw.state.restore.swap:Swap.close", 0),
    "in place": ("openclaw.state.backup.run:Backup.run", 0),
    "backed up": ("openclaw.state.restore.request:Requests.close", 0),
    # After those of the notes of a fence, of a volume that is behind, of what kept failing and of what was offered, of
    # the journal, and, by the backup, of the room in reserve and of what was offered.
    "removed": ("openclaw.system.files:remove", 7),
}


@one_engine
@pytest.mark.parametrize("step", CUTS)
@pytest.mark.parametrize("reboot", [True, False])
def test_a_cut_at_any_step_ends_in_the_snapshot_asked_for(aged, step, reboot):
    ask(aged.deployment, {"snapshot": aged.first})
    machine = aged if reboot else aged.replaced()
    function, after = CUTS[step]
    assert cut_at(machine, function, after, "boot", "--patience", "0") == -9
    assert pending(machine) == (step != "removed")
    machine.boot()
    assert is_first(machine) and machine.notes() == 20
    assert not pending(machine)
    machine.write("workspace/notes/3.md", "served since")
    machine.boot()
    assert machine.path("workspace/notes/3.md").read_text() == "served since"


MEANINGLESS = {
    b"\xff not JSON": "restore.json",
    b"[]": "got []",
    b"{}": 'it must be {"snapshot"',
    b'{"snapshot": 7}': 'got {"snapshot": 7}',
    b'{"snapshot": "a", "at": "2026-11-20"}': 'got {"snapshot": "a", "at"',
    b'{"snapshot": "a", "path": "workspace"}': '"path"',
    b'{"snapshot": "a", "paths": []}': '"paths": []',
    b'{"snapshot": "a", "paths": "workspace"}': '"paths": "workspace"',
    b'{"snapshot": "a", "paths": ["workspace/../../x"]}': "'workspace/../../x'",
    b'{"at": "yesterday"}': "got 'yesterday'",
}


@pytest.mark.parametrize("body", MEANINGLESS)
def test_says_what_is_wrong_with_it_and_how_to_take_it_back(body, tmp_path):
    bucket = SimpleNamespace(bucket="bucket", get=lambda _: (body, '"etag"'))
    with pytest.raises(Refused) as refusal:
        Requests(SimpleNamespace(var=tmp_path), bucket).asked()
    assert MEANINGLESS[body] in str(refusal.value)
    assert "aws s3 rm s3://bucket/restore.json" in str(refusal.value)


UNANSWERABLE = {
    b"[]": "got []",
    b'{"snapshot": "latest", "paths": ["workspace/no-such-file"]}': "workspace/no-such-file is not in snapshot",
    b'{"snapshot": "no-such-id"}': "0 snapshots match 'no-such-id'",
    b'{"at": "2020-01-01T00:00:00Z"}': "2020-01-01 00:00",
}


@one_engine
@pytest.mark.parametrize("body", UNANSWERABLE)
def test_a_request_that_cannot_be_answered_stops_the_boot_and_changes_nothing(living, body):
    living.write("workspace/notes/3.md", "local")
    ask(living.deployment, body)
    living.boot(expect=78)
    assert UNANSWERABLE[body] in living.log
    assert f"aws s3 rm s3://{living.deployment.bucket}/restore.json" in living.log
    assert living.path("workspace/notes/3.md").read_text() == "local"
    assert not (living.var / "aside").exists()
    living.deployment.s3.delete_object(Bucket=living.deployment.bucket, Key="restore.json")
    living.boot()
    assert living.path("workspace/notes/3.md").read_text() == "local"


@one_engine
def test_a_replacement_with_a_wrong_request_declares_nothing(living):
    ask(living.deployment, {"snapshot": "no-such-id"})
    replacement = living.replaced()
    replacement.boot(expect=78)
    assert not (replacement.var / "restored").exists()
    assert not any(replacement.path(".openclaw").iterdir())


@one_engine
def test_a_request_on_an_empty_bucket_is_no_first_boot(machine):
    ask(machine.deployment, {"snapshot": "latest"})
    machine.boot(expect=78)
    assert not (machine.var / "restored").exists()


def test_a_damaged_snapshot_is_not_answered_with_another(living):
    damage_newest(living)
    ask(living.deployment, {"snapshot": "latest"})
    replacement = living.replaced()
    replacement.boot(expect=78)
    assert "aws s3 rm" in replacement.log
    assert not any(replacement.path("workspace").iterdir())
    assert pending(replacement)


@pytest.mark.parametrize("deployment", ["mirror"], indirect=True)
def test_a_copied_bucket_with_a_request_is_outranked_too(living, make_deployment):
    """The copy's lease counts as none: without a higher generation the next boot would take the copied backups."""
    other = make_deployment(backup="mirror")
    for key in living.deployment.stored():
        other.s3.copy_object(Bucket=other.bucket, Key=key, CopySource=f"{living.deployment.bucket}/{key}")
    hand_over(living.deployment, other)
    ask(other, {"snapshot": "latest"})
    machine = other.launch()
    machine.boot()
    assert json.loads(machine.state("status"))["lease"]["generation"] == 2


@one_engine
@pytest.mark.parametrize("status", [403, 503])
def test_an_outage_is_never_taken_for_no_request(aged, cloud, status):
    ask(aged.deployment, {"snapshot": aged.first})
    with cloud.playing(Fault(lambda r: r.path.endswith("/restore.json"), status=status)):
        aged.boot(expect=1)
    aged.boot()
    assert is_first(aged)


@one_engine
def test_a_boot_without_one_asks_for_it_once(living, cloud):
    with cloud.playing(Fault(lambda r: r.path.endswith("/restore.json"))) as asked:
        living.boot()
    assert asked.played == 1


def test_without_backups_nobody_asks(make_deployment, cloud):
    machine = make_deployment(backup="off").launch()
    with cloud.playing(Fault(lambda r: True)) as asked:
        machine.boot()
    assert asked.played == 0
