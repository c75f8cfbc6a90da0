"""What keeps a bad state away from a good one. Each guard here is the answer to a known way of losing state."""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from machine.state.support.proxy import Fault
from openclaw.system.lock import locked


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
    living.backup(expect=79)
    assert "more than half" in living.log and what in living.log
    assert set(kept) <= set(good_keys(living.deployment))
    assert 0.0 in living.deployment.metric("BackupSuccess")
    living.backup("--force")
    replacement = living.replaced()
    replacement.boot()
    assert not replacement.path("workspace/notes").exists() or replacement.path("workspace/big").read_bytes() == b"x"


@pytest.fixture
def halved(living):
    """A machine that lost more than half of its files, and went on writing; and the notes that it has kept."""
    for number in range(11):
        living.path(f"workspace/notes/{number}.md").unlink()
    living.write("workspace/notes/new.md", "written after the loss")
    return living


def notes_of(machine):
    return {path.name for path in machine.path("workspace/notes").iterdir()}


def set_aside(machine):
    (line,) = [line for line in machine.state("snapshots").splitlines() if "set aside" in line]
    return line.split()[0]


def test_what_is_refused_is_set_aside_and_comes_back_only_by_name(halved):
    halved.backup("--final", expect=79)
    aside = set_aside(halved)
    replacement = halved.replaced()
    replacement.boot(LEASE_WAIT_SECONDS="3600")
    assert len(notes_of(replacement)) == 12, "the last good backup is what a machine starts from"
    assert "new.md" not in notes_of(replacement)
    assert f"openclaw-state restore {aside}" in replacement.log
    replacement.state("restore", aside)
    assert notes_of(replacement) == {"11.md", "new.md"}
    assert replacement.path("workspace/notes/new.md").read_text() == "written after the loss"
    replacement.backup()
    third = replacement.replaced()
    third.boot()
    assert notes_of(third) == {"11.md", "new.md"}


def test_what_is_refused_is_set_aside_once(halved):
    # What has just been written is looked at twice.
    time.sleep(2.5)
    halved.backup(expect=79)
    kept = good_keys(halved.deployment)
    halved.backup(expect=79)
    assert good_keys(halved.deployment) == kept
    halved.write("workspace/notes/new.md", "written later")
    halved.backup(expect=79)
    assert good_keys(halved.deployment) > kept, "a change of it is kept too"


def test_what_is_set_aside_changes_nothing_in_the_mirror(make_deployment):
    """People read the objects, and those that nothing refers to any more end after 35 days."""
    deployment = make_deployment(backup="mirror")
    machine = deployment.launch()
    machine.boot()
    machine.a_life()
    machine.backup()

    def current():
        found = deployment.s3.list_objects_v2(Bucket=deployment.bucket, Prefix="mirror/workspace/")["Contents"]
        return {one["Key"]: one["ETag"] for one in found}

    before = current()
    shutil.rmtree(machine.path("workspace/notes"))
    machine.write("workspace/notes/0.md", "another text")
    machine.backup(expect=79)
    assert current() == before
    machine.backup("--force")
    assert len(current()) == 1


def test_a_restore_by_time_never_takes_what_was_set_aside(halved):
    halved.backup(expect=79)
    halved.state("restore", "--at", "2099-01-01")
    assert len(notes_of(halved)) == 12


def test_the_guard_against_loss_holds_on_a_fresh_replacement_too(living):
    replacement = living.replaced()
    replacement.boot()
    shutil.rmtree(replacement.path("workspace/notes"))
    replacement.backup(expect=79)


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


def test_what_was_written_before_openclaw_ever_served_is_set_aside(living):
    """A deploy that fails goes back to the old version, which cannot read what the new one has migrated."""
    newer = living.replaced()
    newer.served.unlink()
    newer.boot()
    newer.write(".openclaw/openclaw.json", '{"meta": {"lastTouchedVersion": "2026.12.1"}}')
    newer.write("workspace/notes/3.md", "by a person")
    kept = good_keys(living.deployment)
    newer.backup()
    assert "nothing to back up: OpenClaw has never served" in newer.log
    newer.backup("--final", expect=79)
    assert good_keys(living.deployment) >= kept
    aside = re.search(r'kept apart from the backups, as ([^\s"]+)', newer.log)[1]
    # The next one starts as if it had not been, and a person can have it back.
    following = newer.replaced()
    following.boot()
    assert following.path("workspace/notes/3.md").read_text() == "note 3\n" * 20
    following.state("restore", aside, "--paths", "workspace/notes/3.md")
    assert following.path("workspace/notes/3.md").read_text() == "by a person"


def test_a_machine_on_which_nothing_was_written_has_nothing_to_set_aside(living):
    idle = living.replaced()
    idle.served.unlink()
    idle.boot()
    # What is younger than that has no fingerprint yet.
    time.sleep(2.1)
    stored = good_keys(living.deployment)
    idle.backup("--final")
    assert "nothing was written since the restore" in idle.log
    assert good_keys(living.deployment) == stored


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


def test_the_final_backup_waits_for_nothing_that_a_person_began(living, cloud):
    """A drill by hand, which holds the lock while it fetches."""
    living.write("workspace/notes/3.md", "the last words")
    fetches = Fault(lambda r: r.method == "GET" and ("/data/" in r.path or "/notes/" in r.path), hang_seconds=60)
    with cloud.playing(fetches):
        drill = living.start("drill")
        while not fetches.played:
            time.sleep(0.05)
        living.backup("--final", BACKUP_LOCK_WAIT_SECONDS="60")
        drill.communicate()
        assert drill.returncode == -signal.SIGTERM
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "the last words"


# It ends with the test run: one that was killed would leave it busy for ever.
BUSY_HOLDER = """
import fcntl, os, sys
parent = os.getppid()
busy = [os.open(os.devnull, os.O_RDONLY) for _ in range(900)]
lock = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(lock, fcntl.LOCK_EX)
print(flush=True)
while os.getppid() == parent:
    for descriptor in busy:
        os.close(descriptor)
    busy = [os.open(os.devnull, os.O_RDONLY) for _ in range(900)]
"""


def test_a_holder_that_opens_and_closes_files_meanwhile_is_ended_too(tmp_path):
    """Its list of open files is out of date while it is read."""
    path = tmp_path / "lock"
    holder = subprocess.Popen([sys.executable, "-c", BUSY_HOLDER, path], stdout=subprocess.PIPE)
    try:
        holder.stdout.readline()
        with locked(path, wait_seconds=60, evict_after=0):
            assert holder.wait(10) == -signal.SIGTERM
    finally:
        holder.kill()
        holder.communicate()


def test_the_final_backup_never_ends_a_restore_that_moves_things(living):
    (living.var / "restore-journal.json").write_text("{}")
    with open(living.var / "lock") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        # Whoever has the lock's file open would be ended: this test too.
        living.backup("--final", expect=75, BACKUP_LOCK_WAIT_SECONDS="7")
