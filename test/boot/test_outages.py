"""A replacement while something is away: what OpenClaw is only better with, or CloudFormation."""

import json

import pytest
from lab import demo, switches

from .looking import eventually, user_data_said

NOTE = "/opt/openclaw/workspace/before-the-outage"
USER_DATA = "/var/lib/cloud/instance/user-data.txt"
# Older than any patience of user data.
AGE_SECONDS = 100_000


@pytest.fixture
def replaced(deployment, machine):
    """Cuts the machine's power, and gives the replacement once it is ready."""

    def replaced(seconds: int = 300):
        lose(machine)
        return deployment.wait_ready(other_than=machine.instance_id, seconds=seconds)

    yield replaced
    switches.clear()


def lose(machine) -> None:
    """The power goes, after a backup."""
    machine.execute("touch", NOTE)
    machine.execute("systemctl", "start", "openclaw-backup.service")
    machine.cut_power()


def operations(deployment, machine) -> str:
    stream = {"logGroupName": f"{deployment.parameter_path}/operations", "logStreamName": machine.instance_id}
    events = deployment.client("logs").get_log_events(**stream)["events"]
    return "\n".join(json.loads(event["message"])["body"].get("MESSAGE", "") for event in events)


def test_an_agent_that_knows_no_journal_is_told_and_stops_nothing(deployment, replaced, emulator):
    switches.turn("agent-version", "1.300069.1")
    machine = replaced()
    demo.check_page()
    assert machine.execute("systemctl", "is-active", "openclaw-cloudwatch.service", check=False) == "failed"
    assert machine.succeeds("systemctl", "is-active", "--quiet", "amazon-cloudwatch-agent.service"), "for its metrics"
    said = eventually(lambda: operations(deployment, machine))
    assert "agent 1.300069.1 refuses" in said and "need 1.300070 or newer" in said
    assert eventually(lambda: "OpenClaw boot: ExtrasMissing" in emulator.told(machine.instance_id))


def test_a_package_that_cannot_be_had_is_told_and_stops_nothing(deployment, replaced):
    switches.turn("absent-packages", "amazon-cloudwatch-agent cryptsetup")
    machine = replaced()
    demo.check_page()
    said = eventually(lambda: operations(deployment, machine))
    for package in ("amazon-cloudwatch-agent", "cryptsetup"):
        assert f"the package {package} cannot be installed" in said
    switches.clear()
    machine.execute("systemctl", "start", "openclaw-extras.service")
    assert machine.succeeds("systemctl", "is-active", "--quiet", "amazon-cloudwatch-agent.service")


def test_cloudformation_that_does_not_answer_is_waited_for(deployment, emulator, machine):
    emulator.fail("cloudformation", "DescribeStackResource", 503)
    try:
        lose(machine)
        waiting = eventually(lambda: waits(deployment, other_than=machine.instance_id), seconds=200)
        assert waiting, "no replacement that tries again"
        assert not waiting.succeeds("test", "-e", "/etc/openclaw/machine.env")
    finally:
        emulator.heal()
    recovered = deployment.wait_ready(other_than=machine.instance_id)
    assert recovered.instance_id == waiting.instance_id
    assert recovered.succeeds("test", "-e", NOTE)


def waits(deployment, other_than: str):
    """The replacement once cfn-init has failed twice on it, or None."""
    machine = deployment.machine(other_than)
    if not machine:
        return None
    return machine if "again in 10 s" in user_data_said(machine) else None


def test_an_instance_that_cannot_become_a_machine_is_replaced(deployment, emulator, machine):
    emulator.fail("cloudformation", "DescribeStackResource", 503)
    try:
        lose(machine)
        first = eventually(lambda: waits(deployment, other_than=machine.instance_id), seconds=200)
        assert first, "no replacement that tries again"
        # What it does after a quarter of an hour.
        first.execute("sh", "-c", f"echo SECONDS={AGE_SECONDS} | cat - {USER_DATA} > /run/late")
        first.execute("systemd-run", "--unit=late", "/bin/bash", "/run/late")
        ended = eventually(lambda: deployment.machine(other_than=first.instance_id), seconds=120)
        assert ended, "the group has launched no other"
    finally:
        emulator.heal()
    recovered = deployment.wait_ready(other_than=first.instance_id)
    assert recovered.succeeds("test", "-e", NOTE)
