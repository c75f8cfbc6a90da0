"""Where backups go: two engines behind one interface."""

from __future__ import annotations

from openclaw.aws.client import Aws
from openclaw.settings import Settings
from openclaw.state.engines.base import Engine, Snapshot
from openclaw.state.engines.mirror.engine import Mirror
from openclaw.state.engines.restic.engine import Snapshots

__all__ = ["Engine", "Snapshot", "every", "of"]

_CLASSES = {"snapshots": Snapshots, "mirror": Mirror}


def of(settings: Settings, aws: Aws) -> Engine:
    return _CLASSES[settings.backup](settings, aws)


def every(settings: Settings, aws: Aws) -> dict[str, Engine]:
    """All engines: a deployment that changed its engine finds its state where the former one left it."""
    return {name: engine(settings, aws) for name, engine in _CLASSES.items()}
