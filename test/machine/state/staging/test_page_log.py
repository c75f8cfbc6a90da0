"""A database that changed little is staged as it was, with a log of the pages that changed: of the two, SQLite and a
restore make the database of that moment, and nothing else.
"""

import contextlib
import errno
import json
import os
import random
import shutil
import sqlite3
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from machine.state.support.machine import NODE
from openclaw.state.databases import page_log, worker
from openclaw.state.databases.sqlite import Databases
from openclaw.state.staging import staging
from openclaw.state.staging.staging import Staging
from openclaw.system import unprivileged
from openclaw.system.errors import Damaged, StateError

OWN = ".openclaw/state/openclaw.sqlite"
ROWS = 2000


def change(path, seed=0, rows=5):
    """Rows all over it."""
    rng = random.Random(seed)  # noqa: S311
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        for row in rng.sample(range(1, ROWS), rows):
            database.execute("UPDATE note SET text = ? WHERE id = ?", (rng.randbytes(99).hex(), row))


def contents(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return database.execute("SELECT id, text FROM note ORDER BY id").fetchall()


def fold(tree):
    with Databases(tree.parent / "var") as databases:
        page_log.fold(tree, databases)


class Pair:
    """A live database, and what has been made of it."""

    def __init__(self, directory: Path, page_size: int):
        self.live, self.base, self.now = (directory / name for name in ("live", "base", "now"))
        self.database = sqlite3.connect(self.live)
        self.database.executescript(
            f"PRAGMA page_size={page_size}; PRAGMA journal_mode=WAL; CREATE TABLE note(id INTEGER PRIMARY KEY, text);"
        )
        text = "n" * (page_size // 4)
        self.database.executemany("INSERT INTO note(text) VALUES (?)", [(text,)] * ROWS)
        self.database.commit()
        self.copy(self.base)

    def copy(self, to: Path) -> None:
        to.unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(to)) as target:
            self.database.backup(target)

    def append(self) -> bool:
        self.copy(self.now)
        return page_log.append(self.base, self.now)

    def pulled(self, name: str = OWN, said: bool = True) -> Path:
        """A tree as a restore brings it, with both files below this name, and the word that the log is ours."""
        tree = self.base.parent / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        (tree / name).parent.mkdir(parents=True)
        shutil.copy2(self.base, tree / name)
        shutil.copy2(page_log.log_of(self.base), page_log.log_of(tree / name))
        if said:
            page_log.write_list(tree, [name])
        return tree

    def folded(self, name: str = OWN, said: bool = True) -> bytes:
        tree = self.pulled(name, said)
        fold(tree)
        assert os.listdir((tree / name).parent) == [(tree / name).name]
        assert len(os.listdir(tree)) == 1
        return (tree / name).read_bytes()


@pytest.fixture(params=[4096])
def pair(request, tmp_path):
    pair = Pair(tmp_path, request.param)
    yield pair
    pair.database.close()


@pytest.mark.parametrize("pair", [512, 1024, 4096, 32768, 65536], indirect=True)
def test_the_pair_is_the_database_of_that_moment_byte_for_byte(pair, monkeypatch):
    monkeypatch.setattr(page_log, "MOST_PART", 100)
    monkeypatch.setattr(page_log, "MOST_AT_ONCE", 100)
    base = pair.base.read_bytes()
    for step in (
        "UPDATE note SET text = 'changed' WHERE id IN (3, 900, 1700)",
        "UPDATE note SET text = 'again' WHERE id = 900",
        "INSERT INTO note(text) SELECT text FROM note LIMIT 20",
        "CREATE TABLE other(x)",
        "DELETE FROM note WHERE id > 1900",
        "VACUUM",
    ):
        pair.database.execute(step)
        pair.database.commit()
        assert pair.append(), step
        assert pair.folded() == pair.now.read_bytes(), step
    assert pair.base.read_bytes() == base


def test_what_was_in_the_log_stays_as_it_was(pair):
    """So a store of blocks has it already."""
    log = page_log.log_of(pair.base)
    change(pair.live)
    assert pair.append()
    before = log.read_bytes()
    change(pair.live, seed=1)
    assert pair.append()
    assert log.read_bytes().startswith(before)
    assert len(log.read_bytes()) > len(before)


def test_where_nothing_changed_there_is_no_log(pair):
    assert pair.append()
    assert not page_log.log_of(pair.base).exists()


@pytest.fixture
def logged_pair(pair):
    change(pair.live)
    assert pair.append()
    return pair


def refuses(pair, step):
    log = page_log.log_of(pair.base)
    before = log.read_bytes()
    pair.database.executescript(step)
    return not pair.append() and log.read_bytes() == before


def test_much_that_changed_at_once_is_left_to_be_stored_anew(logged_pair, monkeypatch):
    monkeypatch.setattr(page_log, "MOST_PART", 100)
    assert refuses(logged_pair, "UPDATE note SET text = 'all of them'")


def test_a_log_ends_where_it_has_grown_to_half_of_its_database(logged_pair):
    appended = [(change(logged_pair.live, seed, rows=50), logged_pair.append())[1] for seed in range(20)]
    assert appended[0]
    assert not appended[-1]
    log = page_log.log_of(logged_pair.base)
    assert 0.4 < log.stat().st_size / logged_pair.base.stat().st_size < 0.55


@pytest.mark.parametrize("mode, page_size", [("DELETE", 4096), ("WAL", 1024)])
def test_what_no_log_can_say_is_left_to_be_stored_anew(logged_pair, monkeypatch, mode, page_size):
    monkeypatch.setattr(page_log, "MOST_PART", 100)
    monkeypatch.setattr(page_log, "MOST_AT_ONCE", 100)
    settings = f"PRAGMA page_size={page_size}; VACUUM; PRAGMA journal_mode={mode}"
    assert refuses(logged_pair, f"PRAGMA journal_mode=DELETE; {settings}")


@pytest.mark.parametrize("harm", ["a byte", "its end"])
def test_a_log_that_sqlite_does_not_read_whole_is_damage(logged_pair, harm):
    """SQLite itself stops there without a word, at an older state."""
    log = page_log.log_of(logged_pair.base)
    content = bytearray(log.read_bytes())
    if harm == "a byte":
        content[-100] ^= 1
    else:
        del content[-100:]
    log.write_bytes(content)
    for said in (True, False):
        with pytest.raises(Damaged, match="of its log"):
            logged_pair.folded(said=said)


@pytest.fixture
def workspace(logged_pair):
    """A pulled tree with a pair that a backup wrote in the workspace."""
    return logged_pair.pulled("workspace/notes.db")


def both(tree, name="workspace/notes.db"):
    return (tree / name).read_bytes(), page_log.log_of(tree / name).read_bytes()


@pytest.mark.parametrize("said", [True, False], ids=["with a list", "saved before there was one"])
@pytest.mark.parametrize("thing", ["a flipped byte", "no database", "a newer format", "cut off"])
def test_a_broken_pair_elsewhere_stays_as_it_is_and_is_said(logged_pair, said, thing, capsys):
    tree = logged_pair.pulled("workspace/notes.db", said)
    database = tree / "workspace/notes.db"
    log = page_log.log_of(database)
    with open(log if thing in ("a flipped byte", "cut off") else database, "r+b") as stream:
        if thing == "cut off":
            stream.truncate(log.stat().st_size - 100)
        if thing == "a flipped byte":
            stream.seek(-100, os.SEEK_END)
            stream.write(b"~")
        if thing in ("no database", "a newer format"):
            stream.seek(16 if thing == "no database" else 18)
            stream.write(b"x" * 4000 if thing == "no database" else b"\x02\x09")
    before = both(tree)
    fold(tree)
    assert both(tree) == before
    assert "workspace/notes.db" in capsys.readouterr().err
    assert os.listdir(tree) == ["workspace"]


HEADER = b"SQLite format 3\x00"


def test_a_log_that_is_somebody_elses_stays_the_file_it_was(tmp_path):
    """A cut-off download, and what a program left beside it."""
    for said in (True, False):
        tree = tmp_path / str(said)
        (tree / "workspace").mkdir(parents=True)
        (tree / "workspace/notes.db").write_bytes(HEADER + b"x" * 3000)
        page_log.log_of(tree / "workspace/notes.db").write_bytes(b"my own words")
        if said:
            page_log.write_list(tree, ["workspace/notes.db"])
        before = both(tree)
        fold(tree)
        assert both(tree) == before


def test_sqlites_own_log_is_not_taken_for_one_of_ours(pair, tmp_path):
    """As somebody's copy of a database in use has it."""
    tree = tmp_path / "tree"
    (tree / "workspace").mkdir(parents=True)
    change(pair.live)
    for suffix in ("", "-wal"):
        shutil.copy2(f"{pair.live}{suffix}", tree / f"workspace/notes.db{suffix}")
    before = both(tree)
    fold(tree)
    assert both(tree) == before


def test_a_log_is_never_appended_to_what_somebody_has_put_there(pair):
    log = page_log.log_of(pair.base)
    change(pair.live)
    for content in (b"my own words", HEADER + b"x" * 3000, b""):
        log.write_bytes(content)
        assert not pair.append()
        assert log.read_bytes() == content


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.OperationalError("database or disk is full"),
        sqlite3.OperationalError("disk I/O error"),
        sqlite3.OperationalError("database is locked"),
        sqlite3.OperationalError("unable to open database file"),
        MemoryError(),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EBUSY, "Device or resource busy"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("name", [OWN, "workspace/notes.db"])
def test_a_fault_of_this_machine_is_no_damage(logged_pair, in_this_process, error, name):
    def fail(*_):
        raise error

    in_this_process.setattr(worker, "opened", fail)
    with pytest.raises(StateError, match="cannot be read now") as raised:
        logged_pair.folded(name)
    assert not isinstance(raised.value, Damaged)


@pytest.fixture
def in_this_process(monkeypatch):
    """What the process without rights would do."""

    def ask(_, request, *__):
        return json.dumps(worker.answer(request)).encode(), []

    monkeypatch.setattr(unprivileged.Process, "ask", ask)
    return monkeypatch


@pytest.mark.parametrize("answer", [(1, -1, -1), (1, 5, 5), (0, 5, 3)])
def test_a_log_that_sqlite_cannot_move_just_now_is_no_damage(logged_pair, in_this_process, answer):
    @contextlib.contextmanager
    def opened(*_):
        yield SimpleNamespace(execute=lambda _: SimpleNamespace(fetchone=lambda: answer))

    in_this_process.setattr(worker, "opened", opened)
    with pytest.raises(StateError, match="is locked") as raised:
        logged_pair.folded()
    assert not isinstance(raised.value, Damaged)


@pytest.mark.parametrize("name", [OWN, "workspace/notes.db"])
def test_a_full_disk_is_no_damage(pair, small_disk, name, monkeypatch):
    """The log is there; what the database grows by has no room any more."""
    monkeypatch.setattr(page_log, "MOST_PART", 100)
    monkeypatch.setattr(page_log, "MOST_AT_ONCE", 100)
    pair.database.execute("INSERT INTO note(text) SELECT text FROM note")
    pair.database.commit()
    assert pair.append()
    tree = shutil.copytree(pair.pulled(name), small_disk / "tree")
    free = shutil.disk_usage(small_disk).free
    (small_disk / "others").write_bytes(bytes(free - 64 * 1024))
    with pytest.raises(StateError, match="cannot be read now") as raised:
        fold(tree)
    assert not isinstance(raised.value, Damaged)


@pytest.mark.parametrize("name", [OWN, "workspace/notes.db"])
def test_sqlite_reads_a_log_as_a_process_without_rights(logged_pair, monkeypatch, name):
    """Root's own SQLite never sees what came from the bucket."""

    def as_root(*_, **__):
        raise AssertionError("SQLite was opened by root")

    now = logged_pair.now.read_bytes()
    monkeypatch.setattr(sqlite3, "connect", as_root)
    assert logged_pair.folded(name) == now


def test_owner_mode_and_time_are_those_of_the_pair(logged_pair):
    tree = logged_pair.pulled()
    for path in (tree / OWN, page_log.log_of(tree / OWN)):
        path.chmod(0o640)
        os.chown(path, NODE, 1002)
        os.utime(path, ns=(1, 2))
    fold(tree)
    status = (tree / OWN).stat()
    assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (0o640, NODE, 1002)
    assert (status.st_mtime_ns, status.st_nlink) == (2, 1)


def test_a_log_that_was_listed_and_is_not_there_is_damage(logged_pair):
    tree = logged_pair.pulled()
    page_log.log_of(tree / OWN).unlink()
    with pytest.raises(Damaged, match="not both here"):
        fold(tree)


def test_a_log_cut_between_two_transactions_is_damage(logged_pair):
    tree = logged_pair.pulled()
    change(logged_pair.live, seed=1)
    assert logged_pair.append()
    shutil.copy2(page_log.log_of(logged_pair.base), page_log.log_of(tree / OWN))
    with pytest.raises(Damaged, match="when it was saved"):
        fold(tree)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"workspace/x": "y"}', '{"../x": 1}', '{"/etc/x": 1}', '{"workspace/x": true}']
)
def test_a_list_that_is_none_is_damage(tmp_path, text):
    (tmp_path / page_log.LIST).write_text(text)
    with pytest.raises(Damaged, match=page_log.LIST):
        fold(tmp_path)


