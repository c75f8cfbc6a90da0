"""The runbook's cases, as a person does them."""

import json
import os
from datetime import datetime, timedelta, timezone

import pytest
from machine.state.support.cli import aws
from machine.state.support.proxy import Fault
from machine.state.support.stranger import hand_over


@pytest.fixture
def archive(mirrored, tmp_path):
    """Another bucket's worth of objects, to be copied over this one's."""
    root = tmp_path / "archive"
    (root / "mirror/workspace/notes").mkdir(parents=True)
    (root / "mirror/workspace/notes/3.md").write_text("from the archive")
    (root / "mirror/workspace/recovered.md").write_text("recovered")
    return root


@pytest.mark.parametrize("backup_between", [False, True])
def test_what_is_copied_into_the_bucket_comes_in_at_a_reboot(mirrored, archive, backup_between):
    mirrored.write("workspace/notes/7.md", "changed since the last backup")
    aws(mirrored, "s3", "sync", str(archive), f"s3://{mirrored.deployment.bucket}/")
    if backup_between:
        mirrored.write("workspace/notes/3.md", "local")
        mirrored.backup()
    mirrored.boot()
    assert mirrored.path("workspace/notes/3.md").read_text() == "from the archive"
    assert mirrored.path("workspace/recovered.md").read_text() == "recovered"
    assert mirrored.path("workspace/recovered.md").stat().st_uid == 1000
    assert mirrored.path("workspace/notes/7.md").read_text() == "changed since the last backup"
    aside = next((mirrored.var / "aside").glob("*/workspace/notes/3.md"))
    assert aside.read_text() == ("local" if backup_between else "note 3\n" * 20)
    mirrored.backup()
    replacement = mirrored.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "from the archive"
    assert replacement.path("workspace/notes/7.md").read_text() == "changed since the last backup"


def test_what_is_copied_into_the_bucket_comes_in_at_a_replacement(mirrored, archive):
    aws(mirrored, "s3", "sync", str(archive), f"s3://{mirrored.deployment.bucket}/")
    replacement = mirrored.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "from the archive"
    assert replacement.path("workspace/notes/2.md").read_text() == "note 2\n" * 20


def test_it_comes_in_once(mirrored, archive):
    aws(mirrored, "s3", "sync", str(archive), f"s3://{mirrored.deployment.bucket}/")
    mirrored.boot()
    mirrored.write("workspace/notes/3.md", "edited after that")
    mirrored.boot()
    assert mirrored.path("workspace/notes/3.md").read_text() == "edited after that"


def test_a_half_pushed_backup_is_never_taken_for_a_persons_copy(mirrored, cloud):
    """Objects changed, no manifest: neither a replacement nor a reboot may mix them in."""
    mirrored.write("workspace/notes/3.md", "half pushed")
    mirrored.write("workspace/notes/new.md", "half pushed too")
    fault = Fault(lambda r: r.method == "PUT" and "/mirror/manifests/" in r.path, status=403)
    with cloud.playing(fault):
        mirrored.backup(expect=1)
    assert "mirror/workspace/notes/new.md" in mirrored.deployment.stored()
    mirrored.write("workspace/notes/3.md", "changed again")
    mirrored.boot()
    assert mirrored.path("workspace/notes/3.md").read_text() == "changed again"
    replacement = mirrored.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "note 3\n" * 20
    assert not replacement.path("workspace/notes/new.md").exists()


def test_a_new_deployment_starts_from_another_ones_bucket(living, make_deployment):
    other = make_deployment(backup=living.deployment.backup, virgin=True)
    aws(living, "s3", "sync", f"s3://{living.deployment.bucket}/", f"s3://{other.bucket}/")
    hand_over(living.deployment, other)
    machine = other.launch()
    machine.boot()
    assert machine.notes() == 20
    machine.backup()


def test_a_deployment_with_a_life_of_its_own_starts_from_another_ones_bucket(living, make_deployment):
    """The README's commands: drained, emptied, filled, replaced."""
    living.backup("--final")
    other = make_deployment(backup=living.deployment.backup, virgin=True)
    drained = other.launch()
    drained.boot()
    drained.write("workspace/mine.md", "to be gone")
    drained.write(".openclaw/openclaw.json", "{}")
    drained.backup("--final")
    aws(living, "s3", "rm", "--recursive", f"s3://{other.bucket}", "--exclude", "access-logs/*")
    source = f"s3://{living.deployment.bucket}"
    aws(living, "s3", "sync", source, f"s3://{other.bucket}", "--exclude", "access-logs/*", "--exclude", "lease.json")
    hand_over(living.deployment, other)
    # What its shutdown would do.
    drained.backup("--final", expect=77)
    machine = drained.replaced()
    machine.boot()
    assert machine.notes() == 20
    assert not machine.path("workspace/mine.md").exists()
    machine.write("workspace/since.md", "since")
    machine.backup()
    replacement = machine.replaced()
    replacement.boot()
    assert replacement.path("workspace/since.md").read_text() == "since"


def test_plain_files_alone_are_a_start_too(make_deployment):
    deployment = make_deployment(backup="mirror")
    deployment.put("mirror/.openclaw/openclaw.json", b"{}")
    deployment.put("mirror/workspace/hello.md", b"hello")
    machine = deployment.launch()
    machine.boot()
    assert machine.path("workspace/hello.md").read_text() == "hello"
    assert oct(machine.path(".openclaw/openclaw.json").stat().st_mode)[-3:] == "600"
    machine.backup()


