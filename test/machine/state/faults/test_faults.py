"""The fault table: what fails, what the machine is left with, and that it recovers by itself when the fault goes."""

import contextlib
import os
import shutil
import subprocess

import pytest
from machine.state.support.faults import FAULTS
from machine.state.support.proxy import Fault


def of_bucket(machine):
    return lambda request: machine.deployment.bucket in request.path


@pytest.mark.parametrize("fault", FAULTS)
def test_a_backup_through_a_fault_fails_clearly_and_the_next_one_is_good(living, cloud, fault):
    living.write("workspace/notes/3.md", "changed")

    def matches(request):
        # Not the lease: without it nothing would be tried at all.
        return of_bucket(living)(request) and "lease.json" not in request.path

    with cloud.playing(Fault(matches, **FAULTS[fault])):
        living.backup(expect=1, BACKUP_TIMEOUT_SECONDS="6")
    assert living.record("backup")["result"] == "unavailable"
    assert 0.0 in living.deployment.metric("BackupSuccess")
    living.backup()
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "changed"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_restore_through_a_fault_fails_clearly_and_the_next_one_is_good(living, cloud, fault):
    replacement = living.replaced()

    def data(request):
        return of_bucket(living)(request) and (
            "/snapshots/data/" in request.path
            or "/mirror/workspace/" in request.path
            or "mirror/manifests/0" in request.path
        )

    with cloud.playing(Fault(data, **FAULTS[fault])) as played:
        replacement.boot(expect=1, BACKUP_TIMEOUT_SECONDS="6")
    assert played.played
    assert replacement.record("restore")["result"] == "unavailable"
    assert not (replacement.var / "restored").exists()
    assert not any(replacement.path(".openclaw").iterdir())
    replacement.boot()
    assert replacement.notes() == 20


@pytest.mark.parametrize("fault", [{"cut": True}, {"corrupt": True}], ids=["cut off", "flipped"])
def test_a_listing_that_nobody_can_parse_costs_no_backup_and_no_restore(living, cloud, fault):
    def listed():
        return Fault(lambda request: "list-type=2" in request.path, times=1, **fault)

    living.write("workspace/notes/3.md", "newest")
    with cloud.playing(listed()) as at_backup:
        living.backup()
    replacement = living.replaced()
    with cloud.playing(listed()) as at_boot:
        replacement.boot()
    assert (at_backup.played, at_boot.played) == (1, 1)
    assert replacement.path("workspace/notes/3.md").read_text() == "newest"


def test_the_lease_cannot_be_read_so_nothing_is_written(living, cloud):
    kept = living.deployment.stored()
    living.write("workspace/notes/3.md", "changed")
    with cloud.playing(Fault(lambda r: r.path.endswith("/lease.json"), status=500)):
        living.backup(expect=1)
    assert living.deployment.stored() == kept
    assert not (living.commands.exists() and "stop" in living.commands.read_text()), "an outage is no fence"
    living.backup()


def on(machine, disk):
    """Moves a machine's directories to another file system."""
    for name in ("data", "var"):
        target = disk / name
        if getattr(machine, name).exists():
            subprocess.run(["cp", "-a", str(getattr(machine, name)), str(target)], check=True)
        setattr(machine, name, target)


@pytest.mark.parametrize("final", [True, False])
def test_a_full_disk_saves_what_fits_and_names_the_rest(living, small_disk, final):
    on(living, small_disk)
    living.write("workspace/big", os.urandom(14 << 20))
    living.write("workspace/notes/last.md", "small, and after it")
    living.backup("--final" if final else "--force")
    record = living.record("backup")
    assert record["left_out_first"] == [{"path": "workspace/big", "reason": "no space is left for its copy"}]
    assert "left out: workspace/big" in living.log
    assert not (living.var / "staging/reserve").exists(), "the space has to be given back"
    replacement = living.deployment.launch()
    replacement.boot()
    assert replacement.path("workspace/notes/last.md").read_text() == "small, and after it"
    assert replacement.notes() == 20 and not replacement.path("workspace/big").exists()


def test_what_did_not_fit_is_saved_when_it_does(living, small_disk):
    on(living, small_disk)
    living.write("workspace/big", os.urandom(9 << 20))
    (small_disk / "filler").write_bytes(b"x" * (8 << 20))
    living.backup("--force")
    assert living.record("backup")["left_out"] == 1
    (small_disk / "filler").unlink()
    living.backup("--force")
    assert living.record("backup")["left_out"] == 0


def test_a_database_without_room_keeps_its_last_copy(living, small_disk):
    on(living, small_disk)
    living.backup("--force")
    living.database(rows=10_000)
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * (shutil.disk_usage(small_disk).free - (2 << 20)))
    living.write("workspace/notes/last.md", "small")
    living.backup("--force")
    assert living.record("backup")["unreadable"] == [".openclaw/state/openclaw.sqlite"]
    replacement = living.deployment.launch()
    replacement.boot()
    assert replacement.notes() == 20