def test_nothing_is_folded_through_a_link(logged_pair, tmp_path):
    tree = logged_pair.pulled("workspace/there/notes.db")
    outside = tmp_path / "outside"
    (tree / "workspace/there").rename(outside)
    (tree / "workspace/there").symlink_to(outside)
    before = both(outside, "notes.db")
    fold(tree)
    assert both(outside, "notes.db") == before


def stage_with_log(host, relative):
    """A database, and then its change; returns the live one."""
    path = host.database(relative, rows=ROWS)
    host.stage()
    change(path)
    host.stage()
    assert page_log.log_of(host.staged / relative).exists()
    return path


@pytest.fixture
def logged(host):
    stage_with_log(host, OWN)
    return host


def test_a_database_that_changed_little_stays_in_place_with_a_log_of_the_rest(host):
    path = host.database(rows=ROWS)
    host.stage()
    staged = host.staged / OWN
    before = staged.stat()
    for seed in range(3):
        change(path, seed)
        os.utime(path, (seed, seed))
        host.stage()
        assert (staged.stat().st_ino, staged.stat().st_ctime_ns) == (before.st_ino, before.st_ctime_ns)
        assert contents(host.restored(OWN)) == contents(path)
        assert page_log.log_of(staged).stat().st_mtime == path.stat().st_mtime


