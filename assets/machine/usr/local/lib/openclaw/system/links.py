"""Links that OpenClaw or a person put where a directory was: what is behind them is not ours to write or to remove."""

from __future__ import annotations

import os
from pathlib import Path


def is_behind_link(path: str | Path, root: Path) -> bool:
    """Whether a directory on the way from the root to the path is a link."""
    there = os.path.join(os.path.realpath(root), os.path.relpath(path, root))
    return os.path.realpath(os.path.dirname(path)) != os.path.dirname(there)
