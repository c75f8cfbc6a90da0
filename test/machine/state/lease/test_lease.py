"""One writer at a time, whatever the machines believe."""

import json
import time

import pytest
from machine.state.support.leases import lease, overtake, releases
from machine.state.support.proxy import Fault


@pytest.fixture
def deployment(make_deployment):
    return make_deployment(backup="mirror")


def test_every_boot_takes_the_next_generation(machine):
    machine.boot()
    machine.boot()
    assert lease(machine.deployment)["generation"] == 2
    assert lease(machine.deployment)["instance"] == machine.instance


def test_a_dead_holder_is_replaced_at_once(living):
    replacement = living.replaced()
    replacement.boot(LEASE_WAIT_SECONDS="3600")
    assert lease(living.deployment)["instance"] == replacement.instance


def test_a_released_lease_is_taken_at_once_from_a_running_machine(living):
    living.backup("--final")
    other = living.deployment.launch()
    other.boot(LEASE_WAIT_SECONDS="3600")
    assert lease(living.deployment)["generation"] == 2


def test_a_release_whose_answer_got_lost_is_a_release(living, cloud):
    with cloud.playing(Fault(releases, status=503, late=True, times=1)) as fault:
        living.backup("--final")
    assert fault.played == 1
    assert lease(living.deployment)["released"] is True


def test_a_final_backup_after_a_release_that_was_thought_to_have_failed_saves_again(living, cloud):
    with cloud.playing(Fault(releases, status=503, late=True)):
        living.state("backup", "--final", expect=1)
    assert lease(living.deployment)["released"] is True
    living.write("workspace/notes/3.md", "written since")
    living.backup("--final")
    assert lease(living.deployment)["released"] is True
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "written since"


def test_a_lease_that_another_took_after_its_release_is_not_taken_back(living):
    living.backup("--final")
    other = living.deployment.launch()
    other.boot()
    living.state("backup", "--final", expect=77)
    assert lease(living.deployment)["instance"] == other.instance
    other.backup()


def test_a_living_holder_is_waited_for_then_fenced(living):
    other = living.deployment.launch()
    other.boot(LEASE_WAIT_SECONDS="4")
    assert "waiting for the former holder" in other.log
    kept = living.deployment.stored()
    living.write("workspace/notes/3.md", "written by a machine that is no longer the writer")
    living.backup(expect=77)
    assert "FENCED" in living.log
    assert living.deployment.stored() == kept
    assert "stop --no-block openclaw-backup.timer openclaw.service" in living.commands.read_text()
    other.backup()


def test_a_holder_that_saves_its_last_state_is_waited_for(living, cloud):
    """The group launches the next machine while this one may take minutes to end."""
    living.write("workspace/notes/3.md", "the last words")
    other = living.deployment.launch()
    slow = Fault(lambda r: r.method == "PUT" and "/mirror/manifests/" in r.path, times=1, hang_seconds=6)
    with cloud.playing(slow):
        ending = living.start("backup", "--final")
        while not lease(living.deployment).get("ending"):
            time.sleep(0.1)
        other.boot(LEASE_WAIT_SECONDS="0", LEASE_ENDING_WAIT_SECONDS="60")
        assert ending.wait() == 0, ending.stderr.read()
    assert "it saves its last state" in other.log
    assert other.path("workspace/notes/3.md").read_text() == "the last words"
    assert "ending" not in lease(living.deployment)


def test_a_holder_that_dies_while_it_saves_is_not_waited_for(living):
    living.state("lease", "check")
    held = {**lease(living.deployment), "ending": True}
    living.deployment.put("lease.json", json.dumps(held).encode())
    replacement = living.replaced()
    replacement.boot(LEASE_WAIT_SECONDS="3600", LEASE_ENDING_WAIT_SECONDS="3600")


def test_a_look_at_a_lost_lease_stops_openclaw_before_the_next_backup_would(living):
    living.state("lease", "check")
    other = living.deployment.launch()
    other.boot()
    living.state("lease", "check", expect=77)
    assert "FENCED" in living.log
    stopped = "stop --no-block openclaw-backup.timer openclaw-backup.service openclaw.service"
    assert stopped in living.commands.read_text(), "a backup that runs, too"
    assert living.deployment.metric("Fenced") == {1.0}
    assert json.loads(living.state("status"))["fenced"]["reason"]


DRAIN = "stop --no-block openclaw-drain.service"


def drains(machine):
    return machine.commands.exists() and DRAIN in machine.commands.read_text()


