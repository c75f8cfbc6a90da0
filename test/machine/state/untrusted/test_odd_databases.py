"""A database is whatever others have made of it: SQLite reads it apart from us, for so long, and at its own cost."""

import contextlib
import errno
import os
import shutil
import signal
import sqlite3 as sql

import pytest
from openclaw.state.databases import sqlite
from openclaw.state.databases.sqlite import Databases, Unreadable
from openclaw.state.openclaw_data import leases, verify
from openclaw.state.staging.mounts import Mounts
from openclaw.system import unprivileged
from openclaw.system.errors import Damaged

OWN, OTHER = ".openclaw/state/openclaw.sqlite", ".openclaw/agents/main/other.sqlite"
# Its owner keeps it to itself, and writes to it all the time.
BUSY = """
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA locking_mode=EXCLUSIVE")
database.execute("CREATE TABLE IF NOT EXISTS busy(text)")
print("done", flush=True)
while True:
    database.execute("INSERT INTO busy VALUES (hex(randomblob(3000)))")
"""
TRIGGER = "CREATE TRIGGER t AFTER DELETE ON state_leases BEGIN DELETE FROM note; END"
VIEW = "DROP TABLE state_leases; CREATE VIEW state_leases AS SELECT 1"


def newer_format(path):
    """The number of its schema's format is one that no SQLite writes today."""
    with contextlib.closing(sql.connect(path)) as database:
        database.execute("PRAGMA journal_mode=DELETE")
    with path.open("r+b") as stream:
        stream.seek(44)
        stream.write((5).to_bytes(4, "big"))


def execute(path, script):
    with contextlib.closing(sql.connect(path)) as database:
        database.executescript(script)


def test_one_of_a_newer_sqlite_is_kept_as_a_file(host, rest):
    path = host.database("workspace/new.sqlite")
    newer_format(path)
    staged, names = host.stage()
    assert names == rest | {"workspace/new.sqlite"}
    assert (staged.unstable, staged.left_out.count) == ([], 0)
    assert (host.staged / "workspace/new.sqlite").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("length", [251, 252, 255])
def test_one_whose_name_leaves_no_room_for_that_of_a_log(host, rest, length):
    name = "workspace/" + "n" * length
    path = host.database("workspace/short")
    execute(path, "PRAGMA journal_mode=DELETE; PRAGMA journal_mode=WAL")
    path.rename(host.path(name))
    for _ in range(2):
        staged, names = host.stage()
        assert names == rest | {name}
        assert (staged.left_out.count, staged.unreadable, staged.broken) == (0, [], [])
        assert host.restored(name).read_bytes() == host.path(name).read_bytes()


@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
def test_one_that_cannot_be_looked_at_twice_costs_itself(host, rest, monkeypatch, known):
    host.database("workspace/notes.db")
    if known:
        host.stage()

    @contextlib.contextmanager
    def look(self, path):
        if path == "workspace/notes.db":
            raise PermissionError(errno.EACCES, "Permission denied")
        with real(self, path) as opened:
            yield opened

    real = Mounts.look
    monkeypatch.setattr(Mounts, "look", look)
    staged, names = host.stage()
    assert names == rest | ({"workspace/notes.db"} if known else set())
    assert known or staged.left_out.first == [("workspace/notes.db", "Permission denied")]


def test_a_disk_that_is_full_for_a_known_one_keeps_its_older_copy_and_says_so(host, rest, monkeypatch):
    host.database(OWN)
    host.stage()
    host.database(OWN, rows=7)

    def copy(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Databases, "copy", copy)
    staged, names = host.stage()
    assert staged.unreadable == [OWN] and OWN in names


def test_one_that_is_only_a_header(host, container, rest):
    container.run("open('workspace/cut.db', 'wb').write(b'SQLite format 3\\0' + bytes(5000))")
    container.run("open('workspace/cut.db-wal', 'wb').write(b'no log')")
    _, names = host.stage()
    assert rest | {"workspace/cut.db", "workspace/cut.db-wal"} <= names


@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
def test_one_that_is_locked_and_written_all_the_time(host, container, rest, known):
    """Below the agents' directory: what the backup lacks is one of OpenClaw's own, which an alarm tells."""
    host.database(OTHER)
    if known:
        host.stage()
    with container.running(BUSY, OTHER):
        staged, names = host.stage()
    assert names == rest | ({OTHER} if known else set())
    assert (staged.unreadable, staged.unstable, staged.broken) == ([OTHER], [OTHER], [])
    assert dict(staged.left_out.first).keys() == (set() if known else {OTHER})


def test_without_any_copy_of_what_openclaw_starts_from_it_is_no_backup(host, container, rest):
    with container.running(BUSY, OWN):
        staged, names = host.stage()
    assert names == rest - {OWN}
    assert staged.broken == [OWN]


@pytest.mark.parametrize("beside", ["-journal", "-wal", "-shm"])
def test_one_with_a_pipe_where_sqlite_looks_for_a_file(host, container, rest, beside):
    path = host.database("workspace/notes.db")
    container.run("os.mkfifo(sys.argv[1])", f"workspace/notes.db{beside}")
    _, names = host.stage()
    assert names == rest | {"workspace/notes.db"}
    assert (host.staged / "workspace/notes.db").read_bytes() == path.read_bytes()


