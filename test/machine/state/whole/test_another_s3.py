"""The life of the state on an S3 server that nobody here wrote, with either engine; what that server does not do by
itself, the proxy does."""

import os
import shutil
import tempfile
from pathlib import Path

import boto3
import pytest
from machine.forkserver import ACCOUNT, REGION
from machine.state.support import versitygw
from machine.state.support.machine import NODE, Deployment, Writer
from machine.state.support.proxy import Fault, Proxy
from machine.state.whole.test_life import listing

# It takes the name of the key for the account that owns the buckets.
ACCESS, SECRET = ACCOUNT, "none"
ROOTS = (".openclaw/agents", "workspace", "auth-profile-secrets")


@pytest.fixture(scope="module")
def another_s3():
    directory = Path(tempfile.mkdtemp(prefix="openclaw-test-"))
    try:
        with versitygw.running(directory, ACCESS, SECRET) as port:
            proxy = Proxy(port)
            yield proxy
            proxy.close()
    finally:
        shutil.rmtree(directory)


@pytest.fixture(params=["snapshots", "mirror"])
def deployment(request, another_s3, cloud, client, programs, library, fork_server, tmp_path):  # noqa: PLR0917 (fixtures, by name)
    keys = {"aws_access_key_id": ACCESS, "aws_secret_access_key": SECRET}
    s3 = boto3.client("s3", endpoint_url=another_s3.url, region_name=REGION, **keys)
    return Deployment(
        cloud.url,
        str(programs),
        lambda service: s3 if service == "s3" else client(service),
        tmp_path,
        backup=request.param,
        library=library,
        fork_server=fork_server,
        environment={"AWS_ENDPOINT_URL_S3": another_s3.url, "AWS_ACCESS_KEY_ID": ACCESS},
    )


def odd_things(machine):
    path = machine.write("workspace/tool.sh", "#!/bin/sh\n", 0o755)
    os.link(path, machine.path("workspace/same-tool"))
    os.symlink("tool.sh", machine.path("workspace/link"))
    machine.path("workspace/empty/inside").mkdir(parents=True)
    machine.write("workspace/with space, comma & ü%41", "x", 0o640)
    machine.write(os.fsdecode(b"workspace/not-utf8-\xff"), "y")
    machine.write("workspace/zero", b"")
    machine.write("workspace/big", os.urandom(9 << 20))
    for one in machine.path("workspace").rglob("*"):
        os.chown(one, NODE, NODE, follow_symlinks=False)


def test_the_whole_life(living):
    odd_things(living)
    with Writer(living.path(".openclaw/state/openclaw.sqlite")):
        former = living.backup()
    living.write("workspace/notes/3.md", "changed")
    living.path("workspace/notes/4.md").unlink()
    living.backup()
    living.backup()
    assert living.record("backup")["bytes_sent"] < 20_000
    living.state("drill")
    before = {name: listing(living.path(name)) for name in ROOTS}
    replacement = living.replaced()
    replacement.boot()
    assert {name: listing(replacement.path(name)) for name in ROOTS} == before
    assert replacement.notes() >= 20
    replacement.state("restore", former, "--paths", "workspace/notes")
    assert replacement.path("workspace/notes/3.md").read_text() == "note 3\n" * 20
    assert replacement.path("workspace/notes/4.md").exists()
    replacement.state("backup", "--final")
    successor = replacement.deployment.launch()
    successor.boot()
    assert successor.path("workspace/notes/4.md").exists()
    replacement.backup(expect=77)


PATIENT = {"AWS_MAX_ATTEMPTS": "5"}
FAULTS = {"slow down": {"status": 503}, "cut off": {"cut": True}, "flipped": {"corrupt": True}}


def test_a_slow_down_costs_no_backup(living, another_s3):
    living.write("workspace/notes/3.md", "newest")
    stored = Fault(lambda one: one.method == "PUT" and "lease" not in one.path, status=503, times=1)
    with another_s3.playing(stored):
        living.backup(**PATIENT)
    assert stored.played == 1
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "newest"


@pytest.mark.parametrize("fault", FAULTS)
def test_an_answer_that_is_none_costs_no_restore(living, another_s3, fault):
    replacement = living.replaced()
    content = ("/data/", "/mirror/workspace/")
    fetched = Fault(
        lambda one: one.method == "GET" and any(part in one.path for part in content), times=1, **FAULTS[fault]
    )
    with another_s3.playing(fetched):
        replacement.boot(patience="60", **PATIENT)
    assert fetched.played == 1
    assert replacement.path("workspace/notes/3.md").read_text() == "note 3\n" * 20
