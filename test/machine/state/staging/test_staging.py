"""The staged copy: never torn, never of a live log, and nothing of it forgotten or left over."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from machine.forkserver import PYTHON
from machine.state.support.host import Host
from machine.state.support.machine import Writer
from openclaw.state.databases.sqlite import Databases
from openclaw.system import file_copy


def test_a_database_is_copied_whole_while_it_is_written(host):
    path = host.database(rows=2000)
    with Writer(path) as writer:
        for _ in range(15):
            before = writer.committed
            host.stage()
            with contextlib.closing(sqlite3.connect(host.restored(".openclaw/state/openclaw.sqlite"))) as copy:
                assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                assert copy.execute("SELECT count(*) FROM note").fetchone()[0] >= 2000 + before
    assert not list(host.staged.rglob("*-shm"))


def test_databases_are_found_by_content_not_by_name(host):
    host.database("workspace/data.bin")
    host.write("workspace/named.sqlite", "no database at all")
    host.write("workspace/cut.db", b"SQLite format 3\x00 and nothing sound after it")
    staged, names = host.stage()
    assert set(staged.databases) == {"workspace/data.bin"}
    assert {"workspace/named.sqlite", "workspace/cut.db"} <= names
    assert not any("data.bin-" in name for name in names)


@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
def test_what_a_database_names_is_staged_with_it(host, monkeypatch, known):
    """OpenClaw writes a file, then the row that names it: also when that is just before the database is copied."""
    for name in ("a", "z"):
        host.path(f"workspace/{name}").mkdir()
    before, after = (entry.name for entry in os.scandir(host.path("workspace")))
    path = host.database(f"workspace/{after}/notes.sqlite")
    if known:
        host.stage()
        host.database(f"workspace/{after}/notes.sqlite", rows=1)
    real = Databases.copy

    def copy(*arguments, **options):
        host.write(f"workspace/{before}/named.md", "named")
        return real(*arguments, **options)

    monkeypatch.setattr(Databases, "copy", copy)
    _, names = host.stage()
    assert {f"workspace/{before}/named.md", str(path.relative_to(host.data))} <= names


@pytest.mark.parametrize("target", ["archive/project", "{data}/workspace/archive/project", "{data}/elsewhere"])
def test_a_directory_that_became_a_link_is_not_followed(host, target):
    """Neither to copy a database twice, nor to remove what is no longer where it was."""
    host.database("workspace/project/notes.sqlite")
    host.write("workspace/project/readme.md", "here")
    host.path("workspace/archive").mkdir()
    host.stage()
    target = target.format(data=host.data)
    moved = host.path("workspace") / target
    host.path("workspace/project").rename(moved)
    host.path("workspace/project").symlink_to(target)
    _, names = host.stage()
    here = ["notes.sqlite", "readme.md"]
    assert set(here) <= set(os.listdir(moved))
    assert os.readlink(host.staged / "workspace/project") == target
    there = {f"workspace/archive/project/{name}" for name in here} if "archive" in target else set()
    assert names == there
    assert all((host.staged / name).is_file() for name in there)


def test_what_a_killed_run_had_staged_and_is_gone_since_does_not_stay(host):
    host.write("workspace/notes/1.md", "1")
    host.stage()
    host.write("workspace/notes/2.md", "2")
    host.write("workspace/new/3.md", "3")
    host.stage_killed_before("drop_unseen")
    assert (host.staged / "workspace/new/3.md").exists()
    host.path("workspace/notes/2.md").unlink()
    shutil.rmtree(host.path("workspace/new"))
    host.stage()
    assert [path.name for path in host.staged.rglob("*.md")] == ["1.md"]
    assert not (host.staged / "workspace/new").exists()


def test_a_link_that_a_killed_run_left_in_the_copy_is_not_written_through(host, tmp_path):
    host.database("workspace/project/data/notes.sqlite")
    host.write("workspace/project/data/readme.md", "here")
    host.stage()
    others = tmp_path / "others"
    (others / "data").mkdir(parents=True)
    shutil.rmtree(host.staged / "workspace/project")
    (host.staged / "workspace/project").symlink_to(others)
    host.database("workspace/project/data/notes.sqlite", rows=1)
    host.write("workspace/project/data/readme.md", "changed")
    host.stage()
    assert list(others.rglob("*")) == [others / "data"]
    assert (host.staged / "workspace/project/data/readme.md").read_text() == "changed"
    assert (host.staged / "workspace/project/data/notes.sqlite").is_file()


def test_what_is_only_in_the_log_is_in_the_copy(host):
    """As right after OpenClaw's first turn: 4 KB of database, everything else in its log."""
    path = host.database(rows=0)
    keeper = sqlite3.connect(path)
    keeper.execute("PRAGMA wal_autocheckpoint=0")
    with keeper:
        keeper.execute("INSERT INTO note(text) VALUES ('only in the log')")
    host.stage()
    with contextlib.closing(sqlite3.connect(host.staged / ".openclaw/state/openclaw.sqlite")) as copy:
        assert copy.execute("SELECT text FROM note").fetchall() == [("only in the log",)]
    keeper.close()


