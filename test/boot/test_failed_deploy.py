"""A machine that does not come up fails its deploy."""

import dataclasses

import pytest
from lab import settings
from lab.deployment import DeploymentError

from .looking import eventually


def test_a_machine_without_its_secrets_fails_the_deploy_and_names_the_unit_in_the_log(deployment, emulator):
    broken = dataclasses.replace(deployment, stack="broken")
    broken.put_secret("env/not-a-variable", "a value")
    with pytest.raises(DeploymentError, match=r"ended with 1"):
        broken.deploy()
    machine = broken.last_machine()
    events = broken.client("cloudformation").describe_stack_events(StackName=broken.stack_name)["StackEvents"]
    said = " ".join(event.get("ResourceStatusReason", "") for event in events)
    assert f"Received FAILURE signal with UniqueId {machine.instance_id}" in said, said
    assert broken.stacks()[broken.stack_name].startswith("ROLLBACK")
    # The rollback has taken the log groups along: what was sent to them is in the machine's own log too.
    sent = [each for each in emulator.requests() if each["who"].endswith(f"/{machine.instance_id}")]
    assert ("logs:PutLogEvents", 200) in {(each["call"], each["status"]) for each in sent}
    output = settings.MACHINES / machine.instance_id / "log/cloud-init-output.log"
    assert eventually(output.exists), "the machine is gone, and its logs kept"
    said = output.read_text()
    assert "report-failure: openclaw-secrets.service failed; the last that it said:" in said
    assert "could not be sent" not in said
    assert "not-a-variable" in said
