"""What changes its kind or its place between two runs, or while one copies: the staged copy is what is there."""

import os
import shutil

import pytest
from openclaw.state.databases.sqlite import Databases
from openclaw.state.staging import staging
from openclaw.system import file_copy
from openclaw.system.errors import Refused


@pytest.mark.parametrize("inside", ["readme.md", "deep/in/it.md", "notes.sqlite"])
def test_a_directory_that_became_a_file(host, inside):
    path = f"workspace/project/{inside}"
    if inside.endswith("sqlite"):
        host.database(path)
    else:
        host.write(path, "in a directory")
    host.write("workspace/other.md", "other")
    host.stage()
    shutil.rmtree(host.path("workspace/project"))
    host.write("workspace/project", "a file now")
    for _ in range(2):
        _, names = host.stage()
        assert names == {"workspace/project", "workspace/other.md"}
        assert (host.staged / "workspace/project").read_text() == "a file now"


def test_a_directory_that_became_a_database(host):
    host.write("workspace/project/readme.md", "in a directory")
    host.stage()
    shutil.rmtree(host.path("workspace/project"))
    host.database("workspace/project")
    staged, names = host.stage()
    assert set(staged.databases) == names == {"workspace/project"}
    with Databases(host.var) as databases:
        assert databases.faults(host.staged / "workspace/project") == []


def test_what_a_killed_run_staged_is_not_what_the_index_vouches_for(host, monkeypatch):
    """A tree is swapped for another and, after the kill, moved back: its files are as the index knows them."""
    monkeypatch.setattr(staging, "RACY_NS", 0)
    host.write("workspace/project/x.md", "the first")
    host.stage()
    project, away = host.path("workspace/project"), host.path("workspace/away")
    project.rename(away)
    host.write("workspace/project/x.md", "the other")
    host.stage_killed_before("set_directory_times")
    assert (host.staged / "workspace/project/x.md").read_text() == "the other"
    shutil.rmtree(project)
    away.rename(project)
    host.stage()
    assert (host.staged / "workspace/project/x.md").read_text() == "the first"


@pytest.fixture
def busy(host, monkeypatch):
    """A file that is written to after each copy of it, in the way that the test sets."""
    monkeypatch.setattr(file_copy, "ATTEMPTS", 2)
    real = file_copy._copy_content
    path = host.write("workspace/run.log", "line\n" * 1000)

    def copy(source, size, target):
        real(source, size, target)
        with path.open("r+") as stream:
            host.scribble(stream)

    monkeypatch.setattr(file_copy, "_copy_content", copy)
    return path


def test_a_log_that_grows_all_the_time_is_in_the_very_first_copy(host, busy):
    host.scribble = lambda stream: (stream.seek(0, os.SEEK_END), stream.write("another line\n"))
    staged, names = host.stage()
    assert names == {"workspace/run.log"}
    assert staged.unstable == []
    assert busy.read_text().startswith((host.staged / "workspace/run.log").read_text())
    assert (host.staged / "workspace/run.log").stat().st_size >= 5000


def test_a_file_that_grows_and_changes_before_its_end_is_no_log(host, busy):
    def scribble(stream):
        stream.write(os.urandom(8).hex())
        stream.seek(0, os.SEEK_END)
        stream.write("another line\n")

    host.scribble = scribble
    staged, names = host.stage()
    assert names == set()
    assert staged.unstable == ["workspace/run.log"]


@pytest.mark.parametrize("root", [".openclaw", "workspace", "auth-profile-secrets"])
def test_a_root_that_is_a_link_is_refused(host, root, tmp_path):
    """The copy would hold the link and nothing behind it: every backup would drop a root, and look well."""
    host.path(root).rename(tmp_path / "volume")
    host.path(root).symlink_to(tmp_path / "volume")
    with pytest.raises(Refused, match=f"{root} is missing or a link"):
        host.stage()
