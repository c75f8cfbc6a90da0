"""The guard against loss lets go by itself where what went is plainly no loss, and never where it may be one."""

import contextlib
import json
import shutil
import sqlite3

import pytest

OWN = ".openclaw/state/openclaw.sqlite"
MODULES = "workspace/project/node_modules"


@pytest.fixture
def grown(living):
    """A machine whose workspace is mostly what can be made again, with a good backup of all of it."""
    for number in range(60):
        living.write(f"{MODULES}/{number}.js", "module\n" * 50)
    living.database(rows=300)
    living.backup()
    return living


def hours_pass(machine):
    """Since the guard first met the state that it refuses."""
    path = machine.var / "offered.json"
    known = json.loads(path.read_text())
    path.write_text(json.dumps({**known, "since": known["since"] - 3600}))


def offer(machine, times):
    for _ in range(times):
        machine.backup(expect=79)


def test_what_was_deleted_on_purpose_costs_none_of_the_work_after_it(grown):
    shutil.rmtree(grown.path(MODULES))
    for day in range(3):
        grown.write(f"workspace/day-{day}.md", f"work of day {day}")
        grown.database(rows=1)
        if day < 2:
            grown.backup(expect=79)
            hours_pass(grown)
        else:
            grown.backup()
    assert grown.record("backup")["guard"] == "let go"
    assert "node_modules" not in grown.log
    grown.write("workspace/day-3.md", "work after it")
    grown.backup()
    assert "guard" not in grown.record("backup")
    replacement = grown.replaced()
    replacement.boot()
    assert [replacement.path(f"workspace/day-{day}.md").exists() for day in range(4)] == [True] * 4
    assert replacement.notes() == 20 + 300 + 3
    assert not replacement.path(MODULES).exists()


def test_it_takes_time_and_not_only_three_backups(grown):
    shutil.rmtree(grown.path(MODULES))
    offer(grown, 5)
    hours_pass(grown)
    grown.backup()


def test_it_takes_three_backups_and_not_only_time(grown):
    shutil.rmtree(grown.path(MODULES))
    offer(grown, 1)
    hours_pass(grown)
    offer(grown, 1)
    grown.backup()


def test_three_in_a_row_begin_anew_after_a_good_one(grown):
    kept = grown.directory / "modules"
    shutil.move(grown.path(MODULES), kept)
    offer(grown, 2)
    hours_pass(grown)
    shutil.move(kept, grown.path(MODULES))
    grown.backup()
    shutil.rmtree(grown.path(MODULES))
    offer(grown, 1)
    hours_pass(grown)
    offer(grown, 1)


def test_what_still_shrinks_is_waited_for(grown):
    for number in range(40):
        grown.path(f"{MODULES}/{number}.js").unlink()
    offer(grown, 2)
    hours_pass(grown)
    shutil.rmtree(grown.path(MODULES))
    offer(grown, 2)


def emptied(machine):
    with contextlib.closing(sqlite3.connect(machine.path(OWN))) as database:
        database.execute("DELETE FROM note")
        database.commit()


LOSSES = {
    "its database was emptied": emptied,
    "its database is gone": lambda machine: [path.unlink() for path in machine.path(OWN).parent.iterdir()],
    "its configuration is gone": lambda machine: machine.path(".openclaw/openclaw.json").unlink(),
    "it began anew": lambda machine: (
        shutil.rmtree(machine.path(".openclaw")),
        machine.database(rows=1),
        machine.write(".openclaw/openclaw.json", "{}"),
    ),
    "its secrets are gone": lambda machine: machine.path("auth-profile-secrets/key").unlink(),
}


@pytest.mark.parametrize("what", LOSSES)
def test_what_openclaw_itself_has_lost_is_never_let_go(grown, what):
    shutil.rmtree(grown.path(MODULES))
    LOSSES[what](grown)
    offer(grown, 4)
    assert not (grown.var / "offered.json").exists()
    replacement = grown.replaced()
    replacement.boot()
    assert replacement.notes() == 320
    assert replacement.path(MODULES).is_dir()


def test_an_openclaw_that_began_anew_is_refused_beside_any_workspace(living):
    """However much there is in the workspace that has stayed."""
    for number in range(60):
        living.write(f"workspace/{number}", "kept" * 1000)
    living.database(rows=300)
    living.backup()
    LOSSES["it began anew"](living)
    offer(living, 1)
    assert "in .openclaw" in living.log


def test_a_plugin_that_was_removed_is_let_go(living):
    for number in range(60):
        living.write(f".openclaw/npm/plugin/{number}.js", "module\n" * 50)
    living.backup()
    shutil.rmtree(living.path(".openclaw/npm"))
    offer(living, 2)
    hours_pass(living)
    living.backup()


def test_a_replacement_is_guarded_by_what_it_restored(grown):
    replacement = grown.replaced()
    replacement.boot()
    shutil.rmtree(replacement.path(MODULES))
    offer(replacement, 2)
    hours_pass(replacement)
    replacement.backup()


def test_a_record_of_a_machine_before_lets_nothing_go(grown):
    path = grown.var / "last-good.json"
    known = json.loads(path.read_text())
    path.write_text(json.dumps({key: value for key, value in known.items() if key not in ("roots", "vital")}))
    shutil.rmtree(grown.path(MODULES))
    offer(grown, 4)


def test_a_replacement_starts_from_what_was_offered_often_enough(grown):
    shutil.rmtree(grown.path(MODULES))
    grown.write("workspace/day-0.md", "work after it")
    offer(grown, 2)
    grown.backup("--final", expect=79)
    replacement = grown.replaced()
    replacement.boot()
    assert replacement.path("workspace/day-0.md").exists()
    assert not replacement.path(MODULES).exists()
    replacement.backup()
    third = replacement.replaced()
    third.boot()
    assert third.path("workspace/day-0.md").exists()


def test_a_replacement_leaves_alone_what_was_offered_less_often(grown):
    shutil.rmtree(grown.path(MODULES))
    offer(grown, 2)
    replacement = grown.replaced()
    replacement.boot()
    assert replacement.path(MODULES).is_dir()
