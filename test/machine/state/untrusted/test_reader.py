"""What reads the mounts has no rights, follows nothing, and opens regular files alone."""

import os
import stat
from pathlib import Path

import pytest
from openclaw.state.staging import reader
from openclaw.state.staging.mounts import Mounts
from openclaw.state.staging.reader import Directory, Reader


@pytest.fixture
def secret(tmp_path):
    """What root alone may read, and tells where it went."""
    path = tmp_path / "secret"
    path.mkdir(mode=0o700)
    (path / "shadow").write_text("root's own")
    return path


@pytest.fixture
def as_root(host):
    """The reader with all of root's rights: what it does not do here, no right keeps it from."""
    opened = os.open(host.path("workspace"), os.O_RDONLY | os.O_DIRECTORY)
    return Reader({b"workspace": Directory(opened)})


def test_the_process_has_nothing_that_root_has(host, rest, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the machine's")
    with Mounts(host.settings.roots) as mounts:
        process = Path("/proc", str(mounts._process._process.pid))
        status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines())
        assert status["Uid"].split() == status["Gid"].split() == ["1000"] * 4
        assert status["Groups"].split() == []
        assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}
        assert status["NoNewPrivs"] == "1"
        assert (process / "environ").read_bytes() == b""
        opened = {os.readlink(process / "fd" / fd) for fd in os.listdir(process / "fd")}
        elsewhere = {name for name in opened if not name.startswith(("socket:", str(host.data), "/dev/null", "pipe:"))}
        # Its messages go where ours go.
        assert elsewhere <= {os.readlink("/proc/self/fd/2")}
        limits = (process / "limits").read_text()
        assert "Max core file size        0" in limits and "Max processes             0" in limits


def test_it_ends_with_who_started_it(host):
    read, write = os.pipe()
    child = os.fork()
    if not child:
        mounts = Mounts(host.settings.roots)
        os.write(write, str(mounts._process._process.pid).encode())
        os._exit(0)
    os.waitpid(child, 0)
    process = Path("/proc", os.read(read, 16).decode())
    for _ in range(1000):
        if not process.exists() or "State:\tZ" in (process / "status").read_text():
            return
        os.sched_yield()
        stat_of = process / "status"
        if not stat_of.exists():
            return
    raise AssertionError("it is still there")


@pytest.mark.parametrize("becomes", ["link", "pipe", "directory", "nothing"])
def test_a_file_that_is_something_else_when_it_is_opened(host, as_root, secret, becomes):
    path = host.write("workspace/notes.md", "mine")
    as_root.answer(reader.WALK)
    path.unlink()
    if becomes == "link":
        path.symlink_to(secret / "shadow")
    elif becomes == "pipe":
        os.mkfifo(path)
    elif becomes == "directory":
        path.mkdir()
    answer, opened = as_root.answer(reader.OPEN + reader.INDEX.pack(1))
    assert opened == []
    assert reader.ERROR.unpack(answer) != (0,)


def test_a_directory_that_is_a_link_when_it_is_entered(host, as_root, secret, monkeypatch):
    monkeypatch.setattr(reader, "MOST_ENTRIES", 1)
    path = host.write("workspace/project/notes.md", "mine").parent
    as_root.answer(reader.WALK)
    as_root.answer(reader.NEXT)
    path.rename(host.path("workspace/away"))
    path.symlink_to(secret)
    seen = []
    while entries := as_root._entries:
        seen += [entry[0] for entry in entries]
        as_root.read_ahead()
        as_root.answer(reader.NEXT)
    assert b"workspace/project" in seen
    assert not any(b"shadow" in path for path in seen)
    _, opened = as_root.answer(reader.LOOK + b"workspace/project/shadow")
    assert opened == []


def test_what_is_handed_over_is_looked_at_again(host, rest, monkeypatch):
    """Root believes no answer: what is not a regular file is not copied from."""
    read, write = os.pipe()
    with Mounts(host.settings.roots) as mounts:
        monkeypatch.setattr(mounts, "_ask_for_files", lambda *_: (reader.ERROR.pack(0), [read]))
        with pytest.raises(Exception, match="not a regular file"):
            next(mounts.open([0]))
    with pytest.raises(OSError):
        os.fstat(read)
    os.close(write)


def test_what_its_end_is(host, rest):
    with Mounts(host.settings.roots) as mounts:
        mounts._process._process.kill()
        with pytest.raises(Exception, match="no answer: it was ended by signal 9"):
            next(mounts.walk())


def test_modes_of_what_it_finds(host, rest):
    with Mounts(host.settings.roots) as mounts:
        found = {one.path: one.status for batch in mounts.walk() for one in batch.found}
    assert stat.S_IMODE(found["auth-profile-secrets/key"].st_mode) == 0o400
    assert found["workspace/a/first.md"].st_size == 5
