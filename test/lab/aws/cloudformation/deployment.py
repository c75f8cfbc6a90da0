"""Carries a stack from what it is to what a template says, and back when that fails.

Resources change one after the other. What CloudFormation does when something fails is done here as well: a create is
undone (but for what has DeletionPolicy Retain), an update is taken back by deploying the former template.
"""

import copy
import logging
from collections.abc import Callable
from typing import Any

from . import template as templates
from .kind import KINDS, AlreadyExists, Context
from .stack import Resource, Stack, now

log = logging.getLogger("lab.aws.cloudformation")


class ResourceFailed(Exception):
    """One resource could not be made or changed: the reason is in the stack's events already."""


class Deployment:
    """One operation on one stack.

    :param service: makes clients of the local AWS that act for CloudFormation
    """

    def __init__(self, stack: Stack, service: Callable[..., Any], import_existing: bool = False):
        self.stack, self._service, self._import_existing = stack, service, import_existing
        self._made: list[Resource] = []
        # Replaced by another physical resource, and deleted once all else has worked.
        self._replaced: list[Resource] = []

    def create(self, body: str, parameters: dict[str, str], tags: list[dict]) -> None:
        stack = self.stack
        stack.set_status("CREATE_IN_PROGRESS", "User Initiated")
        try:
            self._bring_to(body, parameters, tags)
        except ResourceFailed as failure:
            stack.set_status("ROLLBACK_IN_PROGRESS", f"{failure} Rollback requested by user.")
            kept = [made for made in self._made if made.imported]
            self._remove([made for made in reversed(self._made) if not made.imported], after_create=True)
            for resource in kept:
                del stack.resources[resource.logical_id]
            stack.set_status("ROLLBACK_COMPLETE")
            return
        stack.set_status("CREATE_COMPLETE")

    def update(self, body: str, parameters: dict[str, str], tags: list[dict]) -> None:
        stack = self.stack
        former = (stack.template_body, stack.parameters, stack.tags, dict(stack.resources))
        stack.set_status("UPDATE_IN_PROGRESS", "User Initiated")
        stack.updated = now()
        try:
            self._bring_to(body, parameters, tags)
        except ResourceFailed as failure:
            self._take_back(former, str(failure))
            return
        stack.set_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        gone = [resource for name, resource in stack.resources.items() if name not in stack.template["Resources"]]
        self._remove([*reversed(self._replaced), *reversed(gone)])
        stack.set_status("UPDATE_COMPLETE")

    def _take_back(self, former: tuple, reason: str) -> None:
        body, parameters, tags, resources = former
        stack = self.stack
        stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS", reason)
        newcomers = [made for made in self._made if made not in resources.values()]
        for replaced in self._replaced:
            stack.resources[replaced.logical_id] = replaced
        self._replaced.clear()
        try:
            self._bring_to(body, parameters, tags)
        except ResourceFailed as failure:
            stack.set_status("UPDATE_ROLLBACK_FAILED", str(failure))
            return
        stack.set_status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        self._remove(list(reversed(newcomers)))
        stack.set_status("UPDATE_ROLLBACK_COMPLETE")

    def delete(self) -> None:
        stack = self.stack
        stack.set_status("DELETE_IN_PROGRESS", "User Initiated")
        order = templates.creation_order({name: stack.resources[name].definition for name in stack.resources})
        try:
            self._remove([stack.resources[name] for name in reversed(order)])
        except ResourceFailed as failure:
            stack.set_status("DELETE_FAILED", str(failure))
            return
        stack.deleted = now()
        stack.set_status("DELETE_COMPLETE")

    def _bring_to(self, body: str, parameters: dict[str, str], tags: list[dict]) -> None:
        stack = self.stack
        template = templates.parse(body)
        stack.template, stack.template_body, stack.parameters, stack.tags = template, body, parameters, tags
        stack.resolved_parameters = resolve_parameters(template, parameters, self._service, stack.region)
        evaluate = self._evaluator()
        wanted = {
            name: each for name, each in template["Resources"].items() if evaluate.condition(each.get("Condition"))
        }
        for name in templates.creation_order(wanted):
            self._apply(name, wanted[name], evaluate)
        stack.outputs = [
            {
                "OutputKey": key,
                "OutputValue": str(evaluate(output["Value"])),
                **({"Description": output["Description"]} if "Description" in output else {}),
                **({"ExportName": evaluate(output["Export"]["Name"])} if "Export" in output else {}),
            }
            for key, output in template.get("Outputs", {}).items()
            if evaluate.condition(output.get("Condition"))
        ]

    def _apply(self, name: str, definition: dict, evaluate: templates.Evaluator) -> None:
        properties = evaluate(copy.deepcopy(definition.get("Properties", {})))
        resource = self.stack.resources.get(name)
        if resource and resource.type == definition["Type"]:
            kind = KINDS[resource.type]
            changed = {
                key
                for key in {*properties, *resource.properties}
                if properties.get(key) != resource.properties.get(key)
            }
            if not changed:
                resource.definition = definition
            elif changed & kind.immutable or "*" in kind.immutable:
                self._replaced.append(resource)
                self._make(Resource(name, definition["Type"], definition, properties))
            else:
                self._change(resource, definition, properties)
        else:
            self._make(Resource(name, definition["Type"], definition, properties))

    def _make(self, resource: Resource) -> None:
        stack, kind = self.stack, KINDS[resource.type]
        context = self._context(resource)
        adopted = kind.existing(context, resource.properties) if self._may_adopt(resource) else None
        word = "IMPORT" if adopted else "CREATE"
        stack.resources[resource.logical_id] = resource
        self._made.append(resource)
        stack.signals(resource.logical_id).clear()
        stack.set_resource_status(resource, f"{word}_IN_PROGRESS")
        with _Failing(self.stack, resource, f"{word}_FAILED"):
            resource.imported = adopted is not None
            resource.physical_id = adopted or kind.make(context, resource.properties)
            stack.set_resource_status(resource, f"{word}_IN_PROGRESS", "Resource creation Initiated")
            kind.configure(context, resource.physical_id, resource.properties, None)
            kind.stabilize(context, resource.physical_id, resource.properties)
        stack.set_resource_status(resource, f"{word}_COMPLETE")

    def _may_adopt(self, resource: Resource) -> bool:
        return self._import_existing and resource.definition.get("DeletionPolicy", "Delete") != "Delete"

    def _change(self, resource: Resource, definition: dict, properties: dict) -> None:
        stack, old = self.stack, resource.properties
        resource.definition, resource.properties = definition, properties
        stack.signals(resource.logical_id).clear()
        stack.set_resource_status(resource, "UPDATE_IN_PROGRESS")
        with _Failing(stack, resource, "UPDATE_FAILED"):
            KINDS[resource.type].configure(self._context(resource), resource.physical_id, properties, old)
        stack.set_resource_status(resource, "UPDATE_COMPLETE")

    def _remove(self, resources: list[Resource], after_create: bool = False) -> None:
        stack = self.stack
        for resource in resources:
            policy = resource.definition.get("DeletionPolicy", "Delete")
            if resource in self._replaced:
                policy = resource.definition.get("UpdateReplacePolicy", "Delete")
            if policy == "Retain" or (policy == "RetainExceptOnCreate" and not after_create):
                stack.event(resource, "DELETE_SKIPPED", None)
            elif resource.physical_id:
                stack.set_resource_status(resource, "DELETE_IN_PROGRESS")
                with _Failing(stack, resource, "DELETE_FAILED"):
                    KINDS[resource.type].delete(self._context(resource), resource.physical_id, resource.properties)
                stack.set_resource_status(resource, "DELETE_COMPLETE")
            if stack.resources.get(resource.logical_id) is resource:
                del stack.resources[resource.logical_id]

    def _evaluator(self) -> templates.Evaluator:
        return evaluator(self.stack, self._context)

    def _context(self, resource: Resource) -> Context:
        stack = self.stack
        signals = stack.signals(resource.logical_id)
        return Context(
            self._service,
            stack.region,
            stack.account,
            stack.name,
            stack.id,
            resource.logical_id,
            resource.definition,
            report=lambda reason: stack.set_resource_status(resource, resource.status, reason),
            wait_for_signals=signals.wait,
            clear_signals=signals.clear,
        )


