"""What a resource type must tell the stack engine, and how it calls its service.

A property that a kind does not know is passed to the service's API under its own name, and botocore refuses names that
the API does not have: so nothing in a template is left out in silence.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.model import Shape


class AlreadyExists(Exception):
    """A resource of this name is there and belongs to nobody that CloudFormation knows."""


@dataclass
class Context:
    """What a resource knows about the stack that it is part of."""

    service: Callable[..., Any]
    region: str
    account: str
    stack_name: str
    stack_id: str
    logical_id: str
    definition: dict
    report: Callable[[str], None]
    """Adds an event to the stack, with this reason."""
    wait_for_signals: Callable[[int, str], None]
    """So many success signals within a duration like PT5M; raises when they do not come."""
    clear_signals: Callable[[], None]

    def call(self, service: str, operation: str, **params: Any) -> dict:
        client = self.service(service, self.region)
        shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation]).input_shape
        return getattr(client, operation)(**_shaped(params, shape))

    def generated_name(self, length: int = 64) -> str:
        suffix = f"-{secrets.token_hex(6).upper()}"
        return f"{self.stack_name}-{self.logical_id}"[: length - len(suffix)] + suffix


Attributes = dict[str, Callable[[Context, str, dict], Any]]
"""What Fn::GetAtt gives: by attribute, from the physical id and the properties."""


class Kind:
    """One resource type. `make` creates it, `configure` sets all that can be set again, `delete` removes it."""

    type: ClassVar[str]
    name_property: ClassVar[str | None] = None
    immutable: ClassVar[frozenset[str]] = frozenset()
    """Properties whose change replaces the resource."""
    attributes: ClassVar[Attributes] = {}

    def make(self, c: Context, p: dict) -> str:
        """Create it and return its physical id."""
        raise NotImplementedError

    def configure(self, c: Context, physical_id: str, p: dict, old: dict | None) -> None:
        """Set what is settable; `old` are the properties so far, None on a new resource."""

    def stabilize(self, c: Context, physical_id: str, p: dict) -> None:
        """Wait for what the CreationPolicy of a new resource says."""

    def counts_signal(self, c: Context, physical_id: str, unique_id: str) -> bool:
        """Whether a signal with this id is one that the resource waits for."""
        return True

    def delete(self, c: Context, physical_id: str, p: dict) -> None:
        raise NotImplementedError

    def existing(self, c: Context, p: dict) -> str | None:
        """The physical id of a resource that is there already under the template's name, if this kind can adopt it."""
        return None


KINDS: dict[str, Kind] = {}


def kind(cls: type[Kind]) -> type[Kind]:
    KINDS[cls.type] = cls()
    return cls


def without(p: dict, *names: str) -> dict:
    return {key: value for key, value in p.items() if key not in names}


def tags_of(p: dict) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in p.get("Tags", [])}


def _shaped(value: Any, shape: Shape | None) -> Any:
    """A template may say "1" where the API wants 1, and true where it wants "true"."""
    wanted = shape.type_name if shape else None
    if wanted == "structure" and isinstance(value, dict):
        return {key: _shaped(inner, shape.members.get(key)) for key, inner in value.items()}
    if wanted == "list" and isinstance(value, list):
        return [_shaped(inner, shape.member) for inner in value]
    if isinstance(value, str) and wanted in FROM_TEXT:
        return FROM_TEXT[wanted](value)
    if wanted == "string" and isinstance(value, (bool, int, float)):
        return str(value).lower()
    return value


FROM_TEXT: dict[str, Callable[[str], Any]] = {
    "integer": int,
    "long": int,
    "double": float,
    "float": float,
    "boolean": lambda text: {"true": True, "false": False}[text.lower()],
}
