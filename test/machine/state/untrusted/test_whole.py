"""A whole life with odd things in the mounts: everything else is in the backup, and comes back."""

import json
import os
import subprocess

import pytest
from machine.forkserver import PYTHON
from machine.state.support.container import Container

# What does not touch an engine is shown with one.
one_engine = pytest.mark.parametrize("deployment", ["snapshots"], indirect=True)
DEEP = "workspace/" + "d/" * 400 + "bottom.md"
ODD = """
os.chdir("workspace")
os.mkfifo("pipe\\n\\x1b[31m")
socket.socket(socket.AF_UNIX).bind("socket")
os.symlink("/etc/shadow", "shadow")
os.symlink("/etc/shadow", "notes.db-journal")
open("closed.md", "w").write("closed")
os.chmod("closed.md", 0)
open("header.db", "wb").write(b"SQLite format 3\\0" + bytes(3000))
for _ in range(400):
    os.mkdir("d")
    os.chdir("d")
open("bottom.md", "w").write("deep")
"""
RAISE = """
import builtins, importlib, sys
module, _, name = sys.argv[1].partition(":")
owner = importlib.import_module(module)
*path, last = name.split(".")
for part in path:
    owner = getattr(owner, part)
def fail(*_, **__):
    raise getattr(builtins, sys.argv[2])("on purpose")
setattr(owner, last, fail)
from openclaw.state.cli import main
sys.exit(main(sys.argv[3:]))
"""
FAULTS = ["RecursionError", "MemoryError", "KeyError"]


def fails(machine, where, fault, *arguments):
    command = [PYTHON, "-c", RAISE, where, fault, *arguments]
    done = subprocess.run(command, env=machine.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    machine.log = done.stderr


def test_everything_else_comes_back(living):
    living.database("workspace/notes.db")
    Container(living.data).run(ODD)
    living.write("workspace/notes/3.md", "written last")
    living.backup()
    record = living.record("backup")
    assert record["left_out"] == 2
    assert {one["path"]: one["reason"] for one in record["left_out_first"]} == {
        "workspace/pipe\n\x1b[31m": "neither a file, a directory nor a link",
        "workspace/closed.md": "Permission denied",
    }
    assert all(line.isprintable() for line in living.log.splitlines())
    assert living.deployment.metric("BackupFilesLeftOut") == {2.0}
    assert living.deployment.metric("BackupDatabaseUnreadable") == set()
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path(DEEP).read_text() == "deep"
    assert replacement.path("workspace/notes/3.md").read_text() == "written last"
    assert replacement.path("workspace/header.db").stat().st_size == 3016
    assert replacement.notes() == 20
    replacement.path("workspace/notes.db-journal").unlink()
    assert replacement.notes("workspace/notes.db") == 20
    assert os.readlink(replacement.path("workspace/shadow")) == "/etc/shadow"
    assert not os.path.lexists(replacement.path("workspace/closed.md"))
    replacement.state("drill")


@one_engine
@pytest.mark.parametrize("fault", FAULTS)
def test_no_exception_passes_as_silence(living, fault):
    deployment = living.deployment
    fails(living, "openclaw.state.staging.staging:Staging._refresh", fault, "backup")
    assert living.record("backup")["result"] == "failure"
    assert 0.0 in deployment.metric("BackupSuccess")
    fails(living, "openclaw.state.openclaw_data.verify:verify", fault, "drill")
    assert living.record("drill")["result"] == "failure"
    assert 0.0 in deployment.metric("DrillSuccess")
    fails(living, "openclaw.state.openclaw_data.verify:verify", fault, "restore")
    assert living.record("restore")["result"] == "failure"
    assert deployment.metric("RestoreSuccess") == {0.0, 1.0}


@one_engine
@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_damage_of_the_snapshot_brings_no_older_state_back(living, fault):
    living.write("workspace/notes/3.md", "newest")
    living.backup()
    replacement = living.replaced()
    fails(replacement, "openclaw.state.openclaw_data.verify:verify", fault, "boot", "--patience", "0")
    assert 0.0 in living.deployment.metric("RestoreSuccess")
    assert not replacement.path("workspace/notes/3.md").exists()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "newest"


@one_engine
def test_a_database_of_openclaws_own_that_cannot_be_copied_is_an_alarm(living):
    other = ".openclaw/agents/main/other.sqlite"
    living.database(other)
    living.backup()
    living.database(other, rows=1)
    Container(living.data).run("os.mkfifo(sys.argv[1])", f"{other}-journal")
    living.write("workspace/notes/3.md", "after")
    living.backup()
    assert living.record("backup")["unreadable"] == [other]
    assert living.deployment.metric("BackupDatabaseUnreadable") == {1.0}
    assert living.deployment.metric("BackupSuccess") == {1.0}
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "after"
    assert replacement.notes(other) == 20
    assert json.loads(replacement.state("status"))["restored"]["databases"] == 2
