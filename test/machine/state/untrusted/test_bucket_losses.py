"""Deleted, not even for good: a bucket that looks empty and held backups is a loss, and says how they come back."""

import subprocess

import pytest
from machine.state.support.cli import aws
from machine.state.support.stranger import delete, forge, parameter

RECORDS = {"snapshots": "snapshots/", "mirror": "mirror/"}


def test_deleted_backups_are_no_first_boot_and_the_commands_bring_them_back(living):
    delete(living.deployment, RECORDS[living.deployment.backup])
    replacement = living.replaced()
    for _ in range(2):
        replacement.boot(expect=78)
        assert "that are missing now, so this is not a first boot" in replacement.log
    assert 0.0 in living.deployment.metric("RestoreSuccess")
    assert f"npx openclaw-spot undelete --stack {living.deployment.name}" in replacement.log
    said = replacement.record("restore")["error"]
    command = said[said.index("aws s3api") : said.index(" Then reboot.")].removesuffix(".")
    subprocess.run(["bash", "-c", command], env=replacement.environment, check=True, stdout=subprocess.DEVNULL)
    replacement.boot()
    assert replacement.notes() == 20
    replacement.backup()


def test_a_machine_that_never_backed_up_leaves_no_loss(machine):
    machine.boot()
    replacement = machine.replaced()
    replacement.boot()
    assert replacement.record("restore")["result"] == "first boot"


def test_a_start_from_empty_on_purpose_is_one_as_the_runbook_says(living):
    living.backup("--final")
    for name in ("snapshots/", "mirror/"):
        aws(living, "s3", "rm", "--recursive", f"s3://{living.deployment.bucket}/{name}")
    aws(living, "s3", "rm", f"s3://{living.deployment.bucket}/lease.json")
    replacement = living.replaced()
    replacement.boot()
    assert replacement.record("restore")["result"] == "first boot"
    # Also where it takes a second try.
    (replacement.var / "restored").unlink()
    replacement.boot()
    replacement.a_life()
    replacement.backup()
    delete(living.deployment, RECORDS[living.deployment.backup])
    replacement.replaced().boot(expect=78)


def test_a_repository_that_was_deleted_is_not_begun_anew_over_the_old_one(make_deployment):
    living = make_deployment(backup="snapshots").launch()
    living.boot()
    living.a_life()
    living.backup()
    delete(living.deployment, "snapshots/")
    living.write("workspace/notes/3.md", "changed")
    living.backup(expect=78)
    assert "the restic repository in" in living.log and "undelete" in living.log
    assert 0.0 in living.deployment.metric("BackupSuccess")
    assert living.deployment.stored("snapshots/") == []


@pytest.mark.parametrize("former", ["snapshots", "mirror"])
def test_a_change_of_engine_reads_the_former_one_until_the_new_one_has_a_backup(make_deployment, former):
    later = {"snapshots": "mirror", "mirror": "snapshots"}[former]
    deployment = make_deployment(backup=former)
    machine = deployment.launch()
    machine.boot()
    machine.a_life()
    machine.backup("--final")
    assert parameter(deployment, "backup-engine") == former
    deployment.backup = later
    changed = machine.replaced()
    changed.boot()
    assert changed.notes() == 20
    assert parameter(deployment, "backup-engine") == former
    changed.write("workspace/notes/3.md", f"by {later}")
    changed.backup()
    assert parameter(deployment, "backup-engine") == later
    replacement = changed.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == f"by {later}"


def test_another_engines_backup_at_the_first_boot_is_a_persons_to_believe(make_deployment):
    deployment = make_deployment(backup="snapshots", virgin=True)
    forge(deployment)
    machine = deployment.launch()
    machine.boot(expect=78)
    assert "and one that says it is of mirror" in machine.log
    assert not machine.path("workspace/notes/3.md").exists()
    deployment.ssm.put_parameter(Name=f"/openclaw/{deployment.name}/backup-engine", Value="snapshots", Type="String")
    machine.boot()
    assert not machine.path("workspace/notes/3.md").exists()


def test_an_engine_that_is_none_is_refused_by_name(machine):
    name = f"/openclaw/{machine.deployment.name}/backup-engine"
    machine.deployment.ssm.put_parameter(Name=name, Value="tape", Type="String")
    machine.boot(expect=78)
    assert f"the parameter {name} must be one of snapshots, mirror, got 'tape'" in machine.log
