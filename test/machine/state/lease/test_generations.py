"""A generation never goes back, whatever becomes of the lease's object: older backups would count as newer."""

import json

import pytest
from machine.state.support.leases import lease

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
