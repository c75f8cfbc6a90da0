"""Reads a template: parameters, conditions, intrinsic functions, and the order in which its resources must be made."""

import base64
import heapq
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import yaml

SUBSTITUTION = re.compile(r"\$\{(!?)([^}]+)\}")


class TemplateError(Exception):
    """The template cannot be processed."""


class _NoValue:
    """AWS::NoValue: the property that has it is as if it were not there."""


class _Loader(yaml.SafeLoader):
    """YAML in which a date is a string, as in a policy's Version."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse(body: str) -> dict:
    try:
        return json.loads(body)
    except ValueError:
        return yaml.load(body, _Loader)  # noqa: S506 - a SafeLoader with one resolver less


def references(value: Any) -> set[str]:
    """Logical ids (and parameters) that a piece of template refers to."""
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    found = set()
    for key, inner in value.items():
        if key == "Ref":
            found.add(inner)
        elif key == "Fn::GetAtt":
            found.add(inner.split(".")[0] if isinstance(inner, str) else inner[0])
        elif key == "Fn::Sub":
            text, names = (inner, {}) if isinstance(inner, str) else inner
            found |= {name.split(".")[0] for escaped, name in SUBSTITUTION.findall(text) if not escaped} - set(names)
            found |= references(names)
        else:
            found |= references(inner)
    return found


def depends_on(definition: dict) -> set[str]:
    explicit = definition.get("DependsOn", [])
    implicit = references(definition.get("Properties", {}))
    return implicit | set([explicit] if isinstance(explicit, str) else explicit)


def creation_order(resources: dict[str, dict]) -> list[str]:
    """Dependencies first; what waits for signals last, as CloudFormation makes the others meanwhile."""
    waiting_for = {name: depends_on(definition) & resources.keys() - {name} for name, definition in resources.items()}
    position = {name: index for index, name in enumerate(resources)}
    ready: list[tuple[bool, int, str]] = []

    def offer(name: str) -> None:
        heapq.heappush(ready, ("CreationPolicy" in resources[name], position[name], name))

    for name in [name for name, others in waiting_for.items() if not others]:
        offer(name)
    order: list[str] = []
    while ready:
        name = heapq.heappop(ready)[2]
        order.append(name)
        for other, others in waiting_for.items():
            if name in others:
                others.remove(name)
                if not others:
                    offer(other)
    if len(order) < len(resources):
        raise TemplateError(f"Circular dependency between resources: {sorted(resources.keys() - set(order))}")
    return order


class Evaluator:
    """Replaces the intrinsic functions of a template by their values.

    :param values: what a Ref to a parameter or pseudo parameter gives
    :param ref: what a Ref to a resource gives
    :param attribute: what Fn::GetAtt gives for a resource and an attribute name
    """

    def __init__(
        self,
        template: dict,
        values: dict[str, Any],
        ref: Callable[[str], str],
        attribute: Callable[[str, str], Any],
    ):
        self._template, self._values = template, values
        self._ref_to, self._attribute = ref, attribute

    def condition(self, name: str | None) -> bool:
        return name is None or self._truth(self._template["Conditions"][name])

    def __call__(self, value: Any) -> Any:
        result = self._evaluate(value)
        return None if result is _NoValue else result

    def _evaluate(self, value: Any) -> Any:
        if isinstance(value, list):
            return [item for item in map(self._evaluate, value) if item is not _NoValue]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name == "Ref":
                return self._ref(argument)
            if name.startswith("Fn::"):
                function = getattr(self, "_fn_" + name.removeprefix("Fn::").lower(), None)
                if not function:
                    raise TemplateError(f"intrinsic function {name} is not modelled")
                return function(argument)
        evaluated = {key: self._evaluate(inner) for key, inner in value.items()}
        return {key: inner for key, inner in evaluated.items() if inner is not _NoValue}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NoValue
        return self._values[name] if name in self._values else self._ref_to(name)

    def _fn_getatt(self, argument: str | list) -> Any:
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        return self._attribute(name, self._evaluate(attribute))

    def _fn_join(self, argument: list) -> str:
        return argument[0].join(map(_text, self._evaluate(argument[1])))

    def _fn_sub(self, argument: str | list) -> str:
        text, names = (argument, {}) if isinstance(argument, str) else argument

        def value(match: re.Match) -> str:
            if match[1]:
                return f"${{{match[2]}}}"
            if match[2] in names:
                return _text(self._evaluate(names[match[2]]))
            return _text(self._fn_getatt(match[2]) if "." in match[2] else self._ref(match[2]))

        return SUBSTITUTION.sub(value, text)

    def _fn_select(self, argument: list) -> Any:
        return self._evaluate(argument[1])[int(argument[0])]

    def _fn_split(self, argument: list) -> list[str]:
        return self._evaluate(argument[1]).split(argument[0])

    def _fn_base64(self, argument: Any) -> str:
        return base64.b64encode(self._evaluate(argument).encode()).decode()

    def _fn_findinmap(self, argument: list) -> Any:
        name, first, second = map(self._evaluate, argument)
        return self._template["Mappings"][name][first][second]

    def _fn_if(self, argument: list) -> Any:
        return self._evaluate(argument[1] if self.condition(argument[0]) else argument[2])

    def _truth(self, value: dict) -> bool:
        [(name, argument)] = value.items()
        if name == "Condition":
            return self.condition(argument)
        if name == "Fn::Equals":
            left, right = self._evaluate(argument)
            return left == right
        if name not in TRUTH:
            raise TemplateError(f"condition function {name} is not modelled")
        return TRUTH[name](map(self._truth, argument))


TRUTH: dict[str, Callable[[Iterable[bool]], bool]] = {
    "Fn::Not": lambda terms: not next(iter(terms)),
    "Fn::And": all,
    "Fn::Or": any,
}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
