"""Whatever lies in the mounts costs itself, and nothing else."""

import os
import shutil

import pytest
from openclaw.state.guards import loss

DEEP = """
for _ in range(int(sys.argv[1])):
    os.mkdir(sys.argv[2])
    os.chdir(sys.argv[2])
open("bottom", "w").write("deep")
"""


def left_out(staged):
    return dict(staged.left_out.first)


def test_directories_nested_some_hundreds_deep(host, container, rest):
    container.run("os.chdir('workspace')\n" + DEEP, "800", "d")
    staged, names = host.stage()
    assert names == rest | {"workspace/" + "d/" * 800 + "bottom"}
    assert staged.left_out.count == 0
    shutil.rmtree(host.path("workspace/a"))
    _, names = host.stage()
    assert "workspace/" + "d/" * 800 + "bottom" in names


def test_a_path_that_nothing_can_store_is_left_out_from_there_on(host, container, rest):
    # Deeper, too, than what recurses in Python; the time that it takes grows with the square of the depth.
    container.run("os.chdir('workspace')\n" + DEEP, "1400", "dd")
    staged, names = host.stage()
    assert names == rest
    [(path, reason)] = staged.left_out.first
    assert path.startswith("workspace/dd/dd/dd") and reason == "the path is longer than 3800 bytes"
    # What was there and is gone goes too, however deep.
    container.run("os.rename('workspace/dd', 'workspace/e')")
    host.stage()
    assert not (host.staged / "workspace/dd").exists()


@pytest.mark.parametrize("then", ["gone", "a file", "a directory", "a database", "another name of a file"])
def test_a_link_that_leads_to_what_cannot_be_a_name(host, container, rest, then):
    """Whoever follows it, if only to see whether something is there, gets an error that tells of nothing."""
    container.run("os.symlink('t' * 300, 'workspace/link'); os.symlink('t' * 300, '.openclaw/openclaw.json')")
    host.stage()
    assert os.readlink(host.staged / "workspace/link") == "t" * 300
    loss.of_tree(host.staged)
    host.path("workspace/link").unlink()
    if then == "a file":
        host.write("workspace/link", "a file")
    elif then == "a directory":
        host.write("workspace/link/inside", "a file")
    elif then == "a database":
        host.database("workspace/link")
    elif then == "another name of a file":
        os.link(host.path("workspace/a/first.md"), host.path("workspace/link"))
    _, names = host.stage()
    expected = {"gone": set(), "a directory": {"workspace/link/inside"}}.get(then, {"workspace/link"})
    assert names == rest | expected


def test_a_pipe_and_a_socket(host, container, rest):
    container.run("os.mkfifo('workspace/pipe'); socket.socket(socket.AF_UNIX).bind('workspace/socket')")
    staged, names = host.stage()
    assert names == rest
    assert left_out(staged) == {"workspace/pipe": "neither a file, a directory nor a link"}


def test_a_file_that_may_not_be_read_stays_as_it_was(host, container, rest):
    container.run("open('workspace/open.md', 'w').write('before')")
    host.stage()
    container.run("open('workspace/open.md', 'w').write('after'); os.chmod('workspace/open.md', 0)")
    container.run("open('workspace/closed.md', 'w').write('x'); os.chmod('workspace/closed.md', 0)")
    staged, names = host.stage()
    assert names == rest | {"workspace/open.md"}
    assert left_out(staged) == dict.fromkeys(["workspace/open.md", "workspace/closed.md"], "Permission denied")
    assert (host.staged / "workspace/open.md").read_text() == "before"


def test_a_directory_that_may_not_be_entered_stays_as_it_was(host, container, rest):
    container.run("os.makedirs('workspace/b/c'); open('workspace/b/c/d.md', 'w').write('before')")
    host.stage()
    container.run("os.chmod('workspace/b', 0)")
    staged, names = host.stage()
    assert names == rest | {"workspace/b/c/d.md"}
    assert left_out(staged) == {"workspace/b": "Permission denied"}


@pytest.mark.parametrize("name", ["a\nb", "\x1b[2J", "\u202egnp.exe", os.fsdecode(b"\xff\xfe")])
def test_names_that_a_terminal_would_obey(host, container, rest, capfd, name):
    container.run("os.mkfifo(f'workspace/{sys.argv[1]}'); open(f'workspace/f{sys.argv[1]}', 'w')", name)
    staged, names = host.stage()
    assert names == rest | {f"workspace/f{name}"}
    assert list(left_out(staged)) == [f"workspace/{name}"]
    said = [line for line in capfd.readouterr().err.splitlines() if line.startswith("left out: workspace/")]
    assert len(said) == 1
    assert said[0].isprintable()


def test_links_to_where_root_alone_may_read_stay_links(host, container, rest, tmp_path):
    secret = tmp_path / "shadow"
    secret.write_text("root's own")
    secret.chmod(0o600)
    container.run("os.symlink(sys.argv[1], 'workspace/link')", str(secret))
    host.stage()
    assert os.readlink(host.staged / "workspace/link") == str(secret)


def test_a_link_that_came_along_is_not_written_through(host, container, tmp_path):
    """A link with the name of a database's log is staged as a link, before there is a database."""
    other = tmp_path / "crontab"
    other.write_text("root's own")
    other.chmod(0o640)
    container.run("os.symlink(sys.argv[1], 'workspace/notes.db-wal')", str(other))
    host.stage()
    assert (host.staged / "workspace/notes.db-wal").is_symlink()
    container.run("os.unlink('workspace/notes.db-wal')")
    host.database("workspace/notes.db", rows=500)
    for _ in range(2):
        # Beside the database that is known by now, its log would come.
        (host.staged / "workspace/notes.db-wal").unlink(missing_ok=True)
        (host.staged / "workspace/notes.db-wal").symlink_to(other)
        host.database("workspace/notes.db", rows=1)
        host.stage()
    assert (other.read_text(), oct(other.stat().st_mode)[-3:]) == ("root's own", "640")
    assert not (host.staged / "workspace/notes.db-wal").is_symlink()
    assert host.restored("workspace/notes.db").stat().st_size > 100_000


def test_more_than_can_be_listed_is_counted(host, container, rest):
    container.run("for number in range(50): os.mkfifo(f'workspace/{number}')")
    staged, names = host.stage()
    assert names == rest
    assert (staged.left_out.count, len(staged.left_out.first)) == (50, 20)
