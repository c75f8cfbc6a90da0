"""The keys of the mirror: any name has one, no two share one, and those of machines before stay readable."""

import gzip
import hashlib
import json
import os

import pytest
from machine.state.support.proxy import Fault
from machine.state.support.stranger import forget

TWINS = [b"a\xff.md", b"a%FF.md", b"a%25FF.md", b"100%.md", b"100%25.md"]
ODD = [*TWINS, b"two\nlines.md", b"\x01\x7f.md", "ключ é.md".encode(), b" +&?#;", "\ufffe".encode()]
LONG = "/".join(["d" * 200] * 5) + "/" + "é" * 100


@pytest.fixture
def deployment(make_deployment):
    return make_deployment(backup="mirror")


def write(machine, name: bytes, content: bytes) -> None:
    path = os.path.join(os.fsencode(machine.path("workspace")), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as stream:
        stream.write(content)


def read(machine, name: bytes) -> bytes:
    with open(os.path.join(os.fsencode(machine.path("workspace")), name), "rb") as stream:
        return stream.read()


def is_in(path: str):
    return lambda request: path in request.path


def test_names_that_would_share_a_key_all_come_back(living):
    for name in ODD:
        write(living, name, b"content of " + name)
    living.backup()
    living.backup()
    assert living.record("backup")["bytes_sent"] == 0
    replacement = living.replaced()
    replacement.boot()
    assert [read(replacement, name) for name in ODD] == [b"content of " + name for name in ODD]
    replacement.state("drill")


def test_a_name_that_no_key_has_room_for_costs_nothing(living):
    """S3 refuses keys of more than 1,024 bytes, and lists none that begin elsewhere."""
    long = LONG.encode()
    write(living, long, b"first")
    living.backup()
    write(living, long, b"second")
    write(living, long + b"2", b"another")
    living.backup()
    assert max(len(key.encode()) for key in living.deployment.stored()) <= 1024
    replacement = living.replaced()
    replacement.boot()
    assert read(replacement, long) == b"second"
    assert read(replacement, long + b"2") == b"another"
    os.unlink(os.path.join(os.fsencode(replacement.path("workspace")), long))
    replacement.backup()
    assert len(living.deployment.stored("mirror/.long/")) == 1


def test_what_is_set_aside_has_room_for_its_name_too(living):
    path = "/".join(["d" * 200] * 4) + "/" + "e" * 190
    write(living, path.encode(), b"kept apart")
    for number in range(12):
        living.path(f"workspace/notes/{number}.md").unlink()
    living.backup(expect=79)
    assert max(len(key.encode()) for key in living.deployment.stored()) <= 1024
    (line,) = [line for line in living.state("snapshots").splitlines() if "set aside" in line]
    living.state("restore", line.split()[0])
    assert read(living, path.encode()) == b"kept apart"


def as_machines_before_stored(deployment, path: str) -> None:
    """The newest manifest and the object of this path, as they were before % was escaped and manifests were signed."""
    key = max(deployment.stored("mirror/manifests/"))
    lines = [json.loads(line) for line in gzip.decompress(deployment.body(key)).splitlines()]
    for item in lines:
        if item["path"] == path:
            body = deployment.body(item["stored"])
            deployment.erase(item["stored"])
            put = deployment.s3.put_object(Bucket=deployment.bucket, Key=f"mirror/{path}", Body=body)
            item.update(stored="", version=put["VersionId"])
    entries = [item for item in lines if item["path"]]
    deployment.put(key, gzip.compress("".join(json.dumps(item) + "\n" for item in entries).encode()))
    forget(deployment, "state-key", "state-signed-from")


def test_a_bucket_of_a_machine_before_stays_readable(living):
    write(living, b"100%.md", b"content")
    living.backup()
    as_machines_before_stored(living.deployment, "workspace/100%.md")
    assert "mirror/workspace/100%.md" in living.deployment.stored()
    replacement = living.replaced()
    replacement.boot()
    assert read(replacement, b"100%.md") == b"content"
    assert not replacement.path("workspace/100%25.md").exists()
    replacement.backup()
    assert "mirror/workspace/100%.md" not in living.deployment.stored()
    third = replacement.replaced()
    third.boot()
    assert read(third, b"100%.md") == b"content"


def test_what_a_person_puts_at_an_escaped_key_replaces_its_file(living):
    write(living, b"100%.md", b"content")
    living.backup()
    living.deployment.put("mirror/workspace/100%25.md", b"by hand")
    living.boot()
    assert read(living, b"100%.md") == b"by hand"
    assert not living.path("workspace/100%25.md").exists()
    living.backup()
    replacement = living.replaced()
    replacement.boot()
    assert read(replacement, b"100%.md") == b"by hand"


@pytest.mark.parametrize("key", ["mirror/.long/x", "mirror/.long/" + hashlib.sha256(b"x").hexdigest()])
def test_what_a_person_puts_among_the_hashed_keys_is_nothing(living, key):
    living.deployment.put(key, b"by hand")
    living.boot()
    living.backup()
    assert living.deployment.body(key) == b"by hand"


def test_a_server_that_refuses_long_keys_is_met_by_none(living, cloud):
    write(living, LONG.encode(), b"long")
    with cloud.playing(Fault(is_in("d" * 200), status=500)) as refused:
        living.backup()
    assert not refused.played
