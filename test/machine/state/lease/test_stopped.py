"""OpenClaw that a person has stopped stays so, on whatever machine, until it is started again."""

import json

import pytest
from machine.state.support.proxy import Fault
from openclaw.system import signing

KEY = "stopped.json"


@pytest.fixture
def deployment(make_deployment):
    return make_deployment(backup="mirror")


def told(deployment):
    return json.loads(deployment.body(KEY)) if KEY in deployment.stored() else None


def is_marked(machine):
    return (machine.var / "stopped").exists()


@pytest.fixture
def stopped(living):
    """As post-stop and openclaw-stopped.service leave it."""
    (living.var / "stopped").write_text("2026-11-20T14:00:00Z\n")
    living.state("tell-stopped")
    return living


def test_a_life_in_which_nobody_stops_it_says_nothing(living):
    living.boot()
    living.state("tell-stopped")
    assert told(living.deployment) is None


def test_a_replacement_knows_and_its_replacement_too(stopped):
    first = stopped.replaced()
    first.boot()
    assert "stopped by hand at 2026-11-20T14:00:00Z" in first.log
    assert (first.var / "stopped").read_text() == "2026-11-20T14:00:00Z\n"
    assert json.loads(first.state("status"))["stopped_by_hand"] == "2026-11-20T14:00:00Z"
    second = first.replaced()
    second.boot()
    assert is_marked(second)


def test_a_reboot_keeps_the_mark(stopped):
    stopped.boot()
    assert is_marked(stopped)


def test_started_again_no_replacement_finds_it_stopped(stopped):
    (stopped.var / "stopped").unlink()
    stopped.state("tell-stopped")
    assert told(stopped.deployment)["stopped"] is False
    replacement = stopped.replaced()
    replacement.boot()
    assert not is_marked(replacement)
    assert json.loads(replacement.state("status"))["stopped_by_hand"] is None


@pytest.mark.parametrize("meant", [True, False])
def test_a_reboot_makes_up_for_what_the_bucket_has_missed(stopped, cloud, meant):
    if not meant:
        (stopped.var / "stopped").unlink()
    else:
        stopped.deployment.erase(KEY)
    with cloud.playing(Fault(lambda request: KEY in request.path, status=503)):
        stopped.state("tell-stopped", expect=1)
    stopped.boot()
    assert told(stopped.deployment)["stopped"] is meant


def test_a_machine_that_is_no_longer_the_writer_says_nothing(living):
    other = living.deployment.launch()
    other.boot()
    (living.var / "stopped").write_text("2026-11-20T14:00:00Z\n")
    living.state("tell-stopped", expect=77)
    assert told(living.deployment) is None


def test_a_volume_that_is_behind_takes_the_buckets_word(stopped):
    other = stopped.deployment.launch()
    other.boot()
    (other.var / "stopped").unlink()
    other.state("tell-stopped")
    other.backup()
    stopped.deployment.ec2.terminate_instances(InstanceIds=[other.instance])
    stopped.boot()
    assert not is_marked(stopped)


def test_without_a_bucket_the_volume_alone_knows(make_deployment):
    machine = make_deployment(backup="off").launch()
    machine.boot()
    (machine.var / "stopped").touch()
    machine.state("tell-stopped")
    machine.boot()
    assert is_marked(machine)


def forged(deployment, **change):
    key = deployment.ssm.get_parameter(Name=f"/openclaw/{deployment.name}/state-key", WithDecryption=True)
    said = {**told(deployment), **change}
    said["hmac"] = signing.of(key["Parameter"]["Value"], "stopped", said)
    return said


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda deployment: {**told(deployment), "at": "2026-11-21T14:00:00Z"}, "is not signed"),
        (lambda deployment: {**told(deployment), "hmac": None}, "is not signed"),
        (lambda deployment: forged(deployment, stopped="yes"), "stopped must be true or false"),
        (lambda deployment: forged(deployment, at="\x1b[2J"), "at must be a time like"),
        (lambda deployment: forged(deployment, bucket="another"), "came from the bucket 'another'"),
        (lambda deployment: [], "must be an object"),
        (lambda deployment: {}, "stopped is missing"),
    ],
    ids=["changed", "unsigned", "stopped", "at", "copied", "list", "empty"],
)
def test_what_is_none_of_ours_counts_as_none(stopped, change, why):
    stopped.deployment.put(KEY, json.dumps(change(stopped.deployment)).encode())
    replacement = stopped.replaced()
    replacement.boot()
    assert not is_marked(replacement)
    assert why in replacement.log and "counts as none" in replacement.log


def test_a_later_version_may_say_more(stopped):
    stopped.deployment.put(KEY, json.dumps(forged(stopped.deployment, why="holidays")).encode())
    replacement = stopped.replaced()
    replacement.boot()
    assert is_marked(replacement)


def test_a_person_stops_it_whatever_it_is_doing(living):
    living.state("stop")
    assert living.commands.read_text().splitlines()[-1] == "stop openclaw.service"
    assert is_marked(living) and (living.run / "stopped").exists()
    assert told(living.deployment)["stopped"] is True


def test_a_person_starts_it_also_where_the_boot_has_not_got_so_far(stopped):
    stopped.stub("systemctl", f'echo "$@" >> {stopped.commands}')
    stopped.state("start")
    assert (stopped.run / "stopped").exists(), "the next start is meant"
    assert stopped.commands.read_text().splitlines() == ["start openclaw.service", "is-active openclaw.service"]


def test_a_start_that_comes_to_nothing_is_said(living):
    living.stub("systemctl", '[ "$1" != is-active ] || { echo inactive; exit 3; }')
    living.state("start", expect=1)
    assert "openclaw.service is inactive" in living.log


@pytest.mark.parametrize("verb", ["restore"])
def test_a_restore_does_not_stop_it_for_good(living, verb):
    living.stub("systemctl", f'[ "$1" != stop ] || [ -e {living.run}/restoring ] || echo "no note" >&2')
    living.state(verb)
    assert "no note" not in living.log
    assert (living.run / "restoring").exists(), "the start takes it away"
