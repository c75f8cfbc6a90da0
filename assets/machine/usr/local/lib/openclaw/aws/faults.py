"""Tells people of what goes wrong where no alarm of CloudWatch looks: this machine writes to the topic by itself.

One message when a fault has lasted as long as its rule says, one a day while it lasts, one when it is over, and none
within the hour after another of the same fault. What happens once and could not be told is told with a later figure.
"""

from __future__ import annotations

import glob
import os
import time
from typing import TYPE_CHECKING, Any, Callable, Optional

from openclaw.aws import instance
from openclaw.system.files import note_json, read_json_object

if TYPE_CHECKING:
    from collections.abc import Mapping

# Subject and message; whether it went out.
Tell = Callable[[str, str], bool]
# A metric's `fault` in metrics.json.
Rule = Optional[dict[str, Any]]

QUIET_SECONDS = 3600
REPEAT_SECONDS = 24 * 3600


def judge(values: Mapping[str, float], rules: Mapping[str, Rule], stack: str, tell: Tell) -> None:
    """@param rules by the metric's name; one without a rule is no fault"""
    _tell_what_is_due(tell)
    for name, value in values.items():
        rule = rules[name]
        if rule is not None:
            _judge(name, value, rule, stack, tell)


def is_bad(value: float, rule: Mapping[str, Any]) -> bool:
    return bool(value < rule["below"] if "below" in rule else value > rule["above"])


def _judge(name: str, value: float, rule: Mapping[str, Any], stack: str, tell: Tell) -> None:
    path = os.path.join(_run(), f"fault-{name}.json")
    known = read_json_object(path) or {}
    now = time.time()
    if not is_bad(value, rule):
        if known.get("open") and not tell(_subject(stack, f"{rule['alarm']} is over"), _message(name, value, rule)):
            return
        if known.get("since"):
            note_json(path, {"told": known.get("told", 0)})
        return
    since = now if rule.get("once") else known.get("since", now)
    told = known.get("told", 0)
    wait = REPEAT_SECONDS if known.get("open") and not rule.get("once") else QUIET_SECONDS
    due = now - since >= rule.get("minutes", 0) * 60 and now - told >= wait
    words = (_subject(stack, rule["alarm"]), _message(name, value, rule))
    if due and tell(*words):
        note_json(path, {"since": since, "told": now, "open": not rule.get("once")})
    elif due and rule.get("once"):
        note_json(path, {**known, "since": since, "due": words})
    else:
        note_json(path, {**known, "since": since})


def _tell_what_is_due(tell: Tell) -> None:
    """What happens once is bad in no later figure, which would be the next try for any other fault."""
    for path in glob.glob(os.path.join(_run(), "fault-*.json")):
        known = read_json_object(path) or {}
        if known.get("due") and tell(*known["due"]):
            note_json(path, {"since": known["since"], "told": time.time(), "open": False})


def _run() -> str:
    return os.environ.get("OPENCLAW_RUN", "/run/openclaw")


def _subject(stack: str, what: str) -> str:
    """SNS takes at most 100 characters."""
    return f"OpenClaw {stack}: {what}"[:100]


def _message(name: str, value: float, rule: Mapping[str, Any]) -> str:
    bound = f"below {rule['below']}" if "below" in rule else f"above {rule['above']}"
    return (
        f"{rule['text']}.\n{name} is {value:g} on {instance.own_id_or_empty() or 'the machine'}, "
        f"and a fault where it is {bound}."
    )