def test_a_second_run_reads_only_what_changed(host):
    for number in range(30):
        host.write(f"workspace/{number}", f"content {number}")
    host.database()
    time.sleep(2.1)
    host.stage()
    host.write("workspace/7", "changed 7")
    staged, _ = host.stage()
    assert staged.bytes_read == len("changed 7")
    assert (host.staged / "workspace/7").read_text() == "changed 7"


def test_a_later_write_in_place_never_reaches_what_is_staged(host):
    path = host.write("workspace/log", "a" * 5000)
    host.stage()
    with path.open("r+") as stream:
        stream.write("b" * 100)
    assert (host.staged / "workspace/log").read_text() == "a" * 5000


def test_what_is_gone_leaves_the_staged_copy_too(host):
    host.write("workspace/directory/file", "x")
    host.write("workspace/kind", "a file")
    host.stage()
    (host.path("workspace/directory/file")).unlink()
    host.path("workspace/directory").rmdir()
    host.path("workspace/kind").unlink()
    host.write("workspace/kind/now-a-directory", "y")
    _, names = host.stage()
    assert names == {"workspace/kind/now-a-directory"}
    assert not (host.staged / "workspace/directory").exists()


def test_a_file_that_is_always_being_written_keeps_its_last_good_copy(host, monkeypatch):
    path = host.write("workspace/busy", "w" * 8_000_000)
    host.stage()
    stopping = threading.Event()

    def scribble():
        number = 0
        while not stopping.is_set():
            number = (number + 1) % 200
            with path.open("r+b", buffering=0) as stream:
                for _ in range(8):
                    stream.write(bytes([number]) * 1_000_000)

    thread = threading.Thread(target=scribble)
    thread.start()
    monkeypatch.setattr(file_copy, "ATTEMPTS", 2)
    try:
        for _ in range(8):
            _, names = host.stage()
            assert "workspace/busy" in names
            # In place, a megabyte at a time: a copy of one moment may hold two neighbouring fills, a torn one any mix.
            assert len(set((host.staged / "workspace/busy").read_bytes())) <= 2
    finally:
        stopping.set()
        thread.join()


def test_files_that_come_and_go_are_no_failure(host):
    stopping = threading.Event()

    def churn():
        number = 0
        while not stopping.is_set():
            number += 1
            path = host.write(f"workspace/churn/{number}", "x")
            path.unlink()

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(10):
            host.stage()
    finally:
        stopping.set()
        thread.join()


def test_staging_of_another_boot_is_thrown_away(host):
    """Nothing in it was synced: a file may be empty that the index vouches for."""
    host.write("workspace/file", "content")
    time.sleep(2.1)
    host.stage()
    (host.staged / "workspace/file").write_text("")
    (host.var / "staging/made").write_text("the boot before")
    host.stage()
    assert (host.staged / "workspace/file").read_text() == "content"


def test_sockets_and_pipes_are_left_out(host):
    os.mkfifo(host.path("workspace/pipe"))
    host.write("workspace/file", "x")
    _, names = host.stage()
    assert names == {"workspace/file"}


def test_a_large_tree_takes_less_than_100_mb(host):
    for number in range(20_000):
        path = host.path(f"workspace/{number // 500}/{number}")
        if number % 500 == 0:
            path.parent.mkdir()
        path.write_bytes(b"x")
    program = textwrap.dedent("""
        import re, sys
        from pathlib import Path
        from openclaw.settings import Settings
        from openclaw.state.staging.staging import Staging
        values = dict.fromkeys(Settings.__dataclass_fields__, 0)
        settings = Settings(**{**values, "data": Path(sys.argv[1]), "var": Path(sys.argv[2])})
        with Staging(settings, logs=True).refreshed() as staged:
            assert staged.files == 20000
        print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text()).group(1))
    """)
    library = next(path for path in sys.path if path.endswith("machine/usr/local/lib"))
    done = subprocess.run(
        [PYTHON, "-c", program, str(host.data), str(host.var)],
        env={**os.environ, "PYTHONPATH": library},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < 100_000


@pytest.fixture
def xfs(tmp_path):
    """A file system of the kind that Amazon Linux has, of 320 MiB: mkfs.xfs makes none below 300."""
    image, mount = tmp_path / "xfs.img", tmp_path / "xfs"
    mount.mkdir()
    with image.open("wb") as stream:
        stream.truncate(320 << 20)
    subprocess.run(["mkfs.xfs", "-q", image], check=True)
    if subprocess.run(["mount", "-o", "loop", image, mount], check=False, capture_output=True).returncode:
        pytest.skip("may not mount")
    yield mount
    subprocess.run(["umount", "--lazy", mount], check=True)


def test_where_the_file_system_shares_blocks_a_copy_takes_no_room(xfs):
    host = Host(xfs)
    big = host.write("workspace/big", os.urandom(1 << 20) * 150)
    assert shutil.disk_usage(xfs).free < big.stat().st_size
    for _ in range(2):
        staged, names = host.stage()
        assert "workspace/big" in names and staged.left_out.count == 0
        assert shutil.disk_usage(xfs).free > 50 << 20
        os.utime(big)
    assert (host.staged / "workspace/big").read_bytes() == big.read_bytes()
