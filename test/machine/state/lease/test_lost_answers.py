"""A conditional write whose answer is lost may be stored or not: the machine knows its own, and nobody else's."""

import json

import pytest
from machine.state.support.leases import lease, overtake, reads_lease, takes
from machine.state.support.proxy import Fault


@pytest.fixture
def deployment(make_deployment):
    return make_deployment(backup="snapshots")


def held(machine):
    return json.loads((machine.var / "lease.json").read_text())


def test_a_take_that_was_stored_and_is_refused_at_its_second_try_is_this_machines(living, cloud):
    living.write("workspace/notes/3.md", "not in any backup")
    with cloud.playing(Fault(takes, status=503, late=True, times=1)) as fault:
        living.boot()
    assert fault.played == 1
    assert lease(living.deployment)["generation"] == 2
    assert living.path("workspace/notes/3.md").read_text() == "not in any backup"
    living.backup()


@pytest.mark.parametrize("late", [True, False], ids=["stored", "not stored"])
def test_a_take_without_an_answer_is_made_again_as_the_same_one(living, cloud, late):
    living.write("workspace/notes/3.md", "not in any backup")
    with cloud.playing(Fault(takes, status=503, late=late)):
        for _ in range(2):
            living.boot(expect=1)
    nonce = held(living)["nonce"]
    assert (lease(living.deployment)["nonce"] == nonce) == late
    living.boot()
    assert lease(living.deployment)["nonce"] == held(living)["nonce"] == nonce
    assert living.path("workspace/notes/3.md").read_text() == "not in any backup"
    living.boot()
    assert held(living)["nonce"] != nonce, "each take that is known to be stored has a nonce of its own"


def test_a_take_that_arrives_after_the_next_try_was_made_is_this_machines(living, cloud):
    """It was on its way for so long that the machine has given it up, and read the lease again, before S3 had it."""
    living.write("workspace/notes/3.md", "not in any backup")
    with cloud.playing(Fault(takes, status=503)):
        living.boot(expect=1)
    late = {name: value for name, value in held(living).items() if name not in ("proved", "ending")}
    arrives = Fault(reads_lease, times=1, after=lambda: living.deployment.put("lease.json", json.dumps(late).encode()))
    with cloud.playing(arrives):
        living.boot()
    assert lease(living.deployment)["nonce"] == held(living)["nonce"]
    assert living.path("workspace/notes/3.md").read_text() == "not in any backup"


def test_however_often_a_take_was_tried_in_vain_another_machines_is_newer(living, cloud):
    living.write("workspace/notes/3.md", "stale")
    with cloud.playing(Fault(takes, status=503)):
        for _ in range(3):
            living.boot(expect=1)
    overtake(living)
    living.boot()
    assert living.path("workspace/notes/3.md").read_text() == "newest"
