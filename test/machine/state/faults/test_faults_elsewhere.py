"""The fault table of what runs beside backup and restore: the lease, the drill, the thinning out."""

import pytest
from machine.state.support.faults import FAULTS
from machine.state.support.proxy import Fault

# An answer that never comes is tried again, each time as long.
BRIEF = {name: {**fault, **({"hang_seconds": 2} if "hang_seconds" in fault else {})} for name, fault in FAULTS.items()}
SHORT = {"BACKUP_TIMEOUT_SECONDS": "4"}
KEEP_FEW = {f"BACKUP_KEEP_{period}": "1" for period in ("HOURLY", "DAILY", "WEEKLY")}


def of_lease(request):
    return request.path.split("?")[0].endswith("/lease.json")


@pytest.mark.parametrize("deployment", ["snapshots"], indirect=True)
@pytest.mark.parametrize("fault", FAULTS)
def test_the_lease_through_a_fault(living, cloud, fault):
    """Without its word nothing is written, nothing is stopped and nothing is taken over."""
    living.write("workspace/notes/3.md", "changed")
    kept = living.deployment.stored()
    with cloud.playing(Fault(of_lease, **BRIEF[fault])):
        living.backup(expect=1)
        assert living.record("backup")["result"] == "unavailable"
        living.boot(expect=1)
        assert living.record("restore")["result"] == "unavailable"
        living.state("lease", "check", expect=1)
    assert living.deployment.stored() == kept
    assert 0.0 in living.deployment.metric("BackupSuccess")
    assert not living.commands.exists()
    living.boot()
    living.backup()
    assert living.path("workspace/notes/3.md").read_text() == "changed"


def test_a_drill_through_each_fault(living, cloud):
    def data(request):
        return request.method == "GET" and ("/snapshots/data/" in request.path or "/mirror/workspace/" in request.path)

    for name, fault in BRIEF.items():
        with cloud.playing(Fault(data, **fault)) as played:
            living.state("drill", expect=1, **SHORT)
        assert played.played, name
        assert living.record("drill")["result"] == "unavailable", name
        assert not (living.var / "drill").exists(), name
        assert not (living.var / "damaged").exists(), f"{name} says nothing about the data"
    assert 0.0 in living.deployment.metric("DrillSuccess")
    living.state("drill")
    assert 1.0 in living.deployment.metric("DrillSuccess")


def test_thinning_out_through_each_fault(living, cloud):
    """The backup is good all the same, and the next day's thinning makes up for it."""

    def removes(request):
        by_name = request.method == "DELETE" and "/snapshots/snapshots/" in request.path
        return by_name or (request.method == "POST" and b"mirror/manifests/" in request.body)

    for number in range(3):
        living.write("workspace/notes/3.md", f"text {number}")
        living.backup()
    before = living.state("snapshots").splitlines()
    for name, fault in BRIEF.items():
        (living.var / "pruned").unlink(missing_ok=True)
        with cloud.playing(Fault(removes, **fault)) as played:
            living.backup(**SHORT, **KEEP_FEW)
        assert played.played, name
        # What restic may not remove it only names, and ends well.
        if (living.deployment.backup, name) != ("snapshots", "403"):
            assert living.record("prune")["result"] == "failure", name
        assert living.record("backup")["result"] == "success", name
        assert set(before) <= set(living.state("snapshots").splitlines()), name
    (living.var / "pruned").unlink(missing_ok=True)
    living.backup(**KEEP_FEW)
    assert living.record("prune")["result"] == "success"
    assert len(living.state("snapshots").splitlines()) == 4
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "text 2"
