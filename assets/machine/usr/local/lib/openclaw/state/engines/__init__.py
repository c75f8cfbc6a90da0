"""Where backups go: two engines behind one interface."""

from __future__ import annotations

from ..aws import Aws
from ..settings import Settings
from .base import Engine, Snapshot
from .mirror import Mirror
from .snapshots import Snapshots

__all__ = ["Engine", "Snapshot", "every", "of"]

_CLASSES = {"snapshots": Snapshots, "mirror": Mirror}


def of(settings: Settings, aws: Aws) -> Engine:
    return _CLASSES[settings.backup](settings, aws)


def every(settings: Settings, aws: Aws) -> dict[str, Engine]:
    """All engines: a deployment that changed its engine finds its state where the former one left it."""
    return {name: engine(settings, aws) for name, engine in _CLASSES.items()}