class _Failing:
    """Turns what goes wrong with a resource into its event and ResourceFailed."""

    def __init__(self, stack: Stack, resource: Resource, status: str):
        self._stack, self._resource, self._status = stack, resource, status

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: type | None, error: BaseException | None, _trace: object) -> None:
        if error is None or not isinstance(error, Exception):
            return
        reason = f"{error}" if not isinstance(error, AlreadyExists) else f"{error} (HandlerErrorCode: AlreadyExists)"
        log.warning("%s %s: %s", self._resource.logical_id, self._status, reason)
        self._stack.set_resource_status(self._resource, self._status, reason)
        raise ResourceFailed(f"The following resource(s) failed: [{self._resource.logical_id}].") from error


def resolve_parameters(
    template: dict, given: dict[str, str], service: Callable[..., Any], region: str
) -> dict[str, Any]:
    """Values of all parameters; those of an `AWS::SSM::Parameter::Value` type are looked up."""
    resolved: dict[str, Any] = {}
    for name, parameter in template.get("Parameters", {}).items():
        value = given.get(name, parameter.get("Default"))
        if value is None:
            raise templates.TemplateError(f"Parameters: [{name}] must have values")
        if parameter["Type"].startswith("AWS::SSM::Parameter::Value"):
            value = service("ssm", region).get_parameter(Name=value)["Parameter"]["Value"]
        if "List" in parameter["Type"]:
            value = [item.strip() for item in str(value).split(",")]
        resolved[name] = value
    return resolved


def evaluator(stack: Stack, context: Callable[[Resource], Context]) -> templates.Evaluator:
    """Evaluates the template of a stack against what the stack's resources are now."""
    pseudo = {
        "AWS::Region": stack.region,
        "AWS::AccountId": stack.account,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::StackName": stack.name,
        "AWS::StackId": stack.id,
        "AWS::NotificationARNs": [],
    }

    def attribute(name: str, wanted: str) -> Any:
        resource = stack.resources[name]
        attributes = KINDS[resource.type].attributes
        if wanted not in attributes:
            raise templates.TemplateError(f"{resource.type} has no attribute {wanted} here, but {sorted(attributes)}")
        return attributes[wanted](context(resource), resource.physical_id, resource.properties)

    def reference(name: str) -> str:
        return stack.resources[name].physical_id

    return templates.Evaluator(stack.template, {**pseudo, **stack.resolved_parameters}, reference, attribute)
