"""A stack: what is in it, what happened to it, and its signals. What changes it is in `deployment`."""

import datetime
import secrets
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

from .signals import Signals


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


@dataclass(eq=False)
class Resource:
    logical_id: str
    type: str
    definition: dict
    properties: dict
    physical_id: str = ""
    status: str = ""
    reason: str | None = None
    changed: datetime.datetime = field(default_factory=now)
    imported: bool = False


@dataclass
class ChangeSet:
    name: str
    id: str
    type: str
    template_body: str
    parameters: dict[str, str]
    tags: list[dict]
    import_existing: bool
    changes: list[dict]
    status: str = "CREATE_COMPLETE"
    reason: str | None = None
    execution: str = "AVAILABLE"
    created: datetime.datetime = field(default_factory=now)


class Stack:
    def __init__(self, name: str, region: str, account: str):
        self.name, self.region, self.account = name, region, account
        self.id = f"arn:aws:cloudformation:{region}:{account}:stack/{name}/{uuid.uuid4()}"
        self.status, self.reason = "", None
        self.template: dict = {}
        self.template_body = ""
        self.parameters: dict[str, str] = {}
        self.resolved_parameters: dict[str, Any] = {}
        self.tags: list[dict] = []
        self.resources: dict[str, Resource] = {}
        self.outputs: list[dict] = []
        self.events: list[dict] = []
        self.change_sets: dict[str, ChangeSet] = {}
        self.protected = False
        self.created, self.updated, self.deleted = now(), None, None
        self.token: str | None = None
        self.worker: threading.Thread | None = None
        self._signals: dict[str, Signals] = {}

    def set_status(self, status: str, reason: str | None = None) -> None:
        self.status, self.reason = status, reason
        self.event(Resource(self.name, "AWS::CloudFormation::Stack", {}, {}, self.id), status, reason)

    def set_resource_status(self, resource: Resource, status: str, reason: str | None = None) -> None:
        resource.status, resource.reason, resource.changed = status, reason, now()
        self.event(resource, status, reason)

    def event(self, resource: Resource, status: str, reason: str | None) -> None:
        event = {
            "StackId": self.id,
            "EventId": f"{resource.logical_id}-{secrets.token_hex(8)}",
            "StackName": self.name,
            "LogicalResourceId": resource.logical_id,
            "PhysicalResourceId": resource.physical_id,
            "ResourceType": resource.type,
            "Timestamp": self._next_moment(),
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
            "ClientRequestToken": self.token,
        }
        self.events.append({key: value for key, value in event.items() if value is not None})

    def _next_moment(self) -> datetime.datetime:
        """Clients sort events by their milliseconds."""
        last = self.events[-1]["Timestamp"] if self.events else self.created
        return max(now(), last + datetime.timedelta(milliseconds=1))

    def signals(self, logical_id: str) -> Signals:
        return self._signals.setdefault(logical_id, Signals())

    @property
    def busy(self) -> bool:
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"


class Stacks:
    """All stacks of the account, deleted ones too (by their id)."""

    def __init__(self) -> None:
        self.all: dict[str, Stack] = {}

    def find(self, region: str, name_or_id: str) -> Stack | None:
        if name_or_id in self.all:
            return self.all[name_or_id]
        return next((stack for stack in self.living(region) if stack.name == name_or_id), None)

    def living(self, region: str) -> list[Stack]:
        return [stack for stack in self.all.values() if stack.region == region and stack.status != "DELETE_COMPLETE"]

    def of_change_set(self, arn: str) -> str | None:
        return next((stack.id for stack in self.all.values() if arn in stack.change_sets), None)

    def add(self, stack: Stack) -> Stack:
        self.all[stack.id] = stack
        return stack


STACKS = Stacks()
