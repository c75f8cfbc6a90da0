"""A machine that does not come up fails its deploy."""

import dataclasses

import pytest
from lab.deployment import DeploymentError


def test_a_machine_without_its_secrets_fails_the_deploy_and_names_the_unit(deployment):
    broken = dataclasses.replace(deployment, stack="broken")
    broken.put_secret("env/not-a-variable", "a value")
    with pytest.raises(DeploymentError, match=r"ended with 1"):
        broken.deploy()
    events = broken.client("cloudformation").describe_stack_events(StackName=broken.stack_name)["StackEvents"]
    said = " ".join(event.get("ResourceStatusReason", "") for event in events)
    assert "FAILURE signal" in said, said
    assert "openclaw-secrets.service failed" in said, said
    assert broken.stacks()[broken.stack_name].startswith("ROLLBACK")
