"""JSON that somebody else may have written: read within bounds, held to what each field may say.

A document is described by its fields; what it says beside them is left out, so that a newer version may add a word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable

# Of a document that is one object of a few fields, in bytes.
LIMIT = 64 << 10
REQUIRED = object()
_SHOWN = 80


class Malformed(ValueError):
    """The text says which field, the value it has, and what is allowed."""


@dataclass(frozen=True)
class Field:
    """`allowed` is what a message says of the values that `fits` takes; without a default the field must be there."""

    allowed: str
    fits: Callable[[Any], bool]
    default: Any = REQUIRED


def whole(low: int, high: int, default: Any = REQUIRED) -> Field:
    def fits(value: Any) -> bool:
        # True is an int to Python.
        return type(value) is int and low <= value <= high

    return Field(f"a whole number from {low} to {high}", fits, default)


def flag(default: Any = REQUIRED) -> Field:
    return Field("true or false", lambda value: type(value) is bool, default)


def text(pattern: str, allowed: str, default: Any = REQUIRED) -> Field:
    """@param pattern of all of it"""
    compiled = re.compile(pattern)
    return Field(allowed, lambda value: isinstance(value, str) and bool(compiled.fullmatch(value)), default)


def number(low: float, high: float, default: Any = REQUIRED) -> Field:
    def fits(value: Any) -> bool:
        return type(value) in (int, float) and low <= value <= high

    return Field(f"a number from {low:g} to {high:g}", fits, default)


def nested(fields: Mapping[str, Field], default: Any = REQUIRED) -> Field:
    def fits(value: Any) -> bool:
        return isinstance(value, dict) and not faults(value, fields)

    return Field(f"an object of {', '.join(fields)}", fits, default)


def load(body: bytes, limit: int = LIMIT) -> Any:
    """Any JSON value. @raises Malformed, whatever the bytes are"""
    if len(body) > limit:
        raise Malformed(f"it has more than the {limit} bytes that are allowed")
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Malformed(
            f"it is not JSON that can be read ({type(error).__name__}: {error}), got {shown(body)}"
        ) from None


def faults(value: Mapping[str, Any], fields: Mapping[str, Field]) -> list[str]:
    """One line for each field that is missing or not what is allowed."""
    found = []
    for name, field in fields.items():
        if name not in value:
            if field.default is REQUIRED:
                found.append(f"{name} is missing; it must be {field.allowed}")
        elif not field.fits(value[name]):
            found.append(f"{name} must be {field.allowed}, got {shown(value[name])}")
    return found


def read(body: bytes, fields: Mapping[str, Field], limit: int = LIMIT) -> dict[str, Any]:
    """The known fields of an object, each with a value that fits. @raises Malformed naming every one that does not"""
    return check(load(body, limit), fields)


def check(value: Any, fields: Mapping[str, Field]) -> dict[str, Any]:
    """As read, of a value that is loaded already."""
    if not isinstance(value, dict):
        raise Malformed(f"it must be an object of {', '.join(fields)}, got {shown(value)}")
    found = faults(value, fields)
    if found:
        raise Malformed("; ".join(found))
    return {name: value.get(name, field.default) for name, field in fields.items()}


def shown(value: Any) -> str:
    """Short, on one line and in ASCII: it goes to logs and terminals."""
    if isinstance(value, bytes):
        return ascii(value[:_SHOWN])[1:]
    try:
        said = json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        said = ascii(value)
    return said if len(said) <= _SHOWN else f"{said[:_SHOWN]}…"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")
