"""Who waits for the lease asks its holder for it, until that one is known to have been asked."""

import json
import time

import pytest
from machine.state.support.faults import request
from machine.state.support.leases import lease
from machine.state.support.proxy import Fault

WISH = "lease-wanted.json"


@pytest.fixture
def deployment(make_deployment):
    return make_deployment(backup="mirror")


@pytest.fixture
def other(living):
    return living.deployment.launch()


@pytest.fixture
def waits(other):
    """Begins to wait for the lease, for so many seconds; what it returns is the process."""
    started = []

    def begin(seconds=120):
        started.append(other.start("boot", "--patience", "0", LEASE_WAIT_SECONDS=str(seconds)))
        return started[0]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def wish(deployment):
    return json.loads(deployment.body(WISH)) if WISH in deployment.stored() else {}


def until(holds, process):
    while not holds():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)


def gives_way(living, process):
    living.state("lease", "check")
    assert "stop --no-block openclaw-drain.service" in living.commands.read_text()
    living.write("workspace/notes/3.md", "the last words")
    living.backup("--final")
    assert process.wait() == 0, process.stderr.read()


def test_a_wish_that_was_not_stored_is_written_again(living, other, waits, cloud):
    with cloud.playing(Fault(request("PUT", WISH), status=503, times=2)) as fault:
        process = waits()
        until(lambda: fault.played == 2 and wish(living.deployment), process)
    gives_way(living, process)
    assert other.path("workspace/notes/3.md").read_text() == "the last words"


def test_a_holder_that_was_not_asked_keeps_its_lease(living, other, waits, cloud):
    with cloud.playing(Fault(request("PUT", WISH), status=503)) as fault:
        process = waits(seconds=0)
        until(lambda: fault.played >= 4, process)
        assert lease(living.deployment)["instance"] == living.instance
        living.backup("--final")
        assert process.wait() == 0, process.stderr.read()


def test_a_wish_in_the_place_of_which_a_dead_machines_came_is_written_again(living, other, waits):
    process = waits()
    until(lambda: wish(living.deployment), process)
    dead = living.deployment.launch()
    dead.die()
    living.deployment.put(WISH, json.dumps({**wish(living.deployment), "instance": dead.instance}).encode())
    until(lambda: wish(living.deployment)["instance"] == other.instance, process)
    gives_way(living, process)


def test_the_wish_of_another_machine_that_waits_is_left_alone(living, other, waits):
    third = living.deployment.launch()
    asked = {"generation": 1, "instance": third.instance}
    living.deployment.put(WISH, json.dumps(asked).encode())
    process = waits(seconds=0)
    assert process.wait() == 0, process.stderr.read()
    assert wish(living.deployment) == asked


def test_a_holder_that_has_booted_anew_is_asked_anew(living, other, waits):
    process = waits()
    until(lambda: wish(living.deployment), process)
    living.boot()
    until(lambda: wish(living.deployment) == {"generation": 2, "instance": other.instance}, process)
    gives_way(living, process)