def test_a_database_that_changed_much_is_staged_anew_without_one(logged):
    change(logged.path(OWN), rows=ROWS - 1)
    logged.stage()
    assert not page_log.log_of(logged.staged / OWN).exists()
    assert contents(logged.restored(OWN)) == contents(logged.path(OWN))
    change(logged.path(OWN), seed=9)
    logged.stage()
    assert page_log.log_of(logged.staged / OWN).exists()
    assert contents(logged.restored(OWN)) == contents(logged.path(OWN))


def test_owner_and_mode_are_those_of_now(logged):
    path, staged = logged.path(OWN), logged.staged / OWN
    path.chmod(0o640)
    os.chown(path, -1, 1002)
    change(path, seed=2)
    logged.stage()
    for one in (staged, page_log.log_of(staged)):
        status = one.stat()
        assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (0o640, 1000, 1002)


def in_its_place(host, path):
    """What a person puts where a database was."""
    return {
        "a plain file": lambda: host.write(path, "plain"),
        "no database any more": lambda: host.write(path, b"SQLite format 3\x00" + b"x" * 5000),
        "a directory": lambda: host.write(f"{path}/file", "in it"),
        "a link": lambda: host.path(path).symlink_to("elsewhere"),
        "nothing": lambda: None,
        "another database": lambda: host.database(path, rows=3),
    }


