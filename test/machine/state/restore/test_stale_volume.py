"""A volume that is behind the bucket serves nothing and pushes nothing until newer state is in its place."""

import shutil

import pytest
from machine.state.support.cuts import cut_at
from machine.state.support.leases import lease, overtake
from machine.state.support.proxy import Fault


@pytest.fixture
def deployment(make_deployment):
    return make_deployment(backup="snapshots")


@pytest.fixture
def behind(living):
    """A machine that another one has overtaken; the other is gone."""
    living.write("workspace/notes/3.md", "stale")
    overtake(living)
    return living


@pytest.fixture
def outage(behind, cloud):
    """Begins once the boot has the lease; the stale volume is the lease's holder then."""
    with cloud.playing(Fault(lambda r: r.method == "GET" and "/snapshots/data/" in r.path, status=403)) as fault:
        behind.boot(expect=1, BACKUP_TIMEOUT_SECONDS="6")
    assert fault.played
    assert lease(behind.deployment)["instance"] == behind.instance
    return fault


def newest(machine):
    return machine.path("workspace/notes/3.md").read_text() == "newest"


def test_an_outage_after_it_took_the_lease_makes_it_no_newer(behind, outage):
    behind.boot()
    assert newest(behind)
    assert next((behind.var / "aside").glob("*/workspace/notes/3.md")).read_text() == "stale"


@pytest.mark.parametrize(
    "step", ["openclaw.state.restore.request:Requests.asked", "openclaw.state.restore.boot:Boot._first_boot"]
)
def test_a_power_cut_after_it_took_the_lease_makes_it_no_newer(behind, step):
    assert cut_at(behind, step, 0, "boot", "--patience", "0") == -9
    behind.boot()
    assert newest(behind)


def test_a_lease_that_could_not_be_taken_makes_it_no_newer(behind, cloud):
    with cloud.playing(Fault(lambda r: r.method == "PUT" and r.path.endswith("/lease.json"), status=503)):
        behind.boot(expect=1)
    behind.boot()
    assert newest(behind)


@pytest.mark.parametrize("arguments", [(), ("--final",), ("--force",)], ids=["timer", "drain", "person"])
def test_it_pushes_nothing_even_as_the_leases_holder(behind, outage, arguments):
    kept = behind.deployment.stored("snapshots/snapshots/")
    behind.backup(*arguments, expect=78)
    assert behind.deployment.stored("snapshots/snapshots/") == kept
    replacement = behind.replaced()
    replacement.boot()
    assert newest(replacement)


def test_a_bucket_that_was_emptied_meanwhile_makes_it_no_first_boot(behind, outage):
    behind.deployment.erase("snapshots/")
    behind.boot(expect=78)
    assert "holds nothing to bring it up to date" in behind.log
    assert not (behind.var / "restored").exists()


@pytest.fixture
def copied(living, tmp_path):
    """Another machine on a copy of a volume as it was before the last backup."""
    shutil.copytree(living.directory, tmp_path / "copy", symlinks=True)
    living.write("workspace/notes/3.md", "newest")
    living.backup()
    clone = living.deployment.launch()
    shutil.rmtree(clone.directory)
    shutil.copytree(tmp_path / "copy", clone.directory, symlinks=True)
    return clone


def test_a_copy_of_another_machines_volume_is_behind(living, copied):
    living.die()
    copied.boot()
    assert newest(copied)


def test_a_copy_of_a_living_machines_volume_stays_down(living, copied):
    copied.boot(expect=77)
    assert lease(living.deployment)["instance"] == living.instance
    living.backup()


@pytest.mark.parametrize("arguments", [(), ("--final",)])
def test_a_copy_of_a_living_machines_volume_pushes_nothing(living, copied, arguments):
    copied.boot(expect=77)
    kept = living.deployment.stored()
    copied.backup(*arguments, expect=78)
    assert living.deployment.stored() == kept
    assert not lease(living.deployment)["released"]
