"""AWS::AutoScaling::AutoScalingGroup: its signals, its rolling update, and its orderly end; and its scheduled actions,
which are recorded and come at no time."""

import time

from .kind import Context, Kind, kind, without
from .signals import seconds

# An instance that drains says so by heartbeats; an update or delete does not wait for it for ever.
DRAIN_SECONDS = 3600
POLL_SECONDS = 0.2
ASIDE = (
    "LifecycleHookSpecificationList",
    "MetricsCollection",
    "NotificationConfigurations",
    "VPCZoneIdentifier",
    "Cooldown",
)
SIZES = ("MinSize", "MaxSize", "DesiredCapacity")
# What UpdateAutoScalingGroup does not take, and nobody changes here.
FIXED = ("AutoScalingGroupName", "Tags")


@kind
class AutoScalingGroup(Kind):
    type = "AWS::AutoScaling::AutoScalingGroup"
    name_property = "AutoScalingGroupName"
    immutable = frozenset({"AutoScalingGroupName"})

    def make(self, c: Context, p: dict) -> str:
        name = p.get("AutoScalingGroupName") or c.generated_name(255)
        properties = {**without(p, *ASIDE), **_subnets(p), "AutoScalingGroupName": name}
        properties.setdefault("DesiredCapacity", p["MinSize"])
        c.call("autoscaling", "create_auto_scaling_group", **properties)
        return name

    def configure(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        self._hooks(c, physical_id, p, old)
        for topic in p.get("NotificationConfigurations", []):
            c.call("autoscaling", "put_notification_configuration", AutoScalingGroupName=physical_id, **topic)
        for collection in p.get("MetricsCollection", []):
            c.call("autoscaling", "enable_metrics_collection", AutoScalingGroupName=physical_id, **collection)
        if old is None:
            return
        policy = c.definition.get("UpdatePolicy", {})
        properties = without(p, *ASIDE, *FIXED, *_left_alone(policy, p, old))
        c.call(
            "autoscaling", "update_auto_scaling_group", AutoScalingGroupName=physical_id, **properties, **_subnets(p)
        )
        if p.get("Tags") != old.get("Tags"):
            tags = [
                {**tag, "ResourceId": physical_id, "ResourceType": "auto-scaling-group"} for tag in p.get("Tags", [])
            ]
            c.call("autoscaling", "create_or_update_tags", Tags=tags)
        if policy.get("AutoScalingReplacingUpdate", {}).get("WillReplace"):
            raise NotImplementedError("AutoScalingReplacingUpdate is not modelled")
        if rolling := policy.get("AutoScalingRollingUpdate"):
            self._roll(c, physical_id, rolling)

    def _hooks(self, c: Context, group: str, p: dict, old: dict | None) -> None:
        hooks = {hook["LifecycleHookName"]: hook for hook in p.get("LifecycleHookSpecificationList", [])}
        for name in {
            hook["LifecycleHookName"] for hook in (old or {}).get("LifecycleHookSpecificationList", [])
        } - hooks.keys():
            c.call("autoscaling", "delete_lifecycle_hook", AutoScalingGroupName=group, LifecycleHookName=name)
        for hook in hooks.values():
            if hook["LifecycleTransition"] != "autoscaling:EC2_INSTANCE_TERMINATING":
                raise NotImplementedError(f"a hook on {hook['LifecycleTransition']} is not modelled")
            c.call("autoscaling", "put_lifecycle_hook", AutoScalingGroupName=group, **hook)

    def stabilize(self, c: Context, physical_id: str, p: dict) -> None:
        if signal := c.definition.get("CreationPolicy", {}).get("ResourceSignal"):
            c.wait_for_signals(int(signal.get("Count", 1)), signal.get("Timeout", "PT5M"))

    def counts_signal(self, c: Context, physical_id: str, unique_id: str) -> bool:
        """Of a group's signals only those count whose id is an instance's that the group has and keeps.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_SignalResource.html
        """
        members = _described(c, physical_id)["Instances"]
        return any(
            member["InstanceId"] == unique_id and not member["LifecycleState"].startswith("Terminating")
            for member in members
        )

    def _roll(self, c: Context, group: str, policy: dict) -> None:
        """End each instance that runs another version than the group's, and wait for its successor."""
        version = str(_described(c, group)["LaunchTemplate"]["Version"])
        obsolete = [instance for instance in _instances(c, group) if _version(c, instance) != version]
        if not obsolete:
            return
        if int(policy.get("MinInstancesInService", 0)) or int(policy.get("MaxBatchSize", 1)) != 1:
            raise NotImplementedError("only rolling updates of one instance that ends first are modelled")
        pause = policy.get("PauseTime", "PT0S")
        suspended = policy.get("SuspendProcesses", [])
        c.report(
            f"Rolling update initiated. Terminating {len(obsolete)} obsolete instance(s) in batches of 1, while "
            f"keeping at least 0 instance(s) in service. Waiting on resource signals with a timeout of {pause} when "
            "new instances are added to the autoscaling group."
        )
        if suspended:
            c.call("autoscaling", "suspend_processes", AutoScalingGroupName=group, ScalingProcesses=suspended)
        try:
            for instance in obsolete:
                self._replace(c, group, instance, policy, pause)
        finally:
            if suspended:
                c.call("autoscaling", "resume_processes", AutoScalingGroupName=group, ScalingProcesses=suspended)

    def _replace(self, c: Context, group: str, instance: str, policy: dict, pause: str) -> None:
        c.clear_signals()
        c.report(f"Terminating instance(s) [{instance}]; replacing with 1 new instance(s).")
        c.call(
            "autoscaling",
            "terminate_instance_in_auto_scaling_group",
            InstanceId=instance,
            ShouldDecrementDesiredCapacity=False,
        )
        _until(lambda: instance not in _instances(c, group), f"{instance} does not end")
        c.report(f"Successfully terminated instance(s) [{instance}] (Progress 100%).")
        if policy.get("WaitOnResourceSignals"):
            c.report(
                "New instance(s) added to autoscaling group - Waiting on 1 resource signal(s) "
                f"with a timeout of {pause}."
            )
            c.wait_for_signals(1, pause)
        else:
            time.sleep(seconds(pause))

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        c.call(
            "autoscaling",
            "update_auto_scaling_group",
            AutoScalingGroupName=physical_id,
            MinSize=0,
            MaxSize=0,
            DesiredCapacity=0,
        )
        _until(lambda: not _instances(c, physical_id), "the instances do not end")
        c.call("autoscaling", "delete_auto_scaling_group", AutoScalingGroupName=physical_id)


@kind
class ScheduledAction(Kind):
    type = "AWS::AutoScaling::ScheduledAction"
    immutable = frozenset({"AutoScalingGroupName"})

    def make(self, c: Context, p: dict) -> str:
        return c.generated_name(255)

    def configure(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        c.call("autoscaling", "put_scheduled_update_group_action", **p, ScheduledActionName=physical_id)

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        group = p["AutoScalingGroupName"]
        c.call("autoscaling", "delete_scheduled_action", AutoScalingGroupName=group, ScheduledActionName=physical_id)


def _left_alone(policy: dict, p: dict, old: dict) -> list[str]:
    """Sizes of the group that somebody else may have changed, where the template has not.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html
    """
    if not policy.get("AutoScalingScheduledAction", {}).get("IgnoreUnmodifiedGroupSizeProperties"):
        return []
    return [name for name in SIZES if p.get(name) == old.get(name)]


def _subnets(p: dict) -> dict:
    return {"VPCZoneIdentifier": ",".join(p["VPCZoneIdentifier"])}


def _described(c: Context, group: str) -> dict:
    [found] = c.call("autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=[group])["AutoScalingGroups"]
    return found


def _instances(c: Context, group: str) -> list[str]:
    return [instance["InstanceId"] for instance in _described(c, group)["Instances"]]


def _version(c: Context, instance: str) -> str | None:
    filters = [
        {"Name": "resource-id", "Values": [instance]},
        {"Name": "key", "Values": ["aws:ec2launchtemplate:version"]},
    ]
    return next((tag["Value"] for tag in c.call("ec2", "describe_tags", Filters=filters)["Tags"]), None)


def _until(done, complaint: str) -> None:
    deadline = time.monotonic() + DRAIN_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{complaint} within {DRAIN_SECONDS} s")
        time.sleep(POLL_SECONDS)