@pytest.fixture
def no_answer(monkeypatch):
    """SQLite does not end with databases of this size: its process stands still."""
    ask, deadline, short = unprivileged.Process.ask, sqlite._deadline, 0.123

    def standing_still(process, request, seconds, descriptors=()):
        if seconds == short:
            if process._socket is None:
                process._start()
            os.kill(process._process.pid, signal.SIGSTOP)
        return ask(process, request, seconds, descriptors)

    def of(path):
        slow = path.stat().st_size
        monkeypatch.setattr(unprivileged.Process, "ask", standing_still)
        monkeypatch.setattr(sqlite, "_deadline", lambda size: short if size == slow else deadline(size))

    return of


def test_one_on_which_sqlite_does_not_end(host, rest, no_answer):
    path = host.database("workspace/slow.db", rows=999)
    no_answer(path)
    _, names = host.stage()
    assert names == rest | {"workspace/slow.db"}
    assert (host.staged / "workspace/slow.db").read_bytes() == path.read_bytes()


def test_in_a_restored_tree_it_is_no_damage_unless_it_is_openclaws_own(host, tmp_path, no_answer):
    tree = shutil.copytree(host.data, tmp_path / "tree", symlinks=True)
    host.database("workspace/slow.db", rows=999).rename(tree / "workspace/slow.db")
    host.database(OWN)
    shutil.copytree(host.data, tree, symlinks=True, dirs_exist_ok=True)
    no_answer(tree / "workspace/slow.db")
    with Databases(host.var) as databases:
        assert verify.verify(tree, databases) == 2
    no_answer(tree / OWN)
    with Databases(host.var) as databases, pytest.raises(Damaged, match="no answer"):
        verify.verify(tree, databases)


@pytest.mark.parametrize("script, what", [(TRIGGER, "trigger"), (VIEW, "view")])
def test_what_hangs_on_the_leases_is_seen_at_the_backup(host, rest, script, what, capfd):
    execute(host.path(OWN), script)
    staged, _ = host.stage()
    assert staged.broken == [OWN]
    assert what in capfd.readouterr().err


@pytest.mark.parametrize("script, what", [(TRIGGER, "trigger"), (VIEW, "view")])
def test_what_hangs_on_the_leases_does_not_run_at_a_restore(host, script, what):
    path = host.database(OWN, rows=7)
    execute(path, script)
    with Databases(host.var) as databases, pytest.raises(Damaged, match=what):
        verify.clear_leases(host.data, databases)
    assert host.notes(OWN) == 7


def test_only_tables_with_the_expected_columns_are_changed(host):
    path = host.database(OWN)
    execute(path, "CREATE TABLE cron_jobs(other); INSERT INTO cron_jobs VALUES ('/old/x')")
    with Databases(host.var) as databases:
        assert leases.rename_stores(databases, path, "/old", "/new") == 0
        assert leases.clear_leases(databases, path) == 1


def test_owner_mode_and_time_are_as_before(host):
    path = host.database(OWN)
    path.chmod(0o640)
    os.chown(path, 0, 1001)
    os.utime(path, ns=(1, 2))
    with Databases(host.var) as databases:
        leases.clear_leases(databases, path)
    status = path.stat()
    assert (oct(status.st_mode)[-3:], status.st_uid, status.st_gid, status.st_mtime_ns) == ("640", 0, 1001, 2)
    assert status.st_nlink == 1 and not host.var.joinpath("databases").exists()


@pytest.mark.parametrize("what", ["database", "directory"])
def test_another_one_in_its_place_when_it_is_copied(host, container, monkeypatch, tmp_path, what):
    """A link to where there is another database, which everybody may read: it is not the one that was found."""
    host.database("workspace/project/notes.sqlite")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    host.database("workspace/notes.sqlite", rows=3).rename(elsewhere / "notes.sqlite")
    real = Databases.copy

    def copy(self, source, *arguments):
        if source.endswith("project/notes.sqlite") and not os.path.exists(host.path("workspace/away")):
            exchanged = "workspace/project" if what == "directory" else "workspace/project/notes.sqlite"
            target = elsewhere if what == "directory" else elsewhere / "notes.sqlite"
            exchange = "os.rename(sys.argv[1], 'workspace/away'); os.symlink(sys.argv[2], sys.argv[1])"
            container.run(exchange, exchanged, str(target))
        return real(self, source, *arguments)

    monkeypatch.setattr(Databases, "copy", copy)
    _, names = host.stage()
    assert "workspace/project/notes.sqlite" not in names
    assert "workspace/away" in {name.removesuffix("/notes.sqlite") for name in names}


def test_what_sqlite_did_not_make_is_not_taken_over(host, tmp_path):
    other = tmp_path / "shadow"
    other.write_text("root's own")
    with Databases(host.var) as databases:
        (databases.home / "copy").symlink_to(other)
        with pytest.raises((OSError, Exception)):
            databases._take(databases.home / "copy", host.var / "taken")
        os.link(other, databases.home / "copy")
        with pytest.raises(Exception, match="not a file of its own"):
            databases._take(databases.home / "copy", host.var / "taken")
    assert other.read_text() == "root's own"


def test_a_full_disk_is_no_fault_of_the_database(host):
    with Databases(host.var) as databases:
        answers = iter([b'{"error": "database or disk is full", "passing": true, "full": true}', b'{"error": "x"}'])
        databases._process.ask = lambda *_: (next(answers), [])
        with pytest.raises(OSError, match="full"):
            databases._ask(1)
        with pytest.raises(Unreadable):
            databases._ask(1)
