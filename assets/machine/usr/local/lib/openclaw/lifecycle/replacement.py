"""Reports once, when OpenClaw serves again on a new machine or is left stopped there: why the old one ended, whether
cleanly, how long there was no service, and how old the restored state is. At every start it then clears the record that
the last end left."""

from __future__ import annotations

import datetime
import json
import os
import time
from collections.abc import Mapping
from typing import Any

from openclaw.aws import instance, metrics
from openclaw.aws.cli import aws
from openclaw.lifecycle import handover
from openclaw.system.files import read_json_object
from openclaw.system.journal import log

VAR = os.environ.get("OPENCLAW_VAR", "/var/lib/openclaw")
WORDS = {
    "interruption": "EC2 took the spot capacity back",
    "unhealthy": "OpenClaw stayed unready, and the machine asked to be replaced",
    "update": "a deploy changed the machine",
    "termination": "the group replaced the machine",
    "shutdown": "the machine was shut down",
    "reboot": "the machine was rebooted and did not come back",
    "handover": "another machine of the group asked for its place",
    "operator": "the machine was drained by hand",
    "failure": "the machine was lost without a word (power, hardware, or killed from outside)",
}


def timestamp(text: Any) -> float | None:
    """Seconds since 1970 of a time in ISO 8601, or None."""
    try:
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except (AttributeError, ValueError):
        return None


def served_at() -> float:
    """When OpenClaw got ready here: an outage may make this telling late."""
    try:
        return os.path.getmtime(os.path.join(VAR, "served"))
    except OSError:
        return time.time()


def stopped_at() -> str | None:
    """When OpenClaw was stopped by hand, "" where that is not known; None where it is to run."""
    try:
        with open(os.path.join(VAR, "stopped"), encoding="ascii", errors="replace") as file:
            return file.read(64).strip()
    except FileNotFoundError:
        return None


def why(record: Mapping[str, Any] | None, deployment: str) -> str:
    if record is None:
        return "failure"
    if record.get("because") == "unhealthy":
        return "unhealthy"
    reason: str = record.get("reason") or ""
    if reason == "termination" and deployment and record.get("deployment") not in ("", deployment):
        return "update"
    return reason if reason in WORDS else "failure"


def tell(restored: Mapping[str, Any], record: Mapping[str, Any] | None, deployment: str, now: float) -> dict[str, Any]:
    """What is known, as one flat record."""
    saved = record["last_backup"].get("at") if record else timestamp(restored.get("taken"))
    # One on which OpenClaw never served did not end any service.
    stopped = timestamp(record.get("since")) if record and not record.get("skipped") else None
    # Without a word from the last machine that served, its last backup is the last sign of life.
    since = stopped or saved
    by_hand = stopped_at()
    return {
        "event": "moved",
        "why": why(record, deployment),
        "clean": bool(record and record.get("clean")),
        "set_aside": bool(record and record.get("set_aside")),
        "unsaved": record.get("skipped") if record else None,
        "from": (record or restored).get("instance"),
        "to": instance.own_id_or_empty(),
        "stopped_by_hand": by_hand,
        "seconds_without_service": round(now - since) if since and by_hand is None else None,
        "at_most": stopped is None,
        "state_age_seconds": round(now - saved) if saved else None,
        "snapshot": restored.get("snapshot"),
        "skipped": restored.get("skipped") or [],
    }


def text(move: Mapping[str, Any]) -> tuple[str, str]:
    """Subject and body for a person."""
    clean = "clean" if move["clean"] else "not clean"
    gap = span(move["seconds_without_service"], "at most " if move["at_most"] else "")
    stack = os.environ["STACK"]
    loss = "Nothing was lost." if move["clean"] else "What was written after that backup is lost."
    if move["unsaved"]:
        loss = "OpenClaw never served there; what was written there is not in the restored state."
        loss += " It was set aside: make snapshots lists it." if move["set_aside"] else " It could not be saved."
    elif move["set_aside"]:
        loss = "The last backup looked like a loss and was set aside: make snapshots lists it."
    source = move["from"] or "an unknown machine"
    by_hand = move["stopped_by_hand"]
    if by_hand is None:
        outcome = f"{gap} without service"
        now = [f"OpenClaw ({stack}) serves again on {move['to']}; it moved from {source}."]
    else:
        outcome = "stopped by hand"
        now = [
            f"OpenClaw ({stack}) moved from {source} to {move['to']}, and stays stopped there: it was stopped by hand"
            f"{f' at {by_hand}' if by_hand else ''}.",
            f"To start it: npx openclaw-spot start --stack {stack} --region {os.environ['AWS_REGION']}",
        ]
    body = [
        *now,
        f"Why: {WORDS[move['why']]}.",
        f"The end was {clean}. {loss}",
        *([f"Without service: {gap}."] if by_hand is None else []),
        f"The restored state was backed up {span(move['state_age_seconds'])} ago (snapshot {move['snapshot']}).",
    ]
    if move["skipped"]:
        body.append(
            f"It is not the newest: {', '.join(move['skipped'])} could not be restored, and what was written between "
            "is missing. The log group operations says why."
        )
    return f"OpenClaw {stack} moved: {move['why']}, {clean}, {outcome}", "\n".join(body)


def span(seconds: int | None, prefix: str = "") -> str:
    if seconds is None:
        return "an unknown time"
    minutes, rest = divmod(max(seconds, 0), 60)
    return prefix + (f"{minutes} min {rest} s" if minutes else f"{rest} s")


def publish(move: Mapping[str, Any]) -> None:
    if move["seconds_without_service"] is not None:
        metrics.publish_by_cli({"SecondsWithoutService": move["seconds_without_service"]}, seconds=30)


def report(restored: Mapping[str, Any]) -> None:
    move = tell(restored, handover.find(), instance.deployment(), served_at())
    subject, body = text(move)
    log(json.dumps(move))
    log(subject)
    publish(move)
    message = ["--topic-arn", os.environ["ALARM_TOPIC"], "--subject", subject[:100], "--message", body]
    if not aws("sns", "publish", *message, seconds=60).ok:
        log(f"the message was not sent to {os.environ['ALARM_TOPIC']}")


def main() -> int:
    restored = read_json_object(os.path.join(VAR, "restored")) or {}
    stamp = os.path.join(VAR, "moved")
    if not os.path.exists(stamp):
        if restored and not restored.get("first_boot"):
            try:
                report(restored)
            except OSError as error:
                log(f"cannot tell yet why the last machine ended: {error}")
                return 1
        else:
            log("nothing to tell: this is a first boot")
        with open(stamp, "w", encoding="utf-8") as file:
            file.write("told\n")
    if os.environ.get("BACKUP", "off") != "off" and not handover.clear():
        log("cannot clear handover.json, which the previous machine left in the bucket")
    return 0
