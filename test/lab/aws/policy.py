"""Decides whether policy documents allow an action on a resource, as IAM's evaluation logic does.

Modelled: Action/NotAction, Resource/NotResource, Principal, wildcards, policy variables, the condition operators below
with IfExists and the set prefixes, explicit Deny over Allow, implicit Deny. Not modelled: permission boundaries,
session and organization policies. An operator that is not modelled raises: a condition never passes unread.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

ALLOW, DENY, NO_DECISION = "Allow", "Deny", "no decision"
VARIABLE = re.compile(r"\$\{([^}]+)\}")


class UnknownCondition(Exception):
    """A policy uses a condition operator that this evaluator does not have."""


@dataclass(frozen=True)
class Question:
    """May `principal` (ARNs it answers to) do `action` on `resource`, the request being as `context` says?"""

    action: str
    resource: str
    context: dict[str, Any] = field(default_factory=dict)
    principal: tuple[str, ...] = ()

    def value(self, key: str) -> list[str] | None:
        found = self.context.get(key.lower())
        if found is None:
            return None
        return [str(item) for item in found] if isinstance(found, (list, tuple)) else [str(found)]


def decide(documents: Iterable[dict], question: Question) -> str:
    """Deny if any statement denies, else Allow if any allows, else no decision (which is a refusal)."""
    effects = {
        statement["Effect"]
        for document in documents
        for statement in _list(document.get("Statement"))
        if _applies(statement, question)
    }
    return DENY if DENY in effects else ALLOW if ALLOW in effects else NO_DECISION


def _applies(statement: dict, question: Question) -> bool:
    return (
        _principal_applies(statement, question)
        and _one_of(statement, "Action", lambda pattern: _like(pattern.lower(), question.action.lower()))
        and _one_of(statement, "Resource", lambda pattern: _like(pattern, question.resource, question))
        and all(
            _condition(operator, key, _list(values), question)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _one_of(statement: dict, element: str, matches: Callable[[str], bool]) -> bool:
    if f"Not{element}" in statement:
        return not any(matches(pattern) for pattern in _list(statement[f"Not{element}"]))
    return any(matches(pattern) for pattern in _list(statement.get(element)))


def _principal_applies(statement: dict, question: Question) -> bool:
    """Identity policies name no principal: they apply to whom they are attached."""
    if "NotPrincipal" in statement:
        raise UnknownCondition("NotPrincipal is not modelled")
    principal = statement.get("Principal")
    if principal is None or principal == "*":
        return True
    names = [*_list(principal.get("AWS")), *_list(principal.get("Federated"))]
    return any(name == "*" or name in question.principal for name in names)


def _condition(operator: str, key: str, wanted: list, question: Question) -> bool:
    quantifier, _, base = operator.rpartition(":")
    if_exists = base.endswith("IfExists")
    base = base.removesuffix("IfExists")
    if quantifier not in ("", "ForAllValues", "ForAnyValue"):
        raise UnknownCondition(f"condition operator {operator} is not modelled")
    got = question.value(key)
    if base == "Null":
        return (got is None) == (str(wanted[0]).lower() == "true")
    negated = base in NEGATED
    test = OPERATORS.get(NEGATED.get(base, base))
    if test is None:
        raise UnknownCondition(f"condition operator {operator} is not modelled")
    if got is None:
        return if_exists or negated or quantifier == "ForAllValues"

    def holds(value: str) -> bool:
        return any(test(_substitute(str(want), question), value) for want in wanted) != negated

    return any(map(holds, got)) if quantifier == "ForAnyValue" else all(map(holds, got))


def _like(pattern: str, value: str, question: Question | None = None) -> bool:
    return bool(_glob(_substitute(pattern, question) if question else pattern).fullmatch(value))


@cache
def _glob(pattern: str) -> re.Pattern:
    parts = re.split(r"([*?])", pattern)
    return re.compile("".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in parts), re.DOTALL)


def _substitute(pattern: str, question: Question) -> str:
    def value(match: re.Match) -> str:
        if match[1] in ("*", "?", "$"):
            return match[1]
        found = question.value(match[1])
        return found[0] if found else match[0]

    return VARIABLE.sub(value, pattern)


def _time(text: str) -> float:
    return float(text) if text.isdigit() else datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _list(value: Any) -> list:
    return [] if value is None else value if isinstance(value, list) else [value]


OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda want, got: want == got,
    "StringEqualsIgnoreCase": lambda want, got: want.lower() == got.lower(),
    "StringLike": _like,
    "ArnEquals": _like,
    "ArnLike": _like,
    "Bool": lambda want, got: want.lower() == got.lower(),
    "NumericEquals": lambda want, got: float(got) == float(want),
    "NumericLessThan": lambda want, got: float(got) < float(want),
    "NumericLessThanEquals": lambda want, got: float(got) <= float(want),
    "NumericGreaterThan": lambda want, got: float(got) > float(want),
    "NumericGreaterThanEquals": lambda want, got: float(got) >= float(want),
    "DateLessThan": lambda want, got: _time(got) < _time(want),
    "DateGreaterThan": lambda want, got: _time(got) > _time(want),
    "IpAddress": lambda want, got: ipaddress.ip_address(got) in ipaddress.ip_network(want, strict=False),
}
NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
    "NotIpAddress": "IpAddress",
}
