"""What is damaged or lost in restic's repository is named, worked around and healed; no outage is taken for it."""

import os

import pytest
from machine.state.support.damage import CONTENT, LOST, damage_newest
from machine.state.support.proxy import Fault


@pytest.fixture
def deployment(make_deployment):
    return make_deployment(backup="snapshots")


def repository(deployment):
    """All of it but for locks, which come and go."""
    return {key for key in deployment.stored("snapshots/") if "/locks/" not in key}


def largest_pack(deployment):
    """The key of the pack that holds the largest file."""
    packs = {key: len(deployment.body(key)) for key in deployment.stored("snapshots/data/")}
    return max(packs, key=packs.get)


@pytest.fixture
def newest(living):
    """The key of the file of the second of two snapshots, on the machine that has made them."""
    before = set(living.deployment.stored("snapshots/snapshots/"))
    living.write("workspace/notes/3.md", "newest")
    living.backup()
    [key] = set(living.deployment.stored("snapshots/snapshots/")) - before
    return key


def test_a_snapshot_that_restic_calls_incomplete_does_not_stay(living):
    """It has stored what it could read, as the newest one, without what it could not."""
    before = living.deployment.stored("snapshots/snapshots/")
    stub = living.stub("restic", '"$real" "$@"; code=$?; [ "$1" != backup ] || exit 3; exit $code')
    living.write("workspace/notes/3.md", "changed")
    living.backup(expect=1)
    assert "forgetting the incomplete snapshot" in living.log
    assert living.deployment.stored("snapshots/snapshots/") == before
    assert 0.0 in living.deployment.metric("BackupSuccess")
    stub.unlink()
    living.backup()
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "changed"


def test_a_lost_configuration_is_damage_and_no_first_boot(living):
    deployment = living.deployment
    config, kept = deployment.body("snapshots/config"), repository(deployment) - {"snapshots/config"}
    deployment.erase("snapshots/config")
    living.write("workspace/notes/3.md", "changed")
    living.backup(expect=1)
    assert "holds data but no restic configuration" in living.log
    replacement = living.replaced()
    replacement.boot(expect=1)
    assert "holds data but no restic configuration" in replacement.log
    assert replacement.record("restore")["result"] == "damaged"
    assert not (replacement.var / "restored").exists()
    assert repository(deployment) == kept, "another repository over this one would be the end of it"
    deployment.put("snapshots/config", config)
    replacement.boot()
    assert replacement.notes() == 20


def test_a_snapshot_file_that_may_not_be_read_is_no_reason_to_take_an_older_one(living, newest, cloud):
    replacement = living.replaced()
    with cloud.playing(Fault(lambda r: r.path.split("?")[0].endswith(newest), status=403)) as fault:
        replacement.boot(expect=1)
    assert fault.played
    assert replacement.record("restore")["result"] == "unavailable"
    assert not (replacement.var / "restored").exists()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "newest"


def test_a_damaged_snapshot_file_is_named_and_the_newest_good_one_taken(living, newest):
    living.deployment.flip(newest)
    replacement = living.replaced()
    replacement.boot()
    said = replacement.record("snapshots")
    assert (said["result"], said["snapshot"]) == ("damaged", newest.rpartition("/")[2])
    assert replacement.path("workspace/notes/3.md").read_text() == "note 3\n" * 20
    replacement.write("workspace/notes/3.md", "later")
    replacement.backup()
    third = replacement.replaced()
    third.boot()
    assert third.path("workspace/notes/3.md").read_text() == "later"


def test_after_a_drill_that_found_damage_the_next_backup_heals(living):
    """Else it would build on the damaged pack, as what is in there has not changed."""
    damage_newest(living)
    living.state("drill", expect=1)
    assert living.record("drill")["result"] == "damaged"
    assert 0.0 in living.deployment.metric("DrillSuccess")
    living.write("workspace/notes/3.md", "later")
    living.backup()
    replacement = living.replaced()
    replacement.boot()
    assert '"result": "damaged"' not in replacement.log
    assert replacement.path("workspace/notes/3.md").read_text() == "later"
    assert replacement.path(LOST).read_bytes() == CONTENT


def test_a_damaged_snapshot_file_that_a_drill_found_stops_no_backup(living, newest):
    living.deployment.flip(newest)
    living.state("drill", expect=1)
    living.write("workspace/notes/3.md", "later")
    living.backup()
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "later"


@pytest.mark.parametrize("fault", [{"status": 403}, {"hang_seconds": 20}], ids=["403", "no answer"])
def test_healing_through_an_outage_changes_nothing(living, cloud, fault):
    """What cannot be read just now would be dropped as damaged, with all snapshots that use it."""
    living.write(LOST, os.urandom(100_000))
    living.backup()
    (living.var / "damaged").touch()
    living.write("workspace/notes/3.md", "later")
    kept = repository(living.deployment)
    largest = largest_pack(living.deployment)
    with cloud.playing(Fault(lambda r: r.method == "GET" and largest in r.path, **fault)) as played:
        living.backup(expect=1, BACKUP_TIMEOUT_SECONDS="6")
    assert played.played
    assert living.record("backup")["result"] == "unavailable"
    assert repository(living.deployment) == kept
    assert (living.var / "damaged").exists()
    living.backup()
    assert not (living.var / "damaged").exists()
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "later"
    assert replacement.path(LOST).stat().st_size == 100_000


def test_what_a_check_says_that_did_not_end_is_no_damage(living):
    """It may have read what an outage has cut off."""
    kept = repository(living.deployment)
    pack = largest_pack(living.deployment).rpartition("/")[2]
    said = f"pack {pack}: ciphertext verification failed"
    stub = living.stub("restic", f'[ "$1" = check ] || exec "$real" "$@"; echo "{said}" >&2; exec sleep 60')
    (living.var / "damaged").touch()
    living.write("workspace/notes/3.md", "later")
    living.backup(expect=1, BACKUP_TIMEOUT_SECONDS="3")
    assert living.record("backup")["result"] == "unavailable"
    assert repository(living.deployment) == kept
    stub.unlink()
    living.backup()
