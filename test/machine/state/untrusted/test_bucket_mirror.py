"""The mirror's manifests and objects, where somebody else can write: signed ones alone make a backup."""

import gzip
import json

import pytest
from machine.state.support.stranger import delete, entry, forge, forget, manifest, parameter


@pytest.fixture
def deployment(make_deployment):
    return make_deployment(backup="mirror")


def manifests(deployment):
    return deployment.stored("mirror/manifests/")


def made_unsigned(deployment):
    """As before an upgrade: manifests without signatures, and nothing in Parameter Store."""
    for key in manifests(deployment):
        lines = gzip.decompress(deployment.body(key)).splitlines(keepends=True)
        deployment.erase(key)
        deployment.put(f"{key[: -len('00000000.jsonl.gz')]}00000000.jsonl.gz", gzip.compress(b"".join(lines[:-1])))
    forget(deployment, "state-key", "state-signed-from", "backup-engine")


def test_the_key_is_a_secret_that_is_made_once(living):
    made = living.deployment.ssm.get_parameter(Name=f"/openclaw/{living.deployment.name}/state-key")["Parameter"]
    assert made["Type"] == "SecureString"
    value = parameter(living.deployment, "state-key")
    assert (living.run / "state-key").read_text() == value
    assert (living.run / "state-key").stat().st_mode & 0o777 == 0o600
    living.replaced().boot()
    assert parameter(living.deployment, "state-key") == value


def test_a_signed_manifest_under_another_name_is_none(living):
    [key] = manifests(living.deployment)
    body = living.deployment.body(key)
    living.write("workspace/notes/3.md", "newest")
    living.backup()
    copied = key.replace("mirror/manifests/00000001-00000001", "mirror/manifests/00000009-00000001")
    living.deployment.put(copied, body)
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "newest"
    assert "1 manifests below" in replacement.log and "count as none" in replacement.log


def test_a_manifest_whose_content_was_exchanged_is_damaged(living):
    living.write("workspace/notes/3.md", "newest")
    living.backup()
    key = max(manifests(living.deployment))
    escape = entry("../../../escaped", size=1)
    living.deployment.put(key, manifest(entry(".openclaw", kind="directory"), escape))
    replacement = living.replaced()
    replacement.boot()
    assert replacement.record("restore")["result"] == "success"
    assert "not signed with this deployment's key" in replacement.log
    assert replacement.path("workspace/notes/3.md").read_text() == "note 3\n" * 20
    assert not list(replacement.directory.parent.rglob("escaped"))


def test_without_its_key_no_machine_takes_the_backups_for_none(living):
    value = parameter(living.deployment, "state-key")
    forget(living.deployment, "state-key")
    replacement = living.replaced()
    replacement.boot(expect=1)
    assert f"the parameter /openclaw/{living.deployment.name}/state-key is gone" in replacement.log
    living.deployment.ssm.put_parameter(
        Name=f"/openclaw/{living.deployment.name}/state-key", Value="x" * 43, Type="SecureString"
    )
    replacement.boot(expect=78)
    assert "this is not a first boot" in replacement.log and "not marked with this deployment's key" in replacement.log
    living.deployment.ssm.put_parameter(
        Name=f"/openclaw/{living.deployment.name}/state-key", Value=value, Type="SecureString", Overwrite=True
    )
    replacement.boot()
    assert replacement.notes() == 20


def test_backups_from_before_an_upgrade_come_in_until_one_is_signed_and_by_name_after_that(living):
    living.write("workspace/notes/3.md", "before the upgrade")
    living.backup()
    made_unsigned(living.deployment)
    upgraded = living.replaced()
    upgraded.boot()
    assert upgraded.path("workspace/notes/3.md").read_text() == "before the upgrade"
    assert parameter(living.deployment, "state-signed-from") is None
    upgraded.write("workspace/notes/3.md", "after it")
    upgraded.backup()
    assert parameter(living.deployment, "state-signed-from").startswith("00000002-00000001_20")
    assert upgraded.state("snapshots").count("(unsigned)") == 2
    # Whoever can delete cannot bring an unsigned one in by it.
    signed = max(manifests(living.deployment))
    living.deployment.flip(signed)
    last = upgraded.replaced()
    last.boot(expect=78)
    assert "none of the 1 backups" in last.log
    before = max(key for key in manifests(living.deployment) if key != signed)
    name = before.removeprefix("mirror/manifests/").removesuffix(".jsonl.gz")
    living.deployment.put("restore.json", json.dumps({"snapshot": name}).encode())
    last.boot()
    assert last.path("workspace/notes/3.md").read_text() == "before the upgrade"


