"""A generation never goes back, whatever becomes of the lease's object: older backups would count as newer."""

import json

import pytest
from machine.state.support.leases import lease
from machine.state.support.stranger import hand_over

FATES = {
    "removed": lambda deployment, _: deployment.s3.delete_object(Bucket=deployment.bucket, Key="lease.json"),
    "another bucket's": lambda deployment, first: deployment.put(
        "lease.json", json.dumps({**first, "bucket": "another", "nonce": "theirs"}).encode()
    ),
    "an older one": lambda deployment, first: deployment.put("lease.json", json.dumps(first).encode()),
}


@pytest.fixture
def deployment(make_deployment):
    return make_deployment(backup="snapshots")


@pytest.mark.parametrize("fate", FATES)
def test_backups_of_this_volume_outrank_its_own_former_ones(living, fate):
    first = lease(living.deployment)
    for _ in range(2):
        living.boot()
    living.write("workspace/notes/3.md", "of generation 3")
    living.backup()
    FATES[fate](living.deployment, first)
    living.boot()
    assert lease(living.deployment)["generation"] > 3
    living.write("workspace/notes/3.md", "weeks later")
    living.backup()
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "weeks later"


def test_what_is_no_lease_stops_the_boot_and_removing_it_as_told_is_enough(living):
    living.boot()
    living.deployment.put("lease.json", b"no lease")
    living.boot(expect=78)
    assert "is not a lease" in living.log and "remove it" in living.log
    FATES["removed"](living.deployment, None)
    living.boot()
    assert lease(living.deployment)["generation"] > 2
    living.backup()


@pytest.mark.parametrize("backup", ["snapshots", "mirror"])
def test_a_reboot_outranks_the_backups_that_were_copied_here_meanwhile(make_deployment, backup):
    """As by `aws s3 sync` from a deployment with a longer history; a boot from local state looks for no backups."""
    machine, other = make_deployment(backup=backup).launch(), make_deployment(backup=backup).launch()
    for _ in range(4):
        other.boot()
    for one in (machine, other):
        one.boot()
        one.a_life()
        one.backup()
    here, there = machine.deployment, other.deployment
    here.erase("snapshots/")
    for key in there.stored():
        if key != "lease.json":
            here.s3.copy_object(Bucket=here.bucket, Key=key, CopySource=f"{there.bucket}/{key}")
    hand_over(there, here)
    machine.boot()
    machine.write("workspace/notes/3.md", "since")
    machine.backup()
    assert lease(here)["generation"] == machine.record("backup")["generation"] == 6
    machine.state("lease", "check")
    machine.write("workspace/notes/4.md", "later")
    machine.backup()
    assert machine.record("backup")["generation"] == 6
    replacement = machine.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "since"
    assert replacement.path("workspace/notes/4.md").read_text() == "later"
