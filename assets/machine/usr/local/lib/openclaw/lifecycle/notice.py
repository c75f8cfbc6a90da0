"""Why this machine ends, and how long that leaves."""

import datetime
import json
import os

from .metadata import Metadata, Unavailable
from .process import run

RUN = os.environ.get("OPENCLAW_RUN", "/run/openclaw")
# An ordered shutdown that nobody announced may be EC2's own, which is cut off after a few minutes.
SHORT = 112
# Asked by the group or by hand, nobody pulls the plug: heartbeats keep the group waiting.
LONG = 900
LEAST = 40
# Between the end of the drain and the moment the notice names.
MARGIN = 8


def reason():
    """{"reason": interruption | termination | reboot | shutdown | operator, …}, from the most certain source down."""
    told = _told()
    if told:
        return told
    if terminating():
        return {"reason": "termination"}
    if run(["systemctl", "is-system-running"], 5).text.strip() == "stopping":
        jobs = run(["systemctl", "list-jobs", "--no-legend", "--plain"], 5).text
        return {"reason": "reboot" if "reboot.target" in jobs else "shutdown"}
    return {"reason": "operator"}


def seconds(why):
    """How long the drain may take."""
    if why["reason"] in ("termination", "operator"):
        return LONG
    try:
        until = datetime.datetime.strptime(why["time"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    except (KeyError, TypeError, ValueError):
        return SHORT
    left = (until - datetime.datetime.now(datetime.timezone.utc)).total_seconds() - MARGIN
    # A clock that is off must not make the drain hasty or leisurely.
    return min(max(left, LEAST), SHORT)


def terminating():
    """Whether the group has decided to end this machine."""
    try:
        return Metadata().get("autoscaling/target-lifecycle-state") == "Terminated"
    except Unavailable:
        return False


def instance_id():
    """This machine's id; empty when the metadata service does not say."""
    try:
        return Metadata().get("instance-id") or ""
    except Unavailable:
        return ""


def _told():
    """What the watcher has seen."""
    try:
        with open(os.path.join(RUN, "interruption.json"), encoding="utf-8") as file:
            value = json.load(file)
    except (FileNotFoundError, ValueError):
        return None
    return value if isinstance(value, dict) and "reason" in value else None
