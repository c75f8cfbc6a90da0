"""A restore on the machine that serves: what is stopped for it, what it leaves alone, and that it lasts."""

import json
import os
import shutil

import pytest
from machine.state.support.openclaw_archive import Archive

# What does not touch an engine is shown with one.
one_engine = pytest.mark.parametrize("deployment", ["snapshots"], indirect=True)


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "ann.tar.gz"
    with Archive(path).an_install():
        pass
    return str(path)


@one_engine
@pytest.mark.parametrize("state", ["activating", "deactivating", "reloading"])
@pytest.mark.parametrize("verb", ["restore", "adopt"])
def test_a_service_that_is_about_to_run_is_stopped_for_it(living, archive, verb, state):
    """It has the state open too, or is about to; systemctl calls that not active."""
    living.stub("systemctl", f'echo "$@" >> {living.commands}\n[ "$1" != is-active ] || {{ echo {state}; exit 3; }}')
    living.state(verb, *([archive] if verb == "adopt" else []))
    done = living.commands.read_text().splitlines()
    assert done == ["is-active openclaw.service", "stop openclaw.service", "start openclaw.service"]


@one_engine
@pytest.mark.parametrize("signal", ["HUP", "TERM"])
def test_a_session_that_ends_in_the_middle_leaves_the_service_started(living, signal):
    living.stub("systemctl", f'echo "$@" >> {living.commands}\n[ "$1" != stop ] || kill -{signal} "$PPID"')
    living.write("workspace/notes/3.md", "spoilt")
    living.state("restore")
    assert living.commands.read_text().splitlines()[-1] == "start openclaw.service"
    assert living.path("workspace/notes/3.md").read_text() == "note 3\n" * 20
    assert not (living.var / "restore-journal.json").exists()


@one_engine
def test_a_path_below_a_file_is_refused_before_anything_moves(living):
    shutil.rmtree(living.path("workspace/notes"))
    living.write("workspace/notes", "a file now", 0o644)
    living.write(".openclaw/openclaw.json", "{}")
    living.state("restore", "--paths", ".openclaw/openclaw.json", "workspace/notes/3.md", expect=78)
    assert f"{living.path('workspace/notes')} is not a directory" in living.log
    assert living.path(".openclaw/openclaw.json").read_text() == "{}"
    assert living.path("workspace/notes").read_text() == "a file now"
    assert not (living.var / "aside").exists()
    living.boot()
    living.backup("--force")


@one_engine
def test_names_that_look_like_a_databases_sidecars_are_left_alone(living):
    for suffix in ("-journal", "-wal", "-shm"):
        living.write(f"workspace/notes{suffix}/monday.md", "mine")
        living.write(f"workspace/notes/3.md{suffix}", "mine")
    living.state("restore", "--paths", "workspace/notes/3.md")
    living.state("restore", "--paths", "workspace/notes")
    for suffix in ("-journal", "-wal", "-shm"):
        assert living.path(f"workspace/notes{suffix}/monday.md").read_text() == "mine"


@one_engine
def test_a_databases_own_sidecars_go_with_it(living):
    """An old log beside a restored database would be played into it."""
    path = living.database(rows=5)
    for suffix in ("-journal", "-wal"):
        path.with_name(f"{path.name}{suffix}").write_bytes(b"of the database that was here")
    living.state("restore", "--paths", ".openclaw/state/openclaw.sqlite")
    assert living.notes() == 20
    assert len(list((living.var / "aside").glob("*/.openclaw/state/openclaw.sqlite-*"))) == 2


@one_engine
@pytest.mark.parametrize("paths", [("workspace/notes/3.md", "workspace"), ("workspace", "workspace/notes/3.md")])
def test_paths_of_which_one_holds_the_other(living, paths):
    living.write("workspace/notes/3.md", "spoilt")
    living.write("workspace/notes/4.md", "spoilt")
    living.state("restore", "--paths", *paths)
    for number in (3, 4):
        assert living.path(f"workspace/notes/{number}.md").read_text() == f"note {number}\n" * 20


def test_one_name_of_a_file_that_has_two(living):
    living.write("workspace/a.md", "a")
    os.link(living.path("workspace/a.md"), living.path("workspace/z.md"))
    living.backup()
    living.path("workspace/z.md").unlink()
    living.write("workspace/z.md", "spoilt")
    living.state("restore", "--paths", "workspace/z.md")
    assert living.path("workspace/z.md").read_text() == "a"
    assert living.path("workspace/a.md").read_text() == "a"


def test_what_was_restored_by_name_is_what_a_replacement_has(living):
    first = living.record("backup")["snapshot"]
    living.write("workspace/notes/3.md", "spoilt")
    living.backup()
    living.state("restore", first)
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "note 3\n" * 20


@one_engine
def test_what_was_asked_for_at_boot_lasts_though_openclaw_was_never_ready(living):
    first = living.record("backup")["snapshot"]
    living.write("workspace/notes/3.md", "spoilt")
    living.backup()
    living.deployment.put("restore.json", json.dumps({"snapshot": first}).encode())
    machine = living.replaced()
    machine.served.unlink()
    machine.boot()
    machine.backup("--final")
    replacement = machine.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "note 3\n" * 20


@one_engine
def test_what_was_adopted_lasts_though_openclaw_was_never_ready(living, archive):
    living.served.unlink()
    living.state("adopt", archive)
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/ann.md").read_text() == "ann's"
