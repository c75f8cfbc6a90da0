"""What makes a boot take an older snapshot: proof that the newest is not what was stored. A fault of the machine or of
one answer is none; what is skipped is said, counted, and told of."""

import json

import pytest
from machine.state.support.damage import CONTENT, LOST
from machine.state.support.proxy import Fault

FIRST, NEWEST = "note 3\n" * 20, "newest"


@pytest.fixture
def newest(living):
    """A machine with two backups, and the keys that only the newest needs."""
    before = set(living.deployment.stored())
    living.write(LOST, CONTENT)
    living.write("workspace/notes/3.md", NEWEST)
    living.backup()
    return living, [key for key in living.deployment.stored() if key not in before]


def words_of(machine):
    return machine.path("workspace/notes/3.md").read_text()


def largest(deployment, keys, part):
    bodies = {key: len(deployment.body(key)) for key in keys if part in key}
    return max(bodies, key=bodies.get)


def skipped(machine):
    return json.loads((machine.var / "restored").read_text())["skipped"]


def cut(deployment, key):
    deployment.put(key, deployment.body(key)[: len(deployment.body(key)) // 2])


HARM = {
    "lost": lambda deployment, key: deployment.erase(key),
    "flipped": lambda deployment, key: deployment.flip(key),
    "cut off": cut,
    "emptied": lambda deployment, key: deployment.put(key, b""),
}


@pytest.mark.parametrize("deployment", ["snapshots"], indirect=True)
@pytest.mark.parametrize("harm", HARM)
def test_a_restore_goes_back_behind_content_that_is_gone(newest, harm):
    machine, keys = newest
    for key in [key for key in keys if "/data/" in key]:
        HARM[harm](machine.deployment, key)
    replacement = machine.replaced()
    replacement.boot()
    assert words_of(replacement) == FIRST
    assert len(skipped(replacement)) == 1
    replacement.write("workspace/notes/3.md", "later")
    replacement.backup()
    third = replacement.replaced()
    third.boot()
    assert words_of(third) == "later"
    assert skipped(third) == []


@pytest.mark.parametrize("deployment", ["snapshots"], indirect=True)
@pytest.mark.parametrize("harm", HARM)
def test_a_damaged_index_costs_nothing(newest, harm):
    """Without it no snapshot comes in; the packs tell again what it said."""
    machine, keys = newest
    for key in [key for key in keys if "/index/" in key]:
        HARM[harm](machine.deployment, key)
    replacement = machine.replaced()
    replacement.boot()
    assert words_of(replacement) == NEWEST
    assert skipped(replacement) == []


def test_a_restore_that_skipped_a_snapshot_has_its_own_figure(newest):
    machine, keys = newest
    machine.deployment.erase(largest(machine.deployment, keys, "/data/" if "snapshots/" in keys[0] else "mirror/.open"))
    replacement = machine.replaced()
    replacement.boot()
    assert machine.deployment.metric("RestoreSkippedSnapshots") == {1.0}
    assert 0.0 not in machine.deployment.metric("RestoreSuccess")
    assert "fetched once more" in replacement.log


@pytest.mark.parametrize("deployment", ["snapshots"], indirect=True)
def test_a_snapshot_that_cannot_be_listed_counts_as_skipped(newest):
    machine, keys = newest
    (key,) = [key for key in keys if "/snapshots/" in key.partition("/")[2] or key.startswith("snapshots/snapshots/")]
    machine.deployment.flip(key)
    replacement = machine.replaced()
    replacement.boot()
    assert skipped(replacement) == [key.rpartition("/")[2]]
    assert machine.deployment.metric("RestoreSkippedSnapshots") == {1.0}


def test_a_good_restore_has_no_such_figure(newest):
    machine, _ = newest
    replacement = machine.replaced()
    replacement.boot()
    assert words_of(replacement) == NEWEST
    assert machine.deployment.metric("RestoreSkippedSnapshots") == set()


@pytest.mark.parametrize("times", [1, 2, 3])
def test_answers_that_came_in_wrong_cost_no_snapshot(newest, cloud, times):
    """As long as the store has what was stored."""
    machine, _ = newest
    part = "/data/" if machine.deployment.backup == "snapshots" else "/notes/3.md"
    wrong = Fault(lambda r: r.method == "GET" and part in r.path.split("?")[0], corrupt=True, times=times)
    replacement = machine.replaced()
    with cloud.playing(wrong):
        replacement.boot(AWS_RESPONSE_CHECKSUM_VALIDATION="when_required")
    assert wrong.played == times
    assert words_of(replacement) == NEWEST
    assert skipped(replacement) == []


@pytest.mark.parametrize("deployment", ["snapshots"], indirect=True)
@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("no space left on device", 76),
        ("input/output error", 1),
        ("device or resource busy", 1),
        ("cannot allocate memory", 1),
    ],
)
def test_a_fault_of_the_machine_beside_words_of_damage_is_no_damage(newest, word, status):
    machine, _ = newest
    replacement = machine.replaced()
    said = f"ciphertext verification failed; write /var: {word}"
    stub = replacement.stub("restic", f'[ "$1" = restore ] || exec "$real" "$@"; echo "{said}" >&2; exit 1')
    replacement.boot(expect=status)
    assert replacement.record("restore")["result"] == "failure"
    assert not (replacement.var / "damaged").exists()
    stub.unlink()
    replacement.boot()
    assert words_of(replacement) == NEWEST


@pytest.mark.parametrize("deployment", ["snapshots"], indirect=True)
@pytest.mark.parametrize("end", ["kill -9 $$", "exit 2", "exit 130"])
def test_a_restic_that_was_ended_proves_nothing(newest, end):
    machine, _ = newest
    replacement = machine.replaced()
    said = "ciphertext verification failed"
    replacement.stub("restic", f'[ "$1" = restore ] || exec "$real" "$@"; echo "{said}" >&2; {end}')
    replacement.boot(expect=1)
    assert not (replacement.var / "damaged").exists()
    assert replacement.record("restore")["result"] == "unavailable"


def test_what_keeps_failing_alike_is_skipped_at_last(newest, cloud):
    """For a reason that nobody has thought of: a boot must end some day."""
    machine, keys = newest
    key = largest(machine.deployment, keys, "/data/" if "snapshots/" in keys[0] else "mirror/.open")
    replacement = machine.replaced()
    note = replacement.var / "restore-failing.json"
    with cloud.playing(Fault(lambda r: r.method == "GET" and key in r.path, status=403)):
        replacement.boot(expect=1)
        assert json.loads(note.read_text())["tries"] == 1
        known = json.loads(note.read_text())
        note.write_text(json.dumps({**known, "tries": 100}))
        replacement.boot(expect=1)
        note.write_text(json.dumps({**known, "tries": 1, "since": known["since"] - 7200}))
        replacement.boot(expect=1)
        note.write_text(json.dumps({**known, "tries": 100, "since": known["since"] - 7200}))
        replacement.boot()
    assert words_of(replacement) == FIRST
    assert "failed to come in for too long" in replacement.log
    assert len(skipped(replacement)) == 1
    assert machine.deployment.metric("RestoreSkippedSnapshots") == {1.0}
    assert not note.exists()
