"""Where OpenClaw keeps what, on this machine and as it sees it in its container."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

# What is saved, by the name it has in the bucket; all under the data directory.
ROOTS = (".openclaw", "workspace", "auth-profile-secrets")
# OpenClaw's user and group, `node` in the image.
OWNER = 1000
# The state directory in the container.
SEEN = PurePosixPath("/home/node/.openclaw")
STATE_DATABASE = ".openclaw/state/openclaw.sqlite"
# Where OpenClaw keeps its own databases. Any other may be anything that somebody has sent or made.
_DATABASES = (".openclaw/state/", ".openclaw/agents/")
# Those without which OpenClaw starts as a new one, or an agent does.
_ESSENTIAL = re.compile(r"\.openclaw/(?:state/openclaw|agents/[^/]+/agent/openclaw-agent)\.sqlite")


def is_openclaw_database(path: str) -> bool:
    """@param path of a database, below the data directory"""
    return path.startswith(_DATABASES)


def is_essential_database(path: str) -> bool:
    return _ESSENTIAL.fullmatch(path) is not None


def seen_by_openclaw(path: str) -> PurePosixPath:
    """@param path below the data directory; the workspace is mounted into the state directory"""
    return SEEN.parent / path if path.startswith(".openclaw") else SEEN / path
