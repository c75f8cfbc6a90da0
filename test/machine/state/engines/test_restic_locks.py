"""A lock in restic's repository: waited for while somebody may hold it, and removed when nobody does."""

import contextlib
import os
import signal
import subprocess
import time
from datetime import datetime, timedelta, timezone

import pytest
from machine.forkserver import PYTHON
from machine.state.support.proxy import Fault

SOON = {"BACKUP_LOCK_WAIT_SECONDS": "1"}
ELSEWHERE = "ip-10-0-0-9.example.internal"


@pytest.fixture
def deployment(make_deployment):
    return make_deployment(backup="snapshots")


def on(host: str, *command: str) -> list[str]:
    """The command, under another host name."""
    return ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', host, *command] if host else list(command)


@contextlib.contextmanager
def pruning(machine, cloud, password, host=""):
    """A person's `restic prune`, stopped while it holds its lock."""
    deployment = machine.deployment
    environment = {
        **machine.environment,
        "RESTIC_REPOSITORY": f"s3:{deployment.endpoint}/{deployment.bucket}/snapshots",
        "RESTIC_PASSWORD": password,
        "RESTIC_CACHE_DIR": str(machine.directory / "a persons cache"),
    }
    before = set(deployment.stored("snapshots/locks/"))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    slow = Fault(lambda r: r.method == "GET" and f"{deployment.bucket}/snapshots/index/" in r.path, hang_seconds=2)
    with cloud.playing(slow):
        process = subprocess.Popen(on(host, "restic", "prune"), env=environment, **quiet)
        while not slow.played:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGSTOP)
    assert len(set(deployment.stored("snapshots/locks/")) - before) == 1
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()


@pytest.fixture
def changed(living):
    living.write("workspace/notes/3.md", "changed")
    return living


def test_a_live_lock_is_named_and_left_alone(changed, cloud, repository):
    with pruning(changed, cloud, repository[1], ELSEWHERE) as prune:
        locks = changed.deployment.stored("snapshots/locks/")
        changed.backup(expect=75, **SOON)
        assert f"locked by process {prune.pid} on {ELSEWHERE}, which refreshed its lock" in changed.log
        assert changed.record("backup")["result"] == "busy"
        assert 0.0 in changed.deployment.metric("BackupSuccess")
        assert changed.deployment.stored("snapshots/locks/") == locks
    changed.backup(expect=75, **SOON)
    assert changed.deployment.stored("snapshots/locks/") == locks, "nobody here knows that it has ended"


def test_a_live_lock_of_this_host_is_left_alone(changed, cloud, repository):
    with pruning(changed, cloud, repository[1]):
        changed.backup(expect=75, **SOON)
        assert len(changed.deployment.stored("snapshots/locks/")) == 1


def test_a_backup_waits_for_a_prune_that_ends(changed, cloud, repository):
    with pruning(changed, cloud, repository[1], ELSEWHERE) as prune:
        is_lock = Fault(lambda r: r.method == "GET" and "/snapshots/locks/" in r.path)
        with cloud.playing(is_lock):
            backup = changed.start("backup", BACKUP_LOCK_WAIT_SECONDS="60")
            while not is_lock.played:
                assert backup.poll() is None
                time.sleep(0.05)
            prune.send_signal(signal.SIGCONT)
            said = backup.communicate()[1]
    assert backup.returncode == 0, said
    replacement = changed.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "changed"
    replacement.state("drill")


def test_the_lock_of_a_run_that_was_killed_here_goes_at_once(changed, cloud, repository):
    with pruning(changed, cloud, repository[1]) as prune:
        prune.kill()
    changed.backup()
    assert f"removing the lock of process {prune.pid}" in changed.log
    assert "its process is gone" in changed.log
    assert changed.deployment.stored("snapshots/locks/") == []


def backup_on(machine, host):
    command = on(host, PYTHON, "-m", "openclaw.state", "backup")
    subprocess.run(command, env=machine.environment, check=True, capture_output=True)


def test_the_lock_of_a_machine_goes_with_its_machine(changed, cloud, repository):
    backup_on(changed, ELSEWHERE)
    with pruning(changed, cloud, repository[1], ELSEWHERE):
        pass
    other = changed.deployment.launch()
    other.boot()
    other.write("workspace/notes/4.md", "changed")
    other.backup(expect=75, **SOON)
    changed.die()
    other.backup(**SOON)
    assert f"{changed.instance} is gone" in other.log
    assert changed.deployment.stored("snapshots/locks/") == []


def test_a_lock_that_cannot_be_read_is_no_damage(changed):
    """Somebody may just write it; once it is old, it goes."""
    changed.deployment.put("snapshots/locks/" + "a" * 64, b"no lock")
    # restic itself looks at it for half a minute.
    said = "invalid lock file: LoadRaw(<lock/aaaaaaaaaa>): invalid data returned"
    changed.stub(
        "restic", f'[ "$1" != backup -a "$3" != backup ] || {{ echo "{said}" >&2; exit 1; }}; exec "$real" "$@"'
    )
    changed.backup(expect=75, **SOON)
    assert "an unknown host (the lock cannot be read)" in changed.log
    assert not (changed.var / "damaged").exists()
    assert changed.deployment.stored("snapshots/locks/")


def lock(age, host="elsewhere", pid=1, uid=0):
    from openclaw.state.engines.restic.locks import Lock  # noqa: PLC0415 (on the path by conftest)

    return Lock("id", datetime.now(timezone.utc) - timedelta(minutes=age), host, pid, uid)


@pytest.mark.parametrize(
    "age, instances, gone, expected",
    [
        (31, [], [], "last refreshed 31 min"),
        (29, [], [], ""),
        (-5, [], [], ""),
        (1, ["i-1"], ["i-1"], "i-1 is gone"),
        (1, ["i-1", "i-2"], ["i-1"], ""),
        (1, ["i-1"], [], ""),
    ],
)
def test_who_may_hold_a_lock_of_another_host(age, instances, gone, expected):
    why = lock(age).why_stale(instances, gone.__contains__)
    assert why == expected if not expected else expected in why


def test_a_process_number_that_something_else_has_now_holds_no_lock():
    """After a reboot it is taken again at once."""
    assert lock(1, os.uname().nodename, os.getpid()).why_stale([], bool) == "its process is gone"


@pytest.mark.parametrize("written_by, stale", [(os.getuid(), True), (os.getuid() + 1, False)])
def test_a_process_number_that_another_user_has_now_is_no_run_of_ours(monkeypatch, written_by, stale):
    """A unit may not even look at it."""

    def forbidden(*_):
        raise PermissionError

    monkeypatch.setattr(os, "kill", forbidden)
    assert bool(lock(1, os.uname().nodename, 1, written_by).why_stale([], bool)) == stale
