"""restic's part of the bucket, where somebody else can write: restic believes what its password signed."""

import pytest


@pytest.fixture
def deployment(make_deployment):
    return make_deployment(backup="snapshots")


@pytest.mark.parametrize("name", ["readme.txt", "0a" * 32, "0A" * 32, "a/b", "x" * 300])
@pytest.mark.parametrize("body", [b"", b"garbage" * 50])
def test_an_object_that_is_no_snapshot_hides_none(living, name, body):
    living.deployment.put(f"snapshots/snapshots/{name}", body)
    replacement = living.replaced()
    replacement.boot()
    assert replacement.notes() == 20
    assert len(replacement.state("snapshots").splitlines()) == 2


def test_an_object_that_is_no_backup_is_no_loss(make_deployment):
    machine = make_deployment(backup="snapshots", virgin=True).launch()
    machine.deployment.put("mirror/manifests/readme.txt", b"x")
    machine.boot()
    assert machine.record("restore")["result"] == "first boot"