@pytest.mark.parametrize("thing", in_its_place(None, ""))
def test_no_log_outlives_its_database(host, thing):
    """Beside anything else it would be an older one's pages in a newer file."""
    path = stage_with_log(host, "workspace/notes.db")
    log = page_log.log_of(host.staged / "workspace/notes.db")
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    in_its_place(host, "workspace/notes.db")[thing]()
    for _ in range(2):
        host.stage()
        assert not log.exists()


def test_a_link_in_the_way_of_sqlites_own_log_costs_no_copy_its_log(host, tmp_path, monkeypatch):
    """SQLite opens no such database: its last copy stays, all of it."""
    # It is looked at again, however slow this machine is.
    monkeypatch.setattr(staging, "RACY_NS", 3_600_000_000_000)
    path = stage_with_log(host, "workspace/notes.db")
    live_log = path.with_name("notes.db-wal")
    live_log.unlink(missing_ok=True)
    live_log.symlink_to(tmp_path / "others")
    staged, _ = host.stage()
    assert staged.unstable == ["workspace/notes.db"]
    live_log.unlink()
    assert contents(host.restored("workspace/notes.db")) == contents(path)


def test_an_engine_that_stores_whole_files_gets_no_logs_of_another(logged, monkeypatch):
    monkeypatch.setattr(staging, "RACY_NS", 0)
    logged.stage()
    with Staging(logged.settings, logs=False).refreshed():
        assert not page_log.log_of(logged.staged / OWN).exists()
        assert contents(logged.staged / OWN) == contents(logged.path(OWN))


