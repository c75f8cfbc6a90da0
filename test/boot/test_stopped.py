"""OpenClaw that a person stops stays so, on this machine and on the next ones, until it is started again."""

import datetime
import json

from lab import demo, ec2, metadata

from .looking import eventually, user_data_said

MARK = "/var/lib/openclaw/stopped"


def told(deployment):
    """What the bucket says: whether it was stopped; None where it says nothing."""
    objects = deployment.client("s3")
    listed = objects.list_objects_v2(Bucket=deployment.bucket, Prefix="stopped.json").get("Contents")
    if not listed:
        return None
    body = objects.get_object(Bucket=deployment.bucket, Key="stopped.json")["Body"].read()
    return json.loads(body)["stopped"]


def stays_stopped(deployment, other_than: str):
    """The replacement once its user data is done with OpenClaw stopped, or None."""
    machine = deployment.machine(other_than)
    if not machine:
        return None
    return machine if "and stays so" in user_data_said(machine) else None


def is_active(machine, unit: str) -> bool:
    return machine.succeeds("systemctl", "is-active", "--quiet", unit)


def test_what_stops_it_otherwise_is_not_meant_to_last(deployment, machine):
    for command in ("restart openclaw.service", "restart docker.service"):
        machine.execute("systemctl", *command.split())
        deployment.wait_ready()
        assert not machine.succeeds("test", "-e", MARK), command
    machine.execute("systemctl", "stop", "docker.service", "docker.socket")
    assert not machine.succeeds("test", "-e", MARK)
    machine.execute("systemctl", "start", "openclaw.service")
    machine.execute("systemctl", "kill", "--signal=KILL", "--kill-whom=main", "openclaw.service")
    assert not machine.succeeds("test", "-e", MARK)
    deployment.wait_ready()
    machine.execute("openclaw-state", "backup")
    machine.execute("openclaw-state", "restore")
    assert not machine.succeeds("test", "-e", MARK)
    assert not told(deployment)


def test_stopped_by_hand_it_stays_so_on_the_next_machine_until_it_is_started(deployment, machine):
    demo.write(machine)
    machine.execute("systemctl", "stop", "openclaw.service")
    assert eventually(lambda: told(deployment))
    at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=120)
    ec2.change_metadata(machine, metadata.spot_interruption("terminate", at))
    second = eventually(lambda: stays_stopped(deployment, other_than=machine.instance_id), seconds=300)
    assert second, "no replacement that stays stopped"
    assert not is_active(second, "openclaw.service")
    for unit in ("drain", "interruption", "restore"):
        assert is_active(second, f"openclaw-{unit}.service"), unit
    moved = eventually(lambda: "stopped by hand" in second.journal("--boot", "--unit", "openclaw-replacement.service"))
    assert moved, second.journal("--boot", "--unit", "openclaw-replacement.service")

    started = second.state["StartedAt"]
    second.reboot()
    assert eventually(lambda: second.running and second.state["StartedAt"] != started, seconds=150)
    restored = eventually(lambda: is_active(second, "openclaw-restore.service"), seconds=120)
    assert restored and not is_active(second, "openclaw.service")
    assert eventually(lambda: second.succeeds("test", "-e", "/run/openclaw/stopped"), seconds=120)

    second.cut_power()
    third = eventually(lambda: stays_stopped(deployment, other_than=second.instance_id), seconds=300)
    assert third, "no replacement that stays stopped"
    third.execute("systemctl", "start", "openclaw.service")
    assert demo.read(deployment.wait_ready())
    assert eventually(lambda: told(deployment) is False)
    third.execute("systemctl", "start", "openclaw-backup.service")
    third.cut_power()
    assert demo.read(deployment.wait_ready(other_than=third.instance_id))