@pytest.mark.parametrize("key", ["mirror/workspace/../../../escaped", "mirror/workspace//double", "mirror/elsewhere/x"])
def test_keys_that_are_no_path_stay_in_the_bucket(mirrored, key):
    mirrored.deployment.put(key, b"x")
    mirrored.boot()
    assert not any(path.name in ("escaped", "double", "x") for path in mirrored.directory.rglob("*"))


def test_a_snapshot_by_id_whole(living):
    first = living.record("backup")["snapshot"]
    living.write("workspace/notes/3.md", "later")
    living.backup()
    living.state("restore", first[:20])
    assert living.path("workspace/notes/3.md").read_text() == "note 3\n" * 20
    assert next((living.var / "aside").glob("*/workspace/notes/3.md")).read_text() == "later"
    living.backup()


def test_a_running_service_is_stopped_for_it_and_started_again(living):
    (living.directory / "bin/systemctl").write_text(f'#!/bin/sh\necho "$@" >> {living.commands}\n')
    living.state("restore")
    assert living.commands.read_text().split("\n")[:3] == [
        "is-active openclaw.service",
        "stop openclaw.service",
        "start openclaw.service",
    ]


def test_single_paths(living):
    first = living.state("snapshots").splitlines()[1].split()[0]
    living.write("workspace/notes/3.md", "spoilt")
    living.write("workspace/notes/4.md", "kept")
    living.write("workspace/notes/3.md.more", "kept too")
    living.state("restore", "--paths", "workspace/notes/3.md", "/.openclaw/state/openclaw.sqlite")
    assert living.path("workspace/notes/3.md").read_text() == "note 3\n" * 20
    assert living.path("workspace/notes/4.md").read_text() == "kept"
    assert living.path("workspace/notes/3.md.more").exists()
    assert living.notes() == 20
    # A restore is followed by a backup: the newest one has what was kept.
    living.state("restore", first, "--paths", "workspace/notes")
    assert living.path("workspace/notes/4.md").read_text() == "note 4\n" * 20


@pytest.mark.parametrize("path", ["workspace/no-such-file", "../etc/passwd", "workspace/../../x", "elsewhere/x"])
def test_a_path_that_cannot_be_restored_changes_nothing(living, path):
    living.write("workspace/notes/3.md", "local")
    living.state("restore", "--paths", path, expect=78)
    assert living.path("workspace/notes/3.md").read_text() == "local"


def test_at_a_time(living):
    ago = datetime.now(timezone.utc) + timedelta(seconds=2)
    while datetime.now(timezone.utc) < ago:
        pass
    living.write("workspace/notes/3.md", "later")
    living.backup()
    living.state("restore", "--at", f"{ago - timedelta(seconds=1):%Y-%m-%d %H:%M:%S}")
    assert living.path("workspace/notes/3.md").read_text() == "note 3\n" * 20
    living.state("restore", "--at", "2020-01-01 00:00", expect=78)
    assert "2020-01-01 00:00" in living.log


def test_snapshots_are_listed(living):
    table = living.state("snapshots").splitlines()
    assert table[0].split()[:2] == ["ID", "TIME"]
    assert len(table) == 2
    assert "1.1" in table[1] and "openclaw:2026.9.6" in table[1]


def test_a_drill_tells_and_leaves_nothing(living):
    before = living.path("workspace/notes/3.md").stat()
    living.state("drill")
    assert living.record("drill")["result"] == "success"
    assert not (living.var / "drill").exists()
    assert living.path("workspace/notes/3.md").stat() == before
    assert 1.0 in living.deployment.metric("DrillSuccess")


def test_a_drill_fails_on_a_backup_that_cannot_be_restored(living):
    prefix = "snapshots/data/" if living.deployment.backup == "snapshots" else "mirror/workspace/notes/3.md"
    living.deployment.erase(prefix)
    living.state("drill", expect=1)
    assert 0.0 in living.deployment.metric("DrillSuccess")
    assert not (living.var / "drill").exists()


def test_status_tells_what_is_known(living):
    shown = json.loads(living.state("status"))
    assert shown["last_good"]["files"] == 16
    assert shown["lease"]["generation"] == 1
    assert shown["fenced"] is None


def test_a_restore_of_a_machine_that_is_not_the_writer_is_refused(living):
    other = living.deployment.launch()
    other.boot()
    living.state("restore", expect=77)


def test_secrets_are_in_no_argument_list_and_no_file(make_deployment, tmp_path):
    deployment = make_deployment(backup="snapshots", virgin=True)
    machine = deployment.launch()
    listing = tmp_path / "arguments"
    for program in ("aws", "restic"):
        stub = machine.directory / "bin" / program
        stub.write_text(f'#!/bin/sh\necho "$@" >> {listing}\nexec {deployment.path}/{program} "$@"\n')
        stub.chmod(0o755)
    machine.boot()
    machine.a_life()
    machine.backup()
    name = f"/openclaw/{deployment.name}/restic-password"
    answer = deployment.ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert answer["Type"] == "SecureString" and len(answer["Value"]) >= 32
    assert answer["Value"] not in listing.read_text() + machine.log
    for directory, _, files in os.walk(machine.var):
        for file in files:
            with open(os.path.join(directory, file), "rb") as stream:
                assert answer["Value"].encode() not in stream.read()


def test_a_first_backup_that_was_cut_off_is_no_state_to_start_from(make_deployment, cloud):
    deployment = make_deployment(backup="mirror")
    machine = deployment.launch()
    machine.boot()
    machine.a_life()
    with cloud.playing(Fault(lambda r: r.method == "PUT" and "/mirror/manifests/" in r.path, status=403)):
        machine.backup(expect=1)
    replacement = machine.replaced()
    replacement.boot()
    assert replacement.record("restore")["result"] == "first boot"
    assert not any(replacement.path("workspace").iterdir())
