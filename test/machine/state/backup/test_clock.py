"""A clock may be wrong by any amount: which backup is the newest is told by its generation and sequence."""

from datetime import datetime, timedelta, timezone

import pytest

HOUR, YEAR = timedelta(hours=1), timedelta(days=365)


def backed_up(machine, off):
    """By a clock that is off by that much."""
    deployment = machine.deployment
    now = datetime.now(timezone.utc) + off
    if deployment.backup == "snapshots":
        time = f"{now:%Y-%m-%d %H:%M:%S}"
        stub = machine.stub(
            "restic", f'[ "$1" != backup ] || {{ shift; set -- backup --time "{time}" "$@"; }}\nexec "$real" "$@"'
        )
        machine.backup()
        stub.unlink()
        return
    before = set(deployment.stored("mirror/manifests/"))
    machine.backup()
    [key] = set(deployment.stored("mirror/manifests/")) - before
    body, (generation, _, *rest) = deployment.body(key), key.split("_")
    deployment.erase(key)
    deployment.put("_".join((generation, f"{now:%Y%m%dT%H%M%SZ}", *rest)), body)


@pytest.mark.parametrize("first, second", [(HOUR, -HOUR), (YEAR, timedelta(0)), (timedelta(0), -YEAR)])
def test_the_newest_by_sequence_comes_back(living, first, second):
    living.write("workspace/notes/3.md", "first")
    backed_up(living, first)
    living.write("workspace/notes/3.md", "second")
    backed_up(living, second)
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "second"


def test_the_newest_by_generation_comes_back(living):
    living.write("workspace/notes/3.md", "by a clock that is ahead")
    backed_up(living, YEAR)
    replacement = living.replaced()
    replacement.boot()
    replacement.write("workspace/notes/3.md", "by the next machine")
    replacement.backup()
    third = replacement.replaced()
    third.boot()
    assert third.path("workspace/notes/3.md").read_text() == "by the next machine"
