"""What keeps a bad state away from a good one. Each guard here is the answer to a known way of losing state."""

import fcntl
import os
import shutil
import signal
import time

import pytest


def good_keys(deployment):
    """The bucket's contents but for the lease, which every boot changes."""
    return {key for key in deployment.stored() if key != "lease.json"}


def test_no_backup_before_a_restore_or_a_declared_first_boot(living):
    kept = good_keys(living.deployment)
    replacement = living.replaced()
    replacement.a_life()
    replacement.backup(expect=78)
    assert "before a good restore" in replacement.log
    assert good_keys(living.deployment) == kept


def test_no_backup_after_a_failed_restore(living):
    deployment = living.deployment
    password = f"/openclaw/{deployment.name}/restic-password"
    replacement = living.replaced()
    if deployment.backup == "snapshots":
        deployment.ssm.delete_parameter(Name=password)
    else:
        manifest = next(key for key in deployment.stored("mirror/manifests/"))
        deployment.put(manifest, b"no manifest")
    kept = good_keys(deployment)
    replacement.boot(expect=1 if deployment.backup == "snapshots" else 78)
    assert not (replacement.var / "restored").exists()
    replacement.write(".openclaw/openclaw.json", "{}")
    replacement.backup(expect=78)
    assert good_keys(deployment) == kept


@pytest.mark.parametrize("what", ["files", "bytes"])
def test_a_backup_that_drops_more_than_half_is_refused_until_forced(living, what):
    if what == "bytes":
        living.write("workspace/big", b"x" * 400_000)
        living.backup()
        living.write("workspace/big", b"x")
        for number in range(40):
            living.write(f"workspace/small/{number}", "y")
    else:
        shutil.rmtree(living.path("workspace/notes"))
    kept = good_keys(living.deployment)
    living.backup(expect=78)
    assert "more than half" in living.log and what in living.log
    assert good_keys(living.deployment) == kept
    assert (living.var / "refused" / "workspace").is_dir()
    assert 0.0 in living.deployment.metric("BackupSuccess")
    living.backup("--force")
    replacement = living.replaced()
    replacement.boot()
    assert not replacement.path("workspace/notes").exists() or replacement.path("workspace/big").read_bytes() == b"x"


def test_the_guard_against_loss_holds_on_a_fresh_replacement_too(living):
    replacement = living.replaced()
    replacement.boot()
    shutil.rmtree(replacement.path("workspace/notes"))
    replacement.backup(expect=78)


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_an_empty_or_missing_source_is_never_pushed(living, force):
    kept = good_keys(living.deployment)
    shutil.rmtree(living.path(".openclaw"))
    living.backup(*force, expect=78)
    living.path(".openclaw").mkdir()
    living.backup(*force, expect=78)
    assert good_keys(living.deployment) == kept


def test_nothing_to_back_up_yet_is_no_failure(machine):
    machine.boot()
    machine.state("backup")
    assert "nothing to back up yet" in machine.log


def test_a_machine_on_which_openclaw_was_never_ready_leaves_the_state_as_it_was(living):
    """A deploy that fails goes back to the old version, which cannot read what the new one has migrated."""
    newer = living.replaced()
    newer.served.unlink()
    newer.boot()
    newer.write(".openclaw/openclaw.json", '{"meta": {"lastTouchedVersion": "2026.12.1"}}')
    kept = good_keys(living.deployment)
    newer.backup("--final")
    assert "never been ready" in newer.log
    assert good_keys(living.deployment) == kept
    newer.replaced().boot()


def test_what_was_mended_by_hand_before_openclaw_was_ready_can_be_backed_up(living):
    mended = living.replaced()
    mended.served.unlink()
    mended.boot()
    mended.write("workspace/notes/3.md", "mended")
    mended.backup("--force")
    replacement = mended.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "mended"


def test_two_backups_never_overlap(living):
    with open(living.var / "lock") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        living.backup(expect=75, BACKUP_LOCK_WAIT_SECONDS="1")
    living.backup()


@pytest.mark.parametrize("deployment", ["snapshots"], indirect=True)
def test_the_lock_outlives_a_killed_parent_while_its_child_runs(living, tmp_path):
    """An orphaned restic must not meet the next run's. The mirror has no child."""
    slow = living.directory / "bin/restic"
    marker = tmp_path / "running"
    slow.write_text(f"#!/bin/sh\ntouch {marker}\nsleep 3\nexit 1\n")
    slow.chmod(0o755)
    living.write("workspace/new.md", "new")
    process = living.start("backup")
    while not marker.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    slow.unlink()
    living.backup(expect=75, BACKUP_LOCK_WAIT_SECONDS="0")
    process.communicate()
    living.backup()