def test_a_run_that_was_killed_between_the_log_and_the_index_is_not_built_upon(logged):
    change(logged.path(OWN), seed=3)
    logged.stage_killed_before("set_directory_times")
    change(logged.path(OWN), seed=4)
    logged.stage()
    assert contents(logged.restored(OWN)) == contents(logged.path(OWN))


@pytest.fixture
def saved(make_deployment):
    """A machine whose newest snapshot has a log, and what its database holds."""
    machine = make_deployment(backup="snapshots").launch()
    machine.boot()
    machine.a_life()
    path = machine.database(rows=ROWS)
    machine.backup()
    change(path)
    machine.backup()
    return machine, contents(path)


def test_rows_all_over_a_database_cost_a_small_part_of_it(saved):
    machine, _ = saved
    change(machine.path(OWN), seed=5)
    machine.backup()
    record = machine.record("backup")
    assert 0 < record["bytes_sent"] < machine.path(OWN).stat().st_size / 4
    assert record["files"] == 16
    assert machine.state("snapshots").count(" 16 ") == 3


def test_a_replacement_restores_it_with_its_time_and_no_log(saved):
    machine, notes = saved
    os.utime(machine.path(OWN), (1_700_000_000, 1_700_000_000))
    machine.write("workspace/another", "file")
    os.utime(machine.path(OWN).parent, (1_700_000_001, 1_700_000_001))
    machine.backup()
    replacement = machine.replaced()
    replacement.boot()
    assert contents(replacement.path(OWN)) == notes
    assert replacement.path(OWN).stat().st_mtime == 1_700_000_000
    assert os.listdir(replacement.path(OWN).parent) == ["openclaw.sqlite"]


def test_a_database_restored_by_name_comes_with_its_log(saved):
    machine, notes = saved
    change(machine.path(OWN), seed=6, rows=500)
    machine.state("restore", "latest", "--paths", OWN)
    assert contents(machine.path(OWN)) == notes


def test_restic_and_sqlite_alone_restore_it(saved, tmp_path, repository):
    machine, notes = saved
    environment = {
        **machine.environment,
        "RESTIC_REPOSITORY": f"s3:{machine.deployment.endpoint}/{machine.deployment.bucket}/snapshots",
        "RESTIC_PASSWORD": repository[1],
    }
    command = ["restic", "restore", "latest", "--target", tmp_path / "by-hand"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert contents(tmp_path / "by-hand" / OWN) == notes
