"""What a change set says that it will do."""

import json
from typing import Any

from .kind import KINDS
from .stack import Stack
from .template import references

OTHER_SCOPES = ("Metadata", "DeletionPolicy", "UpdatePolicy", "CreationPolicy", "UpdateReplacePolicy")


def changes_to(stack: Stack, template: dict, parameters: dict[str, Any]) -> list[dict]:
    """Compared as written: of a value that only deploying tells, it says Dynamic."""
    old, new = stack.template.get("Resources", {}), template["Resources"]
    altered = {name for name, value in parameters.items() if stack.resolved_parameters.get(name) != value}
    changes = [
        _change("Add", stack, name, new[name]) for name in new if name not in stack.resources and not _off(new[name])
    ]
    changes += [_change("Remove", stack, name, old[name]) for name in stack.resources if name not in new]
    pending = [name for name in new if name in stack.resources]
    # One change can make another: what refers to a changed resource may get a new value.
    while True:
        found = [name for name in pending if _details(old[name], new[name], altered)]
        if not found:
            return changes
        for name in found:
            pending.remove(name)
            details = _details(old[name], new[name], altered)
            changes.append(_modification(stack, name, new[name], details))
            if any(detail["Target"]["Attribute"] == "Properties" for detail in details):
                altered.add(name)


def _details(old: dict, new: dict, altered: set[str]) -> list[dict]:
    before, after = old.get("Properties", {}), new.get("Properties", {})
    details = []
    for name in sorted({*before, *after}):
        direct = before.get(name) != after.get(name)
        if direct or references(after.get(name)) & altered:
            details.append(_detail("Properties", name, "Static" if direct else "Dynamic"))
    details += [_detail(scope, None, "Static") for scope in OTHER_SCOPES if old.get(scope) != new.get(scope)]
    return details


def _detail(attribute: str, name: str | None, evaluation: str) -> dict:
    target = {"Attribute": attribute, "RequiresRecreation": "Never", **({"Name": name} if name else {})}
    return {"Target": target, "Evaluation": evaluation, "ChangeSource": "DirectModification"}


def _modification(stack: Stack, name: str, definition: dict, details: list[dict]) -> dict:
    immutable = KINDS[definition["Type"]].immutable
    replacement = "False"
    for detail in details:
        target = detail["Target"]
        if target.get("Name") in immutable or ("*" in immutable and target["Attribute"] == "Properties"):
            certain = detail["Evaluation"] == "Static"
            target["RequiresRecreation"] = "Always" if certain else "Conditionally"
            replacement = "True" if certain or replacement == "True" else "Conditional"
    change = _change("Modify", stack, name, definition)
    scope = sorted({detail["Target"]["Attribute"] for detail in details})
    change["ResourceChange"].update(Replacement=replacement, Details=details, Scope=scope)
    return change


def _change(action: str, stack: Stack, name: str, definition: dict) -> dict:
    change = {
        "Action": action,
        "LogicalResourceId": name,
        "ResourceType": definition["Type"],
        "Details": [],
        "Scope": [],
    }
    if name in stack.resources:
        change["PhysicalResourceId"] = stack.resources[name].physical_id
    return {"Type": "Resource", "ResourceChange": change}


def _off(definition: dict) -> bool:
    """Whether it is for CloudFormation alone to see: a resource under a condition is told only once it is made."""
    return "Condition" in definition


def same(left: Any, right: Any) -> bool:
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)
