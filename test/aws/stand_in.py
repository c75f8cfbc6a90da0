"""Plays the machine's part of a deployment: no machine boots in these tests.

For every instance of the group it does with the instance role's own temporary credentials, as EC2 hands them out, the
two calls that the real machine makes: SignalResource when it is ready (or not), CompleteLifecycleAction when it has
drained.
"""

import threading
from typing import Any

from botocore.exceptions import ClientError
from lab.aws.server import LocalAws

GROUP = "Group"
POLL_SECONDS = 0.3


class StandIn:
    def __init__(self, aws: LocalAws, stack: str):
        self._aws, self.stack = aws, stack
        self._client = aws.client_factory()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._machines: dict[str, Any] = {}
        self.answer: str | None = "SUCCESS"
        """What new instances signal; None for nothing."""
        self.fail_types: set[str] = set()
        """Instance types that signal FAILURE instead."""
        self.signal_id: str | None = None
        """What they signal as; None for their own ids."""
        self.signalled: list[tuple[str, str]] = []
        self.drained: list[str] = []
        self.faults: list[str] = []
        self.deployment = ""
        """What the CLI printed when it deployed."""

    def __enter__(self) -> "StandIn":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def credentials(self, instance: dict, url: str | None = None) -> Any:
        """A client factory with the role of this instance, found as EC2 finds it: through the instance profile."""
        tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
        [version] = self._client("ec2").describe_launch_template_versions(
            LaunchTemplateId=tags["aws:ec2launchtemplate:id"], Versions=[tags["aws:ec2launchtemplate:version"]]
        )["LaunchTemplateVersions"]
        profile = version["LaunchTemplateData"]["IamInstanceProfile"]["Arn"].rpartition("/")[2]
        iam = self._client("iam")
        [role] = iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"]
        session = self._client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName=instance["InstanceId"])
        given = session["Credentials"]
        return self._aws.client_factory(given["AccessKeyId"], given["SessionToken"], url)

    def instances(self) -> list[dict]:
        filters = [
            {"Name": "tag:aws:autoscaling:groupName", "Values": [self.stack]},
            {"Name": "instance-state-name", "Values": ["running"]},
        ]
        reservations = self._client("ec2").describe_instances(Filters=filters)["Reservations"]
        return [instance for reservation in reservations for instance in reservation["Instances"]]

    def _run(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            for instance in self.instances():
                self._play(instance, instance["InstanceId"])

    def _play(self, instance: dict, name: str) -> None:
        described = self._client("autoscaling").describe_auto_scaling_instances(InstanceIds=[name])
        member = next(iter(described["AutoScalingInstances"]), None)
        if not member:
            return
        machine = self._machines[name] = self._machines.get(name) or self.credentials(instance)
        if member["LifecycleState"] == "Terminating:Wait":
            done = {"LifecycleHookName": "drain", "AutoScalingGroupName": self.stack, "InstanceId": name}
            if self._try(machine("autoscaling").complete_lifecycle_action, **done, LifecycleActionResult="CONTINUE"):
                self.drained.append(name)
        elif self.answer and name not in dict(self.signalled):
            answer = "FAILURE" if instance["InstanceType"] in self.fail_types else self.answer
            signal = {"StackName": self.stack, "LogicalResourceId": GROUP, "UniqueId": self.signal_id or name}
            if self._try(machine("cloudformation").signal_resource, **signal, Status=answer):
                self.signalled.append((name, answer))

    def _try(self, call: Any, **params: Any) -> bool:
        """A signal can come when nothing waits for one (as on a machine): a ValidationError is no fault."""
        try:
            call(**params)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                self.faults.append(str(error))
            return False
        return True
