"""Why this machine ends, and how long that leaves."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openclaw.aws.metadata import Metadata
from openclaw.lifecycle import handover_request
from openclaw.system.errors import Unavailable
from openclaw.system.files import read_json_object
from openclaw.system.processes import run_bounded

RUN = os.environ.get("OPENCLAW_RUN", "/run/openclaw")
# An ordered shutdown that nobody announced may be EC2's own, which is cut off after a few minutes.
SHORT = 112
# Asked by the group or by hand, nobody pulls the plug: heartbeats keep the group waiting.
LONG = 900
LEAST = 40
# Between the end of the drain and the moment the notice names.
MARGIN = 8


def reason() -> dict[str, Any]:
    """{"reason": interruption | termination | reboot | shutdown | handover | operator, …}, from the most certain source
    down."""
    heard = told()
    if heard:
        return heard
    if terminating():
        return {"reason": "termination"}
    if run_bounded(["systemctl", "is-system-running"], 5).out.strip() == "stopping":
        jobs = run_bounded(["systemctl", "list-jobs", "--no-legend", "--plain"], 5).out
        return {"reason": "reboot" if "reboot.target" in jobs else "shutdown"}
    return handover_request.read(Path(RUN)) or {"reason": "operator"}


def seconds(why: Mapping[str, Any]) -> float:
    """How long the drain may take."""
    if why["reason"] in ("termination", "handover", "operator"):
        return LONG
    try:
        until = datetime.datetime.strptime(why["time"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    except (KeyError, TypeError, ValueError):
        return SHORT
    left = (until - datetime.datetime.now(datetime.timezone.utc)).total_seconds() - MARGIN
    # A clock that is off must not make the drain hasty or leisurely.
    return min(max(left, LEAST), SHORT)


def terminating() -> bool:
    """Whether the group has decided to end this machine."""
    try:
        return Metadata().get("autoscaling/target-lifecycle-state") == "Terminated"
    except Unavailable:
        return False


def told() -> dict[str, Any] | None:
    """What the watcher has seen, and what the health check has asked for."""
    value = read_json_object(os.path.join(RUN, "interruption.json"))
    if value and value.get("reason") == "termination" and os.path.exists(os.path.join(RUN, "unhealthy")):
        value["because"] = "unhealthy"
    return value if value and "reason" in value else None
