"""Logs beside databases in a snapshot: ours are made one with their database, anybody else's come back as they were."""

import contextlib
import sqlite3

import pytest

HEADER = b"SQLite format 3\x00"
DOWNLOAD = "workspace/cut-off.db"


def restored(machine):
    replacement = machine.replaced()
    replacement.boot()
    return replacement


@pytest.mark.parametrize("beside", [b"", b"my own words"], ids=["an empty one", "a person's own"])
def test_a_cut_off_download_with_a_log_beside_it_costs_no_snapshot(living, beside):
    """It has SQLite's header, and SQLite cannot read it."""
    living.write(DOWNLOAD, HEADER + b"x" * 3000)
    living.write(f"{DOWNLOAD}-wal", beside)
    living.write("workspace/notes/3.md", "newest")
    living.backup()
    replacement = restored(living)
    assert '"result": "damaged"' not in replacement.log
    assert replacement.path("workspace/notes/3.md").read_text() == "newest"
    assert replacement.path(DOWNLOAD).read_bytes() == HEADER + b"x" * 3000
    assert replacement.path(f"{DOWNLOAD}-wal").read_bytes() == beside
    replacement.state("drill")


@pytest.fixture
def saved(make_deployment):
    """A machine whose newest snapshot has logs, and the databases that have them."""
    machine = make_deployment(backup="snapshots").launch()
    machine.boot()
    machine.a_life()
    names = [".openclaw/state/openclaw.sqlite", "workspace/a 'name'\u00e9.db", "workspace/two.db"]
    for name in names:
        machine.database(name, rows=2000)
    machine.backup()
    for name in names:
        with contextlib.closing(sqlite3.connect(machine.path(name))) as database:
            database.execute("UPDATE note SET text = 'newest' WHERE id IN (1, 401, 801, 1201, 1601)")
            database.commit()
    machine.backup()
    return machine, names


def newest_rows(machine, name):
    with contextlib.closing(sqlite3.connect(machine.path(name))) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return database.execute("SELECT count(*) FROM note WHERE text = 'newest'").fetchone()[0]


def test_each_database_comes_back_as_it_was(saved):
    machine, names = saved
    replacement = restored(machine)
    assert [newest_rows(replacement, name) for name in names] == [5, 5, 5]
    assert not list(replacement.data.rglob("*-wal"))
    assert not list(replacement.data.glob("page-logs*"))


@pytest.mark.parametrize("asked", [1, 2])
def test_a_part_is_restored_without_the_others_logs(saved, asked):
    machine, names = saved
    for name in names:
        with contextlib.closing(sqlite3.connect(machine.path(name))) as database:
            database.execute("UPDATE note SET text = 'later'")
            database.commit()
    machine.state("restore", "latest", "--paths", names[asked])
    assert [newest_rows(machine, name) for name in names] == [5 if name == names[asked] else 0 for name in names]


def test_a_snapshot_without_a_list_is_read_by_the_logs_headers(saved):
    """As machines made them before there was one."""
    machine, names = saved
    machine.write(DOWNLOAD, HEADER + b"x" * 3000)
    machine.write(f"{DOWNLOAD}-wal", "my own words")
    without = 'real=$0; [ "$1" != backup ] || set -- "${@:1:$#-1}"; exec "$real" "$@"'
    stub = machine.stub("restic", f'exec bash -c \'{without}\' "$real" "$@"')
    machine.backup()
    stub.unlink()
    replacement = restored(machine)
    assert [newest_rows(replacement, name) for name in names] == [5, 5, 5]
    assert replacement.path(f"{DOWNLOAD}-wal").read_text() == "my own words"
    assert not list(replacement.data.rglob("*.db-wal"))[1:]
