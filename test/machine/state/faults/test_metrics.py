"""What an alarm can hear: each way of failing has its figure, and the line that says why."""

import pytest
from machine.state.support.proxy import Fault

# What does not touch an engine is shown with one.
one_engine = pytest.mark.parametrize("deployment", ["snapshots"], indirect=True)


@one_engine
def test_a_backup_of_a_fenced_machine(living):
    living.deployment.launch().boot()
    living.backup(expect=77)
    assert 0.0 in living.deployment.metric("BackupSuccess")
    assert living.record("backup")["result"] == "fenced"


def test_a_restore_through_an_outage(living, cloud):
    replacement = living.replaced()
    assert 0.0 not in living.deployment.metric("RestoreSuccess")
    with cloud.playing(Fault(lambda r: living.deployment.bucket in r.path, status=503)):
        replacement.boot(expect=1)
    assert 0.0 in living.deployment.metric("RestoreSuccess")
    assert replacement.record("restore")["result"] == "unavailable"
    replacement.boot()
    assert 1.0 in living.deployment.metric("RestoreSuccess")


def test_a_drill_that_finds_a_database_with_a_bad_page(living):
    path = living.database(rows=200)
    living.backup()
    with path.open("r+b") as stream:
        stream.seek(4096 * 6)
        stream.write(b"\xee" * 4096)
    living.backup("--force")
    living.state("drill", expect=1)
    assert 0.0 in living.deployment.metric("DrillSuccess")
    assert living.record("drill")["result"] == "damaged"
    assert "integrity check" in living.record("drill")["error"]


def test_a_backup_while_the_bucket_is_missing(living, cloud):
    living.write("workspace/notes/3.md", "changed")
    with cloud.playing(Fault(lambda r: living.deployment.bucket in r.path, status=404)):
        living.backup(expect=1)
    assert "NoSuchBucket" in living.log
    assert 0.0 in living.deployment.metric("BackupSuccess")
    assert not living.commands.exists(), "an outage is no fence"
    living.backup()
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "changed"


@one_engine
def test_a_backup_and_a_restore_while_the_password_is_gone(living):
    deployment, name = living.deployment, f"/openclaw/{living.deployment.name}/restic-password"
    value = deployment.ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    deployment.ssm.delete_parameter(Name=name)
    living.write("workspace/notes/3.md", "changed")
    living.backup(expect=1)
    assert f"the parameter {name} is gone" in living.record("backup")["error"]
    assert 0.0 in deployment.metric("BackupSuccess")
    replacement = living.replaced()
    replacement.boot(expect=1)
    assert f"the parameter {name} is gone" in replacement.record("restore")["error"]
    assert 0.0 in deployment.metric("RestoreSuccess")
    deployment.ssm.put_parameter(Name=name, Value=value, Type="SecureString")
    replacement.boot()
    assert 1.0 in deployment.metric("RestoreSuccess")