def test_a_living_holder_that_is_waited_for_drains(living):
    """The group has let go of it, and EC2 has not: nothing that it wrote may be lost."""
    living.write("workspace/notes/3.md", "the last words")
    living.state("lease", "check")
    assert not drains(living)
    other = living.deployment.launch()
    waiting = other.start("boot", "--patience", "0", LEASE_WAIT_SECONDS="60")
    while "lease-wanted.json" not in living.deployment.stored():
        time.sleep(0.1)
    living.state("lease", "check")
    assert drains(living) and f"{other.instance} was launched in this machine's place" in living.log
    living.backup("--final")
    assert waiting.wait() == 0, waiting.stderr.read()
    assert other.path("workspace/notes/3.md").read_text() == "the last words"
    other.state("lease", "check")
    assert not drains(other), "what was asked of the former holder asks nothing of this one"


def test_a_machine_that_is_gone_waits_for_nothing(living):
    other = living.deployment.launch()
    generation = lease(living.deployment)["generation"]
    wanted = {"generation": generation, "instance": other.instance}
    living.deployment.put("lease-wanted.json", json.dumps(wanted).encode())
    other.die()
    living.state("lease", "check")
    assert not drains(living)


def test_a_look_at_the_lease_through_an_outage_stops_nothing(living, cloud):
    with cloud.playing(Fault(lambda request: request.path.endswith("/lease.json"), status=503)):
        living.state("lease", "check", expect=1)
    assert not living.commands.exists()
    assert living.deployment.metric("Fenced") == set()


def test_a_fenced_machine_stays_down_at_its_next_boot_while_the_other_lives(living):
    other = living.deployment.launch()
    other.boot()
    living.boot(expect=77)
    other.backup()


def test_a_stale_volume_takes_the_newer_state_when_the_other_is_gone(living):
    living.write("workspace/notes/3.md", "stale and never backed up")
    overtake(living)
    living.boot()
    assert living.path("workspace/notes/3.md").read_text() == "newest"
    aside = next((living.var / "aside").glob("*/workspace/notes/3.md"))
    assert aside.read_text() == "stale and never backed up"


def test_a_lease_that_is_taken_between_reading_and_writing_is_not_overwritten(machine, cloud):
    """The conditional write decides, not the order of reads."""
    deployment = machine.deployment
    machine.boot()
    first = lease(deployment)
    other = deployment.launch()
    intruder = {**first, "generation": 50, "nonce": "intruder", "instance": other.instance, "released": True}

    def intrude():
        deployment.put("lease.json", json.dumps(intruder).encode())

    reads_lease = Fault(lambda r: r.method == "GET" and r.path.endswith("/lease.json"), times=1, after=intrude)
    with cloud.playing(reads_lease):
        other.boot()
    assert lease(deployment)["generation"] == 51


def test_a_lease_copied_from_another_bucket_counts_as_none(living):
    foreign = {**lease(living.deployment), "bucket": "another-bucket", "nonce": "x", "generation": 900}
    living.deployment.put("lease.json", json.dumps(foreign).encode())
    living.boot()
    assert lease(living.deployment)["bucket"] == living.deployment.bucket
    living.backup()


def test_a_new_generation_is_above_every_snapshot_in_the_bucket(make_deployment):
    """As after `aws s3 sync` from a deployment with a longer history."""
    deployment = make_deployment(backup="snapshots")
    living = deployment.launch()
    living.boot()
    living.a_life()
    for _ in range(3):
        living.boot()
    living.backup()
    deployment.s3.delete_object(Bucket=deployment.bucket, Key="lease.json")
    replacement = living.replaced()
    replacement.boot()
    replacement.write("workspace/notes/3.md", "after")
    replacement.backup()
    third = replacement.replaced()
    third.boot()
    assert third.path("workspace/notes/3.md").read_text() == "after"


def test_a_fenced_machines_late_snapshot_is_not_what_comes_back(make_deployment):
    """It passed its check, slept, and pushed after the next holder did."""
    deployment = make_deployment(backup="snapshots")
    old = deployment.launch()
    old.boot()
    old.a_life()
    old.backup()
    held = (old.var / "lease.json").read_text()
    new = deployment.launch()
    new.boot()
    new.write("workspace/notes/3.md", "by the holder")
    new.backup()
    new_lease = deployment.s3.get_object(Bucket=deployment.bucket, Key="lease.json")["Body"].read()
    deployment.put("lease.json", held.encode())
    old.write("workspace/notes/3.md", "by the fenced one, later")
    old.backup()
    deployment.put("lease.json", new_lease)
    old.die()
    third = new.replaced()
    third.boot()
    assert third.path("workspace/notes/3.md").read_text() == "by the holder"
