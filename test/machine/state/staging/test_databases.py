"""Databases that cannot simply be read: in use by others, left in mid-transaction, or no good any more."""

import contextlib
import os
import sqlite3
import subprocess
import sys

import pytest

# What does not touch an engine is shown with one.
one_engine = pytest.mark.parametrize("deployment", ["snapshots"], indirect=True)
OWN = ".openclaw/state/openclaw.sqlite"
LOCK = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    database.execute(statement)
print("done", flush=True)
time.sleep(600)
"""


@contextlib.contextmanager
def another_process(path, *statements):
    """That has done this to a database, and neither ends nor closes it."""
    command = [sys.executable, "-c", LOCK, str(path), *statements]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"done\n"
            yield
        finally:
            process.kill()


def plain(machine, path, rows=20):
    """A database without a write-ahead log, as most programs have."""
    made = machine.database(path, rows=rows)
    with contextlib.closing(sqlite3.connect(made)) as database:
        database.execute("PRAGMA journal_mode=DELETE")
    return made


@one_engine
@pytest.mark.parametrize("path", ["workspace/Cookies", OWN])
def test_one_that_another_process_has_locked_is_in_the_final_backup(living, path):
    made = plain(living, path)
    rows = living.notes(path)
    living.write("workspace/notes/3.md", "the last words")
    with another_process(made, "BEGIN EXCLUSIVE"):
        living.backup("--final")
    replacement = living.replaced()
    replacement.boot()
    assert replacement.notes(path) == rows
    assert replacement.path("workspace/notes/3.md").read_text() == "the last words"


@one_engine
def test_one_whose_log_another_process_keeps_to_itself_is_in_the_final_backup(living):
    made = living.database("workspace/Cookies")
    insert = "INSERT INTO note(text) VALUES ('only in the log')"
    with another_process(made, "PRAGMA locking_mode=EXCLUSIVE", insert):
        living.backup("--final")
    replacement = living.replaced()
    replacement.boot()
    assert replacement.notes("workspace/Cookies") == 21


@one_engine
@pytest.mark.parametrize("path", ["workspace/shop.db", OWN])
def test_one_that_a_killed_writer_left_in_mid_transaction_is_rolled_back_in_the_final_backup(living, path):
    made = plain(living, path, rows=3000)
    rows = living.notes(path)
    # More than fits into its cache: half of it is in the database already.
    with another_process(made, "PRAGMA cache_size=10", "BEGIN", "UPDATE note SET text = 'q' || text"):
        pass
    journal = made.with_name(f"{made.name}-journal")
    assert journal.stat().st_size
    living.write("workspace/notes/3.md", "the last words")
    living.backup("--final")
    assert journal.exists(), "the source is only read"
    replacement = living.replaced()
    replacement.boot()
    assert replacement.notes(path) == rows
    with contextlib.closing(sqlite3.connect(replacement.path(path))) as database:
        assert database.execute("SELECT count(*) FROM note WHERE text LIKE 'q%'").fetchone() == (0,)
    assert replacement.path("workspace/notes/3.md").read_text() == "the last words"


@one_engine
def test_one_whose_path_is_too_long_for_sqlite_is_in_the_final_backup(living):
    path = "workspace/" + "/".join(["d" * 200] * 3) + "/notes.sqlite"
    assert len(str(living.path(path))) > 512
    short = living.database("workspace/short.sqlite")
    living.path(path).parent.mkdir(parents=True)
    short.rename(living.path(path))
    living.backup("--final")
    replacement = living.replaced()
    replacement.boot()
    replacement.path(path).rename(replacement.path("workspace/short.sqlite"))
    assert replacement.notes("workspace/short.sqlite") == 20


def truncated(machine):
    body = plain(machine, "workspace/whole.sqlite", rows=400).read_bytes()
    return body[: len(body) // 2]


@one_engine
@pytest.mark.parametrize("sent", [truncated, lambda _: b"SQLite format 3\0" + b"cut off while it was sent" * 20])
def test_a_broken_one_that_somebody_sent_stops_neither_backup_nor_restore(living, sent):
    body = sent(living)
    living.write(".openclaw/media/inbound/sent.sqlite", body)
    living.write("workspace/notes/3.md", "after")
    living.backup()
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "after"
    assert replacement.path(".openclaw/media/inbound/sent.sqlite").stat().st_size > 0


def spoil_a_page(path):
    with path.open("r+b") as stream:
        stream.seek(4096 * 6)
        stream.write(b"\xee" * 4096)


def spoil_all(path):
    path.write_bytes(b"SQLite format 3\0" + b"\xee" * 40_000)


SPOILT = [("snapshots", spoil_a_page), ("mirror", spoil_all)]


@pytest.mark.parametrize("deployment, spoil", SPOILT, indirect=["deployment"])
def test_an_own_one_that_broke_is_set_aside_and_never_a_backup(living, spoil):
    path = living.database(rows=200)
    living.backup()
    spoil(path)
    living.write("workspace/notes/3.md", "written after it broke")
    living.backup("--final", expect=79)
    assert f"no machine could start from {OWN}" in living.log
    assert 0.0 in living.deployment.metric("BackupSuccess")
    assert sum("set aside" in line for line in living.state("snapshots").splitlines()) == 1
    replacement = living.replaced()
    replacement.boot()
    assert '"result": "damaged"' not in replacement.log
    assert replacement.notes() == 220
    assert replacement.path("workspace/notes/3.md").read_text() == "note 3\n" * 20
    # Kept all the same, for who can mend it.
    aside = next(line for line in replacement.state("snapshots").splitlines() if "set aside" in line).split()[0]
    replacement.state("restore", aside, "--paths", "workspace/notes/3.md")
    assert replacement.path("workspace/notes/3.md").read_text() == "written after it broke"


@one_engine
def test_a_name_that_is_no_utf8_is_no_obstacle(living):
    made = living.database("workspace/short.sqlite")
    path = living.path("workspace") / os.fsdecode(b"caf\xe9.sqlite")
    made.rename(path)
    living.backup()
    assert living.record("backup")["databases"] == 2
