"""What an Auto Scaling group does by itself: it ends instances through their lifecycle hook and launches their
successors.

Added to moto: the hook that holds an instance in Terminating:Wait until CompleteLifecycleAction or the end of its
heartbeat; replacement of an instance that was terminated or reported unhealthy; suspended processes Launch and
ReplaceUnhealthy; launching by the group's own version of its launch template. A successor is launched as soon as an
instance begins to end, whatever its hook waits for. Not modelled: launch hooks, grace periods, health checks, several
subnets, warm pools, notifications (only recorded).
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import AutoScalingBackend, FakeAutoScalingGroup, InstanceState, LifecycleHook
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.models import EC2Backend

from . import ec2

log = logging.getLogger("lab.aws.autoscaling")

TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"
LOCK = threading.RLock()


class Wait:
    """An instance that its hook holds in Terminating:Wait."""

    held: ClassVar[dict[str, "Wait"]] = {}

    def __init__(self, hook: LifecycleHook):
        self.hook = hook
        self._done = threading.Event()
        self.heartbeat()

    def heartbeat(self) -> None:
        self._deadline = time.monotonic() + self.hook.heartbeat_timeout

    def complete(self) -> None:
        self._done.set()

    def until_done(self) -> bool:
        """Whether it was completed, rather than timed out."""
        while (left := self._deadline - time.monotonic()) > 0:
            if self._done.wait(left):
                return True
        return False


def end(group: FakeAutoScalingGroup, state: InstanceState) -> None:
    """Take an instance out of service, through the hook if there is one."""
    backend = group.autoscaling_backend
    hooks = [hook for hook in backend.describe_lifecycle_hooks(group.name) if hook.lifecycle_transition == TERMINATING]
    with LOCK:
        if state.lifecycle_state.startswith("Terminating"):
            return
        if not hooks:
            _terminate(group, state)
            return
        state.lifecycle_state = "Terminating:Wait"
        Wait.held[state.instance_id] = wait = Wait(hooks[0])
        refill(group)
    threading.Thread(target=_drain, args=(group, state, wait), name=f"drain {state.instance_id}", daemon=True).start()


def _drain(group: FakeAutoScalingGroup, state: InstanceState, wait: Wait) -> None:
    completed = wait.until_done()
    with LOCK:
        Wait.held.pop(state.instance_id, None)
        if state not in group.instance_states:
            return
        if not completed:
            log.warning("%s: no heartbeat for %s s, terminated", state.instance_id, wait.hook.heartbeat_timeout)
        state.lifecycle_state = "Terminating:Proceed"
        _terminate(group, state)


def _terminate(group: FakeAutoScalingGroup, state: InstanceState) -> None:
    group.ec2_backend.terminate_instances([state.instance_id])
    group.instance_states.remove(state)
    refill(group)


def refill(group: FakeAutoScalingGroup) -> None:
    """Launch until the desired number is there; an instance on its way out does not count.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-maintenance-policy-overview-and-considerations.html
    """
    with LOCK:
        missing = (group.desired_capacity or 0) - len(_staying(group))
        if missing > 0 and "Launch" not in {process["ProcessName"] for process in group.suspended_processes}:
            group.replace_autoscaling_group_instances(missing, group.get_propagated_tags())


def _staying(group: FakeAutoScalingGroup) -> list[InstanceState]:
    return [state for state in group.instance_states if not state.lifecycle_state.startswith("Terminating")]


def _set_desired_capacity(group: FakeAutoScalingGroup, capacity: int | None) -> None:
    with LOCK:
        group.desired_capacity = group.min_size if capacity is None else capacity
        for state in _staying(group)[group.desired_capacity or 0 :]:
            end(group, state)
        refill(group)


def _notify_terminate_instances(backend: AutoScalingBackend, instance_ids: list[str]) -> None:
    """EC2 has terminated instances without asking the group."""
    with LOCK:
        for group in backend.autoscaling_groups.values():
            lost = [state for state in group.instance_states if state.instance_id in instance_ids]
            for state in lost:
                group.instance_states.remove(state)
                if wait := Wait.held.pop(state.instance_id, None):
                    wait.complete()
            if lost:
                refill(group)


def _member(backend: AutoScalingBackend, instance_id: str) -> tuple[FakeAutoScalingGroup, InstanceState]:
    for group in backend.autoscaling_groups.values():
        for state in group.instance_states:
            if state.instance_id == instance_id:
                return group, state
    raise ValidationError(f"Instance Id not found - No managed instance found for instance ID: {instance_id}")


def _set_instance_health(backend: AutoScalingBackend, instance_id: str, health_status: str) -> None:
    group, state = _member(backend, instance_id)
    state.health_status = health_status
    suspended = {process["ProcessName"] for process in group.suspended_processes}
    if health_status == "Unhealthy" and "ReplaceUnhealthy" not in suspended:
        end(group, state)


class Responses:
    """Operations of the API that moto lacks."""

    def complete_lifecycle_action(self: AutoScalingResponse) -> ActionResult:
        _held(self).complete()
        return EmptyResult()

    def record_lifecycle_action_heartbeat(self: AutoScalingResponse) -> ActionResult:
        _held(self).heartbeat()
        return EmptyResult()

    def terminate_instance_in_auto_scaling_group(self: AutoScalingResponse) -> ActionResult:
        group, state = _member(self.autoscaling_backend, self._get_param("InstanceId"))
        if self._get_bool_param("ShouldDecrementDesiredCapacity", False):
            group.desired_capacity -= 1
        end(group, state)
        return EmptyResult()

    def put_notification_configuration(self: AutoScalingResponse) -> ActionResult:
        group = self.autoscaling_backend.autoscaling_groups[self._get_param("AutoScalingGroupName")]
        topics = group.__dict__.setdefault("notifications", {})
        topics[self._get_param("TopicARN")] = self._get_param("NotificationTypes")
        return EmptyResult()

    def describe_notification_configurations(self: AutoScalingResponse) -> ActionResult:
        names = self._get_param("AutoScalingGroupNames") or list(self.autoscaling_backend.autoscaling_groups)
        configurations = [
            {"AutoScalingGroupName": name, "TopicARN": topic, "NotificationType": kind}
            for name in names
            for topic, kinds in getattr(self.autoscaling_backend.autoscaling_groups[name], "notifications", {}).items()
            for kind in kinds
        ]
        return ActionResult({"NotificationConfigurations": configurations})


def _held(response: AutoScalingResponse) -> Wait:
    instance, hook = response._get_param("InstanceId"), response._get_param("LifecycleHookName")
    wait = Wait.held.get(instance)
    if not wait or (wait.hook.name, wait.hook.auto_scaling_group_name) != (
        hook,
        response._get_param("AutoScalingGroupName"),
    ):
        raise ValidationError(f"No active Lifecycle Action found with instance ID {instance}")
    return wait


def install(service: Callable[..., Any]) -> None:
    """Make moto's groups behave so. `service` makes clients that act for Auto Scaling itself."""

    def launch(group: FakeAutoScalingGroup, count: int, tags: dict[str, str]) -> None:
        backend: EC2Backend = group.ec2_backend
        template = {"LaunchTemplateId": group.ec2_launch_template.id, "Version": group.launch_template_version}
        for _ in range(count):
            subnet = group.vpc_zone_identifier.split(",")[0]
            named = {**tags, "aws:autoscaling:groupName": group.name}
            instance = ec2.launch(backend, service, template, subnet, named)
            instance.autoscaling_group = group
            group.instance_states.append(InstanceState(instance))

    FakeAutoScalingGroup.replace_autoscaling_group_instances = launch
    FakeAutoScalingGroup.set_desired_capacity = _set_desired_capacity
    AutoScalingBackend.notify_terminate_instances = _notify_terminate_instances
    AutoScalingBackend.set_instance_health = _set_instance_health
    for name, operation in vars(Responses).items():
        if not name.startswith("_"):
            setattr(AutoScalingResponse, name, operation)