def test_a_disk_without_room_for_anything_is_told_from_what_passes(living, small_disk):
    """The drain does not try that again."""
    on(living, small_disk)
    (small_disk / "filler").write_bytes(b"x" * shutil.disk_usage(small_disk).free)
    living.backup("--force", expect=76)
    assert "no space left" in living.log.lower()
    (small_disk / "filler").unlink()
    living.backup("--force")


def test_a_disk_that_fills_during_a_restore(living, small_disk):
    living.write("workspace/big", os.urandom(14 << 20))
    living.backup()
    replacement = living.replaced()
    on(replacement, small_disk)
    (small_disk / "filler").write_bytes(b"x" * (16 << 20))
    replacement.boot(expect=1 if living.deployment.backup == "mirror" else 76)
    assert not (replacement.var / "restored").exists()
    assert not any(replacement.path("workspace").iterdir())
    assert not (replacement.var / "restore").exists()
    (small_disk / "filler").unlink()
    replacement.boot()
    assert replacement.notes() == 20


def backed_up_with_password(make_deployment):
    """A machine with one snapshot, and the name of the parameter that holds the repository's password."""
    deployment = make_deployment(backup="snapshots")
    machine = deployment.launch()
    machine.boot()
    machine.a_life()
    machine.backup()
    return machine, f"/openclaw/{deployment.name}/restic-password"


def test_the_password_is_gone_and_comes_back(make_deployment):
    machine, name = backed_up_with_password(make_deployment)
    deployment = machine.deployment
    value = deployment.ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    deployment.ssm.delete_parameter(Name=name)
    machine.write("workspace/notes/3.md", "there is something to back up")
    machine.backup(expect=1)
    assert name in machine.log and "gone" in machine.log
    replacement = machine.replaced()
    replacement.boot(expect=1)
    assert not (replacement.var / "restored").exists()
    with pytest.raises(deployment.ssm.exceptions.ParameterNotFound):
        deployment.ssm.get_parameter(Name=name)
    deployment.ssm.put_parameter(Name=name, Value=value, Type="SecureString")
    replacement.boot()
    assert replacement.notes() == 20


def test_a_wrong_password_is_named(make_deployment):
    machine, name = backed_up_with_password(make_deployment)
    deployment = machine.deployment
    deployment.ssm.put_parameter(Name=name, Value="another", Type="SecureString", Overwrite=True)
    machine.backup(expect=1)
    assert "does not open" in machine.log


def test_two_machines_make_one_password(make_deployment):
    deployment = make_deployment(backup="snapshots", virgin=True)
    machine = deployment.launch()
    machine.boot()
    machine.a_life()
    name = f"/openclaw/{deployment.name}/restic-password"
    deployment.ssm.put_parameter(Name=name, Value="made by the other machine", Type="SecureString")
    machine.backup()
    assert deployment.ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"].startswith("made by")


def test_a_repository_whose_making_was_cut_off_is_made_again(make_deployment, cloud):
    deployment = make_deployment(backup="snapshots", virgin=True)
    machine = deployment.launch()
    machine.boot()
    machine.a_life()

    def put_config(request):
        return request.method == "PUT" and request.path.endswith("/snapshots/config")

    with cloud.playing(Fault(put_config, status=403)):
        machine.backup(expect=1, BACKUP_TIMEOUT_SECONDS="8")
    machine.backup()
    assert len([key for key in deployment.stored() if key.startswith("snapshots/keys/")]) == 1


def test_a_stale_lock_of_a_killed_run_does_not_stop_the_next(make_deployment, cloud):
    deployment = make_deployment(backup="snapshots")
    machine = deployment.launch()
    machine.boot()
    machine.a_life()
    for _ in range(5):
        machine.backup("--final")
        machine.boot()
    hold = Fault(lambda r: r.method == "DELETE" and "/locks/" in r.path, status=403)
    with cloud.playing(hold), contextlib.suppress(AssertionError):
        (machine.var / "pruned").unlink(missing_ok=True)
        machine.backup(BACKUP_TIMEOUT_SECONDS="5", BACKUP_KEEP_HOURLY="1")
    assert any("/locks/" in key for key in deployment.stored())
    (machine.var / "pruned").unlink(missing_ok=True)
    machine.backup(BACKUP_KEEP_HOURLY="1")
    assert machine.record("prune")["result"] == "success"


def test_metrics_that_cannot_be_published_fail_nothing(living, cloud):
    with cloud.playing(
        Fault(lambda r: r.path == "/" and r.method == "POST" and "monitoring" in str(r.headers), status=403)
    ):
        living.backup()
    assert "metrics were not published" in living.log
