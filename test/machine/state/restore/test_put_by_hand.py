"""What a person puts into the mirror's bucket: whatever it is, it hides nothing, stops nothing and comes in."""

import os

import pytest
from machine.state.support.cli import aws
from machine.state.support.leases import lease as lease_of
from machine.state.support.proxy import Fault


@pytest.fixture
def deployment(make_deployment):
    return make_deployment(backup="mirror")


def test_a_hard_link_of_a_file_that_was_put_there_by_hand(living):
    """The file's own object is a person's: the link to it needs one of its own."""
    living.write("workspace/a.md", "local")
    os.link(living.path("workspace/a.md"), living.path("workspace/b.md"))
    living.deployment.put("mirror/workspace/a.md", b"by hand")
    living.backup()
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/b.md").read_text() == "local"
    assert replacement.path("workspace/a.md").read_text() == "by hand"


def test_a_backup_that_was_cut_off_does_not_hide_what_a_person_put_there_since(living, cloud):
    living.write("workspace/notes/3.md", "changed locally")
    with cloud.playing(Fault(lambda r: r.method == "PUT" and "/mirror/manifests/" in r.path, status=403)):
        living.backup(expect=1)
    living.deployment.put("mirror/workspace/notes/3.md", b"brought back by a person")
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "brought back by a person"
    replacement.backup()
    assert living.deployment.body("mirror/workspace/notes/3.md") == b"brought back by a person"


@pytest.mark.parametrize("name", ["escape\x1b[A", "Icon\r"])
def test_a_name_with_a_control_character_is_kept_and_can_be_deleted(living, name):
    living.write(f"workspace/{name}", "odd")
    living.backup()
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path(f"workspace/{name}").read_text() == "odd"
    replacement.path(f"workspace/{name}").unlink()
    replacement.backup()
    assert living.deployment.stored("mirror/workspace/") == living.deployment.stored("mirror/workspace/notes/")
    third = replacement.replaced()
    third.boot()
    assert os.listdir(third.path("workspace")) == ["notes"]


def test_keys_of_which_one_makes_a_directory_of_the_other(living):
    """`x` and `x/y` are both keys; as paths they cannot both be there."""
    living.deployment.put("mirror/workspace/x", b"1")
    living.deployment.put("mirror/workspace/x/y", b"2")
    living.boot()
    assert "'mirror/workspace/x'" in living.log
    assert living.path("workspace/x/y").read_text() == "2"
    assert living.deployment.body("mirror/workspace/x") == b"1"


def test_a_key_below_a_local_file_is_left_in_the_bucket(living):
    living.write("workspace/plain", "a file", 0o644)
    living.backup()
    living.deployment.put("mirror/workspace/plain/new.md", b"by hand")
    living.deployment.put("mirror/workspace/other.md", b"comes in")
    living.boot()
    assert "workspace/plain/new.md cannot come in" in living.log
    assert living.path("workspace/plain").read_text() == "a file"
    assert living.path("workspace/other.md").read_text() == "comes in"
    assert living.deployment.body("mirror/workspace/plain/new.md") == b"by hand"


@pytest.mark.parametrize("lease", [(), ("--exclude", "lease.json")], ids=["with its lease", "without"])
def test_an_archive_of_a_bucket_with_a_longer_history_comes_in_as_files_and_not_as_backups(
    living, make_deployment, lease
):
    """Its manifests are signed with another deployment's key."""
    former = make_deployment(backup="mirror")
    machine = former.launch()
    for _ in range(4):
        machine.boot()
    machine.a_life()
    machine.write("workspace/recovered.md", "recovered")
    machine.backup()
    aws(living, "s3", "sync", f"s3://{former.bucket}/", f"s3://{living.deployment.bucket}/", *lease)
    living.boot()
    assert living.path("workspace/recovered.md").read_text() == "recovered"
    living.write("workspace/mine.md", "mine")
    living.backup()
    living.path("workspace/mine.md").unlink()
    living.write("workspace/notes/3.md", "weeks later")
    living.backup()
    assert lease_of(living.deployment)["generation"] < 4
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "weeks later"
    assert replacement.path("workspace/recovered.md").read_text() == "recovered"
    assert not replacement.path("workspace/mine.md").exists()
