"""The operations of CloudFormation's API."""

import json
import logging
import threading
import uuid
from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import unquote, urlparse

from moto.core.responses import ActionResult, BaseResponse, EmptyResult

from ..call import AwsError
from . import template as templates
from .changes import changes_to, same
from .deployment import Deployment, evaluator, resolve_parameters
from .kind import KINDS
from .stack import STACKS, ChangeSet, Resource, Stack

log = logging.getLogger("lab.aws.cloudformation")

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


class ValidationError(AwsError):
    code = "ValidationError"


class CloudFormationApi(BaseResponse):
    service: ClassVar[Callable[..., Any]]
    account: ClassVar[str]

    def __init__(self) -> None:
        super().__init__(service_name="cloudformation")
        self.automated_parameter_parsing = True

    def create_stack(self) -> ActionResult:
        name = self._get_param("StackName")
        if STACKS.find(self.region, name):
            raise AwsError("AlreadyExistsException", f"Stack [{name}] already exists")
        body, parameters, tags = self._submitted(None)
        stack = STACKS.add(Stack(name, self.region, self.account))
        self._run(stack, "create", body, parameters, tags)
        return ActionResult({"StackId": stack.id})

    def update_stack(self) -> ActionResult:
        stack = self._idle_stack()
        body, parameters, tags = self._submitted(stack)
        if not self._differs(stack, body, parameters, tags):
            raise ValidationError("No updates are to be performed.")
        self._run(stack, "update", body, parameters, tags)
        return ActionResult({"StackId": stack.id})

    def delete_stack(self) -> ActionResult:
        stack = STACKS.find(self.region, self._get_param("StackName"))
        if stack and stack.protected:
            raise ValidationError(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        if stack and stack.status != "DELETE_COMPLETE":
            if stack.busy:
                raise ValidationError(
                    f"Stack [{stack.name}] is in {stack.status} state: deleting it then is not modelled"
                )
            self._run(stack, "delete")
        return EmptyResult()

    def create_change_set(self) -> ActionResult:
        name, kind = self._get_param("StackName"), self._get_param("ChangeSetType", "UPDATE")
        if kind not in ("CREATE", "UPDATE"):
            raise ValidationError(f"ChangeSetType {kind} is not modelled")
        stack = STACKS.find(self.region, name)
        if kind == "CREATE":
            if stack and stack.status != "REVIEW_IN_PROGRESS":
                raise ValidationError(f"Stack [{name}] already exists and cannot be created again with the changeSet.")
            if not stack:
                stack = STACKS.add(Stack(name, self.region, self.account))
                stack.set_status("REVIEW_IN_PROGRESS", "User Initiated")
        else:
            stack = self._idle_stack()
        body, parameters, tags = self._submitted(stack)
        resolved = self._resolved(templates.parse(body), parameters)
        change_set = ChangeSet(
            name=self._get_param("ChangeSetName"),
            id=f"arn:aws:cloudformation:{self.region}:{self.account}:changeSet/"
            f"{self._get_param('ChangeSetName')}/{uuid.uuid4()}",
            type=kind,
            template_body=body,
            parameters=parameters,
            tags=tags,
            import_existing=bool(self._get_param("ImportExistingResources", False)),
            changes=changes_to(stack, templates.parse(body), resolved),
        )
        if kind == "UPDATE" and not self._differs(stack, body, parameters, tags):
            change_set.status, change_set.reason, change_set.execution = "FAILED", NO_CHANGES, "UNAVAILABLE"
        stack.change_sets[change_set.id] = change_set
        return ActionResult({"Id": change_set.id, "StackId": stack.id})

    def describe_change_set(self) -> ActionResult:
        stack, change_set = self._change_set()
        result = {
            "ChangeSetName": change_set.name,
            "ChangeSetId": change_set.id,
            "StackId": stack.id,
            "StackName": stack.name,
            "CreationTime": change_set.created,
            "ExecutionStatus": change_set.execution,
            "Status": change_set.status,
            "StatusReason": change_set.reason,
            "Changes": change_set.changes,
            "Tags": change_set.tags,
            "Parameters": _parameters(change_set.parameters),
            "Capabilities": ["CAPABILITY_IAM"],
            "ImportExistingResources": change_set.import_existing,
        }
        return ActionResult(_present(result))

    def delete_change_set(self) -> ActionResult:
        wanted = self._get_param("ChangeSetName")
        stack = STACKS.find(self.region, self._get_param("StackName") or STACKS.of_change_set(wanted) or "")
        for change_set in list(stack.change_sets.values()) if stack else []:
            if wanted in (change_set.id, change_set.name):
                del stack.change_sets[change_set.id]
        return EmptyResult()

    def execute_change_set(self) -> ActionResult:
        stack, change_set = self._change_set()
        if change_set.execution != "AVAILABLE":
            raise AwsError(
                "InvalidChangeSetStatus", f"ChangeSet [{change_set.id}] cannot be executed: {change_set.execution}"
            )
        if self._get_bool_param("DisableRollback", False):
            raise ValidationError("DisableRollback is not modelled")
        stack.change_sets.clear()
        self._run(
            stack,
            change_set.type.lower(),
            change_set.template_body,
            change_set.parameters,
            change_set.tags,
            import_existing=change_set.import_existing,
        )
        return EmptyResult()

    def describe_stacks(self) -> ActionResult:
        name = self._get_param("StackName")
        stacks = [self._stack()] if name else STACKS.living(self.region)
        return ActionResult({"Stacks": [_described(stack) for stack in stacks]})

    def list_stacks(self) -> ActionResult:
        wanted = self._get_param("StackStatusFilter", [])
        summaries = [
            _present(
                {
                    "StackId": stack.id,
                    "StackName": stack.name,
                    "CreationTime": stack.created,
                    "LastUpdatedTime": stack.updated,
                    "DeletionTime": stack.deleted,
                    "StackStatus": stack.status,
                }
            )
            for stack in STACKS.all.values()
            if stack.region == self.region and (not wanted or stack.status in wanted)
        ]
        return ActionResult({"StackSummaries": summaries})

    def describe_stack_events(self) -> ActionResult:
        return ActionResult({"StackEvents": self._stack().events[::-1]})

    def describe_stack_resource(self) -> ActionResult:
        stack = self._stack()
        resource = self._resource(stack)
        detail = _resource(stack, resource)
        detail["LastUpdatedTimestamp"] = detail.pop("Timestamp")
        metadata = resource.definition.get("Metadata")
        if metadata:
            detail["Metadata"] = json.dumps(self._evaluator(stack)(metadata))
        return ActionResult({"StackResourceDetail": detail})

    def describe_stack_resources(self) -> ActionResult:
        stack, wanted = self._stack(), self._get_param("LogicalResourceId")
        found = [_resource(stack, each) for each in stack.resources.values() if wanted in (None, each.logical_id)]
        return ActionResult({"StackResources": found})

    def list_stack_resources(self) -> ActionResult:
        stack = self._stack()
        summaries = []
        for resource in stack.resources.values():
            summary = _resource(stack, resource)
            summary["LastUpdatedTimestamp"] = summary.pop("Timestamp")
            summaries.append(summary)
        return ActionResult({"StackResourceSummaries": summaries})

    def get_template(self) -> ActionResult:
        body = self._stack().template_body or "{}"
        return ActionResult({"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]})

    def get_template_summary(self) -> ActionResult:
        body = self._stack().template_body if self._get_param("StackName") else self._body(None)
        template = templates.parse(body)
        parameters = [
            _present(
                {
                    "ParameterKey": name,
                    "ParameterType": each["Type"],
                    "DefaultValue": each.get("Default"),
                    "Description": each.get("Description"),
                    "NoEcho": each.get("NoEcho", False),
                }
            )
            for name, each in template.get("Parameters", {}).items()
        ]
        types = sorted({each["Type"] for each in template["Resources"].values()})
        return ActionResult({"Parameters": parameters, "ResourceTypes": types})

    def update_termination_protection(self) -> ActionResult:
        stack = self._stack()
        stack.protected = bool(self._get_param("EnableTerminationProtection"))
        return ActionResult({"StackId": stack.id})

    def signal_resource(self) -> ActionResult:
        stack = self._stack()
        resource = self._resource(stack)
        if resource.status not in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "IMPORT_IN_PROGRESS"):
            raise ValidationError(
                f"Resource {resource.logical_id} is in {resource.status} state and cannot be signaled"
            )
        unique_id, status = self._get_param("UniqueId"), self._get_param("Status")
        # The event comes first: the deployment that waits may go on as soon as the signal is there.
        stack.event(resource, resource.status, f"Received {status} signal with UniqueId {unique_id}")
        context = Deployment(stack, self.service)._context(resource)
        if KINDS[resource.type].counts_signal(context, resource.physical_id, unique_id):
            stack.signals(resource.logical_id).receive(unique_id, status)
        return EmptyResult()

    def _stack(self) -> Stack:
        name = self._get_param("StackName")
        stack = STACKS.find(self.region, name)
        if not stack:
            raise ValidationError(f"Stack with id {name} does not exist")
        return stack

    def _idle_stack(self) -> Stack:
        stack = self._stack()
        if stack.busy or stack.status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"):
            raise ValidationError(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
        return stack

    def _resource(self, stack: Stack) -> Resource:
        name = self._get_param("LogicalResourceId")
        if name not in stack.resources:
            raise ValidationError(f"Resource {name} does not exist for stack {stack.name}")
        return stack.resources[name]

    def _change_set(self) -> tuple[Stack, ChangeSet]:
        wanted, stack_name = self._get_param("ChangeSetName"), self._get_param("StackName")
        for stack in STACKS.living(self.region):
            if stack_name in (None, stack.name, stack.id):
                for change_set in stack.change_sets.values():
                    if wanted in (change_set.id, change_set.name):
                        return stack, change_set
        raise AwsError("ChangeSetNotFound", f"ChangeSet [{wanted}] does not exist")

    def _submitted(self, stack: Stack | None) -> tuple[str, dict[str, str], list[dict]]:
        """Template body, parameters as given, and tags of the request."""
        body = self._body(stack)
        former = stack.parameters if stack else {}
        parameters = {
            each["ParameterKey"]: former.get(each["ParameterKey"])
            if each.get("UsePreviousValue")
            else each.get("ParameterValue", "")
            for each in self._get_param("Parameters", [])
        }
        template = templates.parse(body)
        unknown = {each["Type"] for each in template["Resources"].values()} - KINDS.keys()
        # A type under a condition that does not hold is none of this stack's.
        unconditional = {each["Type"] for each in template["Resources"].values() if "Condition" not in each}
        if unknown & unconditional:
            raise ValidationError(f"not modelled by this local AWS: {sorted(unknown & unconditional)}")
        return body, {key: value for key, value in parameters.items() if value is not None}, self._get_param("Tags", [])

    def _body(self, stack: Stack | None) -> str:
        if self._get_bool_param("UsePreviousTemplate", False) and stack:
            return stack.template_body
        if body := self._get_param("TemplateBody"):
            return body
        url = urlparse(self._get_param("TemplateURL"))
        path = unquote(url.path).lstrip("/")
        if ".s3." in url.netloc:
            bucket, key = url.netloc.partition(".s3.")[0], path
        else:
            bucket, _, key = path.partition("/")
        return self.service("s3", self.region).get_object(Bucket=bucket, Key=key)["Body"].read().decode()

    def _resolved(self, template: dict, parameters: dict[str, str]) -> dict[str, Any]:
        try:
            return resolve_parameters(template, parameters, self.service, self.region)
        except templates.TemplateError as error:
            raise ValidationError(str(error)) from error

    def _differs(self, stack: Stack, body: str, parameters: dict[str, str], tags: list[dict]) -> bool:
        template = templates.parse(body)
        resolved = self._resolved(template, parameters)
        return not (
            same(template, stack.template) and same(resolved, stack.resolved_parameters) and same(tags, stack.tags)
        )

    def _evaluator(self, stack: Stack) -> templates.Evaluator:
        return evaluator(stack, Deployment(stack, self.service)._context)

    def _run(self, stack: Stack, operation: str, *arguments: Any, import_existing: bool = False) -> None:
        stack.token = self._get_param("ClientRequestToken")
        deployment = Deployment(stack, self.service, import_existing)

        def work() -> None:
            try:
                getattr(deployment, operation)(*arguments)
            except Exception as error:
                # A fault of the model itself must not leave the caller waiting for ever.
                log.exception("%s of %s broke", operation, stack.name)
                stack.set_status(f"{operation.upper()}_FAILED", f"the local AWS broke: {error!r}")

        stack.status = f"{operation.upper()}_IN_PROGRESS"
        stack.worker = threading.Thread(target=work, name=f"{operation} {stack.name}", daemon=True)
        stack.worker.start()


def _described(stack: Stack) -> dict:
    return _present(
        {
            "StackId": stack.id,
            "StackName": stack.name,
            "CreationTime": stack.created,
            "LastUpdatedTime": stack.updated,
            "DeletionTime": stack.deleted,
            "StackStatus": stack.status,
            "StackStatusReason": stack.reason,
            "Parameters": _parameters(stack.parameters, stack.resolved_parameters),
            "Outputs": stack.outputs,
            "Tags": stack.tags,
            "Description": stack.template.get("Description"),
            "DisableRollback": False,
            "EnableTerminationProtection": stack.protected,
            "Capabilities": ["CAPABILITY_IAM"],
            "NotificationARNs": [],
        }
    )


def _parameters(given: dict[str, str], resolved: dict[str, Any] | None = None) -> list[dict]:
    return [
        _present({"ParameterKey": key, "ParameterValue": str(given.get(key, (resolved or {}).get(key)))})
        for key in {**(resolved or {}), **given}
    ]


def _resource(stack: Stack, resource: Resource) -> dict:
    return _present(
        {
            "StackName": stack.name,
            "StackId": stack.id,
            "LogicalResourceId": resource.logical_id,
            "PhysicalResourceId": resource.physical_id,
            "ResourceType": resource.type,
            "Timestamp": resource.changed,
            "ResourceStatus": resource.status,
            "ResourceStatusReason": resource.reason,
        }
    )


def _present(result: dict) -> dict:
    return {key: value for key, value in result.items() if value is not None}
