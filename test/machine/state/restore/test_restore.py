"""A boot's restore: verified, all or nothing, and finished by a later boot when it is cut off."""

import json
import shutil
from pathlib import Path

import pytest
from machine.state.support.cuts import cut_at
from machine.state.support.damage import CONTENT, LOST, damage_newest
from machine.state.support.proxy import Fault


def test_a_damaged_newest_backup_is_named_and_the_newest_good_one_taken(living):
    damage_newest(living)
    replacement = living.replaced()
    replacement.boot()
    assert '"result": "damaged"' in replacement.log
    assert len(json.loads((replacement.var / "restored").read_text())["skipped"]) == 1
    assert replacement.notes() == 20
    assert not replacement.path(LOST).exists()
    # The same content again must not lean on what is damaged in the store.
    replacement.write(LOST, CONTENT)
    replacement.backup()
    assert replacement.record("prune")["result"] == "success"
    third = replacement.replaced()
    third.boot()
    assert '"result": "damaged"' not in third.log
    assert third.path(LOST).read_bytes() == CONTENT


def test_a_deleted_object_makes_a_backup_damaged(living):
    key = damage_newest(living)
    deployment = living.deployment
    deployment.erase(key)
    replacement = living.replaced()
    replacement.boot()
    assert '"result": "damaged"' in replacement.log
    assert replacement.notes() == 20


def test_a_database_that_fails_its_integrity_check_is_not_served(living):
    path = living.database(rows=200)
    living.backup()
    content = bytearray(path.read_bytes())
    content[4096 * 6 : 4096 * 7] = b"\xee" * 4096
    path.write_bytes(content)
    living.backup(expect=79)
    assert "no machine could start from .openclaw/state/openclaw.sqlite" in living.log
    living.backup("--force")
    replacement = living.replaced()
    replacement.boot()
    assert "integrity check" in replacement.log
    assert replacement.notes() == 220


def test_when_no_backup_is_good_nothing_starts_and_nothing_is_declared(living):
    deployment = living.deployment
    for key in deployment.stored():
        if key.startswith(("snapshots/data/", "mirror/.openclaw", "mirror/workspace", "mirror/auth")):
            deployment.erase(key)
    replacement = living.replaced()
    replacement.boot(expect=78)
    assert "none of the 1 backups" in replacement.log
    assert not (replacement.var / "restored").exists()
    assert 0.0 in deployment.metric("RestoreSuccess")


@pytest.mark.parametrize("image, refused", [("2026.8.1", True), ("2026.9.6", False), ("2026.10.0", False)])
def test_data_newer_than_the_image_is_refused(living, image, refused):
    living.deployment.image = f"ghcr.io/openclaw/openclaw:{image}"
    replacement = living.replaced()
    replacement.boot(expect=78 if refused else 0)
    if refused:
        assert "2026.9.6" in replacement.log and "2026.8.1" in replacement.log
        assert not any(replacement.path(".openclaw").iterdir())


def test_openclaws_own_note_of_its_version_counts_where_the_image_has_no_tag(living):
    living.deployment.image = "123456789012.dkr.ecr.me-central-1.amazonaws.com/openclaw:latest"
    living.write(".openclaw/openclaw.json", "{meta: {lastTouchedVersion: '2026.11.2'}}")
    living.backup()
    living.deployment.image = "ghcr.io/openclaw/openclaw:2026.10.0@sha256:" + "0" * 64
    replacement = living.replaced()
    replacement.boot(expect=78)
    assert "2026.11.2" in replacement.log


def test_what_was_there_is_kept_aside(living):
    replacement = living.replaced()
    replacement.write("workspace/mine.md", "put here before the first boot")
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").exists()
    assert next((replacement.var / "aside").glob("*/workspace/mine.md")).read_text().startswith("put here")


STEPS = {
    "pulled": "openclaw.state.openclaw_data.verify:verify",
    "verified": "openclaw.state.restore.swap:Swap.begin",
    "begun": "openclaw.state.restore.swap:Swap.finish",
    "one root moved": "openclaw.state.restore.swap:Swap._replace",
    "all moved": "openclaw.state.guards.markers:Markers.declare_restored",
    "stamped": "openclaw.state.guards.markers:Markers.note_good",
    "noted": "openclaw.state.restore.swap:Swap.close",
}


