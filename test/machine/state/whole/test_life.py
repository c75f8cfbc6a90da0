"""The way of the state from machine to machine, with either engine."""

import os
import sqlite3
import stat

import pytest
from machine.state.support.machine import NODE


def listing(root):
    """All that a restore must bring back of a tree."""
    found, inodes = {}, {}
    for directory, directories, files in os.walk(root):
        for name in directories + files:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            relative = os.path.relpath(path, root)
            kind = stat.S_IFMT(status.st_mode)
            content = b""
            if kind == stat.S_IFREG:
                with open(path, "rb") as stream:
                    content = stream.read()
            elif kind == stat.S_IFLNK:
                content = os.readlink(path)
            links = inodes.setdefault(status.st_ino, relative) if status.st_nlink > 1 and kind == stat.S_IFREG else ""
            found[relative] = (status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns, content, links)
    return found


def test_first_boot_on_an_empty_bucket_is_declared(machine):
    machine.boot()
    assert machine.record("restore")["result"] == "first boot"
    assert (machine.var / "restored").exists()


def test_a_replacement_has_what_was_backed_up(living):
    living.write("workspace/after.md", "written after the backup")
    replacement = living.replaced()
    replacement.boot()
    assert replacement.notes() == 20
    assert replacement.path("workspace/notes/3.md").read_text() == "note 3\n" * 20
    assert not replacement.path("workspace/after.md").exists()


def test_modes_owners_times_links_and_empty_directories_come_back(living):
    path = living.write("workspace/tool.sh", "#!/bin/sh\n", 0o755)
    os.utime(path, ns=(1_600_000_000_123_456_789, 1_600_000_000_123_456_789))
    os.link(path, living.path("workspace/same-tool"))
    os.symlink("tool.sh", living.path("workspace/link"))
    os.symlink("/nowhere/at/all", living.path("workspace/dangling"))
    os.symlink("notes", living.path("workspace/to-directory"))
    (living.path("workspace/empty/inside")).mkdir(parents=True)
    living.write("workspace/with space, comma & ü%41", "x", 0o640)
    living.write(os.fsdecode(b"workspace/not-utf8-\xff"), "y")
    living.write("workspace/.git/objects/aa/bb", b"\x78\x01", 0o444)
    living.write("workspace/zero", b"")
    for path in living.path("workspace").rglob("*"):
        os.chown(path, NODE, NODE, follow_symlinks=False)
    living.path("workspace/empty").chmod(0o2775)
    living.backup()
    before = {name: listing(living.path(name)) for name in ("workspace", "auth-profile-secrets")}
    replacement = living.replaced()
    replacement.boot()
    for name, expected in before.items():
        assert listing(replacement.path(name)) == expected


def test_owner_leases_of_the_lost_machine_are_cleared(living):
    replacement = living.replaced()
    replacement.boot()
    database = sqlite3.connect(replacement.path(".openclaw/state/openclaw.sqlite"))
    assert database.execute("SELECT count(*) FROM state_leases").fetchone() == (0,)
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()


def test_a_restart_or_reboot_never_replaces_newer_local_state(living):
    living.write("workspace/notes/3.md", "newer")
    living.path("workspace/notes/4.md").unlink()
    living.boot()
    assert living.path("workspace/notes/3.md").read_text() == "newer"
    assert not living.path("workspace/notes/4.md").exists()


def test_a_second_backup_takes_the_changes_and_only_them(living):
    living.write("workspace/notes/3.md", "changed")
    living.path("workspace/notes/4.md").unlink()
    living.write("workspace/new.md", "new")
    living.backup()
    assert 0 < living.record("backup")["bytes_sent"] < 20_000
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "changed"
    assert not replacement.path("workspace/notes/4.md").exists()
    assert replacement.path("workspace/new.md").read_text() == "new"


def test_a_change_of_equal_size_and_time_is_seen(living):
    path = living.path("workspace/notes/5.md")
    status = path.stat()
    path.write_text(path.read_text().replace("note 5", "NOTE 5"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    living.backup()
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/5.md").read_text() == "NOTE 5\n" * 20


def test_backup_off_declares_a_first_boot_and_calls_nobody(make_deployment, cloud):
    machine = make_deployment(backup="off").launch()
    with cloud.counting() as totals:
        machine.boot()
        machine.state("backup")
    assert totals.count == 0
    assert (machine.var / "restored").exists()


@pytest.mark.parametrize("former, latter", [("snapshots", "mirror"), ("mirror", "snapshots")])
def test_a_change_of_engine_takes_the_state_along(make_deployment, former, latter):
    deployment = make_deployment(backup=former)
    machine = deployment.launch()
    machine.boot()
    machine.a_life()
    machine.backup()
    deployment.backup = latter
    replacement = machine.replaced()
    replacement.boot()
    assert replacement.notes() == 20
    replacement.write("workspace/later.md", "later")
    replacement.backup()
    third = replacement.replaced()
    third.boot()
    assert third.path("workspace/later.md").read_text() == "later"