def test_an_unsigned_one_that_says_it_is_newer_than_the_first_signed_one_is_none(living):
    made_unsigned(living.deployment)
    living = living.replaced()
    living.boot()
    living.write("workspace/notes/3.md", "signed")
    living.backup()
    forge(living.deployment)
    forge(living.deployment, generation=1)
    replacement = living.replaced()
    replacement.boot()
    assert json.loads((replacement.var / "restored").read_text())["generation"] == 2
    assert "2 manifests below" in replacement.log


def test_manifests_deleted_and_objects_left_are_a_loss_and_no_start(living):
    """The objects alone are no state that ever was."""
    delete(living.deployment, "mirror/manifests/")
    replacement = living.replaced()
    replacement.boot(expect=78)
    assert "this is not a first boot" in replacement.log


def test_a_forged_intent_has_nothing_deleted(living):
    [key] = manifests(living.deployment)
    etag = living.deployment.s3.head_object(Bucket=living.deployment.bucket, Key=key)["ETag"].strip('"')
    living.deployment.put("mirror/workspace/by-hand.md", b"by hand")
    by_hand = living.deployment.s3.head_object(Bucket=living.deployment.bucket, Key="mirror/workspace/by-hand.md")
    named = {key: etag, "mirror/workspace/by-hand.md": by_hand["ETag"].strip('"')}
    for name, body in (("a", json.dumps(named).encode()), ("b", b"[1]"), ("c", b"{"), ("d", b"[" * 5000)):
        living.deployment.put(f"mirror/intents/{name}.json", body)
    living.write("workspace/notes/3.md", "changed")
    living.backup()
    assert {key, "mirror/workspace/by-hand.md"} <= set(living.deployment.stored())
    assert "mirror/intents/a.json counts as none" in living.log


@pytest.mark.parametrize("key", ["x" * 300, "a/" * 300 + "b"])
def test_a_key_that_can_be_no_path_stays_in_the_bucket(living, key):
    living.deployment.put(f"mirror/workspace/{key}", b"x")
    living.deployment.put("mirror/workspace/other.md", b"comes in")
    living.boot()
    assert living.path("workspace/other.md").read_text() == "comes in"


def test_a_key_behind_a_link_stays_in_the_bucket(living, tmp_path):
    living.path("workspace/elsewhere").symlink_to(tmp_path)
    living.deployment.put("mirror/workspace/elsewhere/new.md", b"x")
    living.deployment.put("mirror/workspace/other.md", b"comes in")
    living.boot()
    assert "for it is behind a link" in living.log
    assert living.path("workspace/other.md").read_text() == "comes in"
    assert not (tmp_path / "new.md").exists()


def test_a_database_that_is_none_stays_in_the_bucket_and_the_machine_serves(living):
    living.deployment.put("mirror/.openclaw/state/openclaw.sqlite", b"SQLite format 3\0" + b"\xee" * 8000)
    living.boot()
    assert "left in the bucket, all that was put there by hand" in living.log
    assert living.notes() == 20


def test_links_and_modes_come_back_as_links_and_harmless(living, tmp_path):
    living.path("workspace/link").symlink_to(tmp_path)
    living.write("workspace/tool", "#!/bin/sh\n").chmod(0o4755)
    living.backup()
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/link").is_symlink()
    assert oct(replacement.path("workspace/tool").stat().st_mode)[-4:] == "0755"
    assert "set-uid" in replacement.log
    assert not any(tmp_path.joinpath("notes").rglob("*"))
