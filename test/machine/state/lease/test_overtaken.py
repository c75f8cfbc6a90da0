"""Another machine takes the lease after this one has looked at it: what this volume has is old then."""

import json

import pytest
from machine.state.support.faults import request
from machine.state.support.leases import lease, reads_lease, takes
from machine.state.support.proxy import Fault


@pytest.fixture
def deployment(make_deployment):
    return make_deployment(backup="snapshots")


@pytest.fixture
def overtaken(living, cloud):
    """A machine that boots anew; between its first look at the lease and what it does then, another one takes it, has
    served and, unless it is to live on, has ended in good order."""
    living.write("workspace/notes/3.md", "stale")

    def boots(expect=0, other_lives=False):
        other = living.deployment.launch()

        def overtake():
            other.boot()
            other.write("workspace/notes/3.md", "newest")
            other.backup(*([] if other_lives else ["--final"]))

        with cloud.playing(Fault(reads_lease, times=1, after=overtake)) as look:
            living.boot(expect=expect)
        assert look.played == 1
        return other

    living.boots = boots
    return living


def is_newest(machine):
    return machine.path("workspace/notes/3.md").read_text() == "newest"


def test_the_lease_that_is_taken_says_that_this_volume_is_behind(overtaken):
    overtaken.boots()
    assert lease(overtaken.deployment)["instance"] == overtaken.instance
    assert is_newest(overtaken)


def test_it_is_noted_before_the_write_whose_answer_may_be_lost(overtaken, cloud):
    # Those of the other machine get through.
    own = Fault(lambda r: takes(r) and overtaken.instance.encode() in r.body, status=503, late=True)
    with cloud.playing(own):
        overtaken.boots(expect=1)
    assert own.played
    overtaken.boot()
    assert is_newest(overtaken)


def test_a_machine_that_has_just_begun_to_serve_is_not_asked_for_its_place(overtaken):
    other = overtaken.boots(expect=77, other_lives=True)
    assert lease(overtaken.deployment)["instance"] == other.instance
    assert json.loads(overtaken.deployment.body("lease-wanted.json"))["instance"] != overtaken.instance
    other.backup()


@pytest.mark.parametrize("reboots", [False, True])
def test_a_machine_that_is_overtaken_while_it_restores_does_not_start(living, cloud, reboots):
    """Its restore takes longer than another one's patience."""
    machine = living if reboots else living.replaced()
    other = living.deployment.launch()
    # The last word before a boot is done.
    overtake = Fault(request("GET", "/restore.json"), times=1, after=other.boot)
    with cloud.playing(overtake):
        machine.boot(expect=77)
    assert overtake.played == 1
    assert lease(living.deployment)["instance"] == other.instance
    other.backup()
