"""A stranger in the bucket, over both engines: nothing of it is restored, drains a machine, or keeps one down."""

import json

import pytest
from machine.state.support.leases import lease
from machine.state.support.proxy import Fault
from machine.state.support.stranger import forge, manifest_key

GARBAGE = [
    b"",
    b"\xff\xfe",
    b"[" * 60000,
    b"null",
    b"[1]",
    b'"x"',
    b'{"generation": "1", "instance": ["i"], "at": {}}',
    b"{}" * 40000,
]
DRAIN = "stop --no-block openclaw-drain.service"


def drains(machine):
    return machine.commands.exists() and DRAIN in machine.commands.read_text()


@pytest.fixture
def one(make_deployment):
    machine = make_deployment(backup="snapshots").launch()
    machine.boot()
    return machine


def wish(machine, waiter, **more):
    wanted = {"generation": lease(machine.deployment)["generation"], "instance": waiter, **more}
    machine.deployment.put("lease-wanted.json", json.dumps(wanted).encode())
    machine.run.mkdir(exist_ok=True)
    machine.state("lease", "check")


def test_a_wish_that_is_none_drains_nobody_and_is_said(one):
    for body in GARBAGE:
        one.deployment.put("lease-wanted.json", body)
        one.state("lease", "check")
        assert not drains(one)
        assert f"s3://{one.deployment.bucket}/lease-wanted.json asks for nothing: " in one.log


def test_a_running_instance_of_the_account_that_is_not_of_the_group_drains_nobody(one):
    wish(one, one.deployment.launch(in_group=False).instance)
    assert not drains(one)
    assert f"is not a running instance of openclaw-{one.deployment.name}" in one.log


def test_a_drain_for_another_machine_of_the_group_is_none_by_hand(one):
    waiter = one.deployment.launch().instance
    wish(one, waiter, state="asked", nonce="n", base={"engine": "snapshots"})
    assert drains(one)
    assert json.loads((one.run / "handover-asked.json").read_text()) == {"reason": "handover", "for": waiter}


def test_a_lease_of_a_newer_version_keeps_nobody_down(one):
    newer = {**lease(one.deployment), "patience": {"seconds": 9}}
    one.deployment.put("lease.json", json.dumps(newer).encode())
    one.state("lease", "check")
    one.boot()
    assert lease(one.deployment)["generation"] == 2


def test_a_lease_that_is_none_is_refused_by_name_and_never_a_crash(one):
    held = lease(one.deployment)
    for body in [*GARBAGE, json.dumps({**held, "generation": 1 << 40}).encode()]:
        one.deployment.put("lease.json", body)
        for arguments in (["lease", "check"], ["boot", "--patience", "0"], ["backup", "--final"]):
            one.state(*arguments, expect=78)
            assert f"s3://{one.deployment.bucket}/lease.json is not a lease: " in one.log
            assert "Traceback" not in one.log
    assert "generation must be a whole number from 1 to 2147483648, got 1099511627776" in one.log


def test_a_request_that_is_none_is_refused_by_name_and_never_a_crash(one):
    for body in GARBAGE:
        one.deployment.put("restore.json", body)
        one.boot(expect=78)
        assert f"s3://{one.deployment.bucket}/restore.json: it " in one.log and "Traceback" not in one.log
    one.deployment.s3.delete_object(Bucket=one.deployment.bucket, Key="restore.json")
    one.boot()


def test_the_last_generation_is_refused_and_not_passed(one):
    one.deployment.put(
        "lease.json", json.dumps({**lease(one.deployment), "generation": 1 << 31, "nonce": "n"}).encode()
    )
    one.boot(expect=78)
    assert "above which there is none" in one.log
    assert lease(one.deployment)["generation"] == 1 << 31


def test_every_call_names_the_owner_that_the_bucket_must_have(living, cloud):
    seen = []

    def note(request):
        # restic and moto's own look are not ours.
        if living.deployment.bucket in request.path and "otocore" in request.headers.get("User-Agent", ""):
            seen.append((request.method, request.path, request.headers.get("x-amz-expected-bucket-owner")))
        return False

    with cloud.playing(Fault(note)):
        living.write("workspace/notes/3.md", "changed")
        living.backup()
        living.boot()
        living.state("drill")
    assert {method for method, *_ in seen} >= {"GET", "PUT"}
    assert [call for call in seen if call[2] != "123456789012"] == []


def test_a_forged_backup_of_the_mirror_is_not_what_comes_back(living):
    """With either engine: the highest generation does not win by itself."""
    forge(living.deployment)
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/4.md").read_text() == "note 4\n" * 20
    assert replacement.notes() == 20
    restored = json.loads((replacement.var / "restored").read_text())
    assert (restored["engine"], restored["generation"]) == (living.deployment.backup, 1)
    assert lease(living.deployment)["generation"] == 2, "no forged number raises ours"
    rows = [row for row in replacement.state("snapshots").splitlines() if row.startswith("00009000-")]
    assert all(row.endswith("mirror (unsigned)") for row in rows)
    assert not rows or living.deployment.backup == "snapshots"


def test_forged_names_push_no_backup_out(living):
    for day in range(1, 29):
        for hour in range(0, 24, 6):
            living.deployment.put(
                manifest_key(stamp=f"203012{day:02d}T{hour:02d}0000Z", mark=f"{day * 100 + hour:08x}"), b""
            )
    living.deployment.put("mirror/manifests/20269999T999999Z.jsonl.gz", b"")
    living.deployment.put(manifest_key(stamp="20269999T999999Z"), b"")
    before = living.record("backup")["snapshot"]
    living.write("workspace/notes/3.md", "later")
    (living.var / "pruned").unlink()
    living.backup()
    assert living.record("prune")["result"] == "success"
    assert before[:8] in living.state("snapshots")
    replacement = living.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/3.md").read_text() == "later"