@pytest.mark.parametrize("step", STEPS)
def test_a_restore_cut_off_at_any_step_is_finished_by_the_next_boot(living, step):
    replacement = living.replaced()
    after = {"one root moved": 1}.get(step, 0)
    assert cut_at(replacement, STEPS[step], after, "boot", "--patience", "0") == -9
    restored = (replacement.var / "restored").exists()
    assert restored == (step in ("stamped", "noted"))
    if not restored:
        replacement.backup(expect=78)
    replacement.boot()
    assert replacement.notes() == 20
    assert replacement.path("auth-profile-secrets/key").read_text() == "secret"
    assert len(list(replacement.path("workspace/notes").iterdir())) == 12
    assert not (replacement.var / "restore-journal.json").exists()
    replacement.backup()


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_restore_on_a_living_volume_that_is_cut_off_is_finished_too(living, after):
    """The stamp is there already: without the journal, what was moved aside would stay away."""
    assert cut_at(living, "openclaw.state.restore.swap:Swap._replace", after, "restore") == -9
    living.backup(expect=78)
    living.boot()
    assert living.notes() == 20
    assert living.path("auth-profile-secrets/key").read_text() == "secret"
    assert len(list(living.path("workspace/notes").iterdir())) == 12
    living.backup()


def test_an_outage_is_never_taken_for_an_empty_bucket(living, cloud):
    replacement = living.replaced()
    bucket = living.deployment.bucket
    for status in (403, 500, 503):
        with cloud.playing(Fault(lambda r: bucket in r.path and "list-type=2" in r.path, status=status)):
            replacement.boot(expect=1)
        assert not (replacement.var / "restored").exists()
    replacement.boot()
    assert replacement.notes() == 20


def test_a_missing_bucket_is_no_first_boot(machine):
    deployment = machine.deployment
    deployment.erase("")
    deployment.s3.delete_bucket(Bucket=deployment.bucket)
    machine.boot(expect=1)
    assert "NoSuchBucket" in machine.log
    assert not (machine.var / "restored").exists()


def test_an_outage_in_mid_boot_is_waited_out(living, cloud):
    replacement = living.replaced()
    bucket = living.deployment.bucket
    with cloud.playing(Fault(lambda r: bucket in r.path, status=503, times=4)) as fault:
        replacement.boot(patience="60")
    assert fault.played == 4
    assert replacement.notes() == 20


def test_start_from_empty_on_purpose(living):
    """The runbook's way: empty the bucket (its older versions stay), then replace the machine."""
    deployment = living.deployment
    for key in deployment.stored():
        deployment.s3.delete_object(Bucket=deployment.bucket, Key=key)
    replacement = living.replaced()
    replacement.boot()
    assert replacement.record("restore")["result"] == "first boot"
    replacement.a_life()
    shutil.rmtree(replacement.path("workspace/notes"))
    replacement.backup()


def test_snapshots_wait_for_the_unit_that_installs_restic(make_deployment):
    machine = make_deployment(backup="snapshots").launch()
    machine.boot()
    machine.a_life()
    machine.backup()
    replacement = machine.replaced()
    here, later = replacement.directory / "bin", replacement.directory / "later"
    later.symlink_to(Path(machine.deployment.path) / "restic")
    (here / "systemctl").write_text(
        f'#!/bin/sh\necho "$@" >> {replacement.commands}\n'
        f'[ "$*" = "start openclaw-tools.service" ] && [ -e {later} ] && cp {later} {here}/restic\n'
    )
    for program in ("cp", "rm", "sync"):
        (here / program).symlink_to(shutil.which(program))
    without = {"PATH": str(here)}
    renamed = later.rename(replacement.directory / "never")
    replacement.boot(expect=1, **without)
    assert "openclaw-tools.service, which installs it, failed" in replacement.log
    renamed.rename(later)
    replacement.boot(**without)
    assert replacement.notes() == 20


def test_nothing_is_restored_through_a_link(living, tmp_path):
    """OpenClaw can make links in its workspace; root must not write where they lead."""
    others = tmp_path / "others"
    others.mkdir()
    (others / "3.md").write_text("somebody else's")
    shutil.rmtree(living.path("workspace/notes"))
    living.path("workspace/notes").symlink_to(others)
    living.state("restore", "--at", "2999-01-01", "--paths", "workspace/notes/3.md", expect=78)
    assert "workspace/notes/3.md is behind a link" in living.log
    assert [(path.name, path.read_text()) for path in others.iterdir()] == [("3.md", "somebody else's")]
    living.backup("--force")
    living.state("restore", "--at", "2999-01-01")
    assert living.path("workspace/notes").is_symlink() and len(list(others.iterdir())) == 1
