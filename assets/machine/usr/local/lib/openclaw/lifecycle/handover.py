"""What a machine leaves in the state bucket about its end, for the next one to tell.

The record is signed. One that is not, or not what FIELDS says, counts as none: the move is then told without it. Words
beside FIELDS are another version's, and left out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from openclaw.aws import instance
from openclaw.aws.cli import aws
from openclaw.state.guards import order
from openclaw.system import documents, signing
from openclaw.system.files import read_json_object
from openclaw.system.journal import log

KEY = "handover.json"
KIND = "handover"
# How `aws s3 ls` ends where there is no such object; an error ends it with 254 or 255.
NOTHING_LISTED = 1
VAR = os.environ.get("OPENCLAW_VAR", "/var/lib/openclaw")
RUN = os.environ.get("OPENCLAW_RUN", "/run/openclaw")
# The boot's restore leaves it here.
STATE_KEY = os.path.join(RUN, "state-key")
# And this where it has made the key: the machine before had none to sign with.
KEY_MADE = os.path.join(RUN, "state-key-made")
_WORD = documents.text(r"[a-z]{1,32}", "a word of a to z")
FIELDS = {
    "reason": _WORD,
    "because": documents.text(r"[a-z]{0,32}", _WORD.allowed, ""),
    "since": documents.text(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", "a time in ISO 8601"),
    "clean": documents.flag(),
    "set_aside": documents.flag(default=False),
    "skipped": documents.text(r"[a-z ]{0,32}", "words of a to z", ""),
    "instance": documents.text("(i-[0-9a-f]{8,17})?", instance.ID.allowed, ""),
    "deployment": documents.text(r"[0-9a-f]{0,64}", "a fingerprint in hexadecimal", ""),
    "last_backup": documents.nested(
        {"generation": order.NUMBER, "sequence": order.NUMBER, "at": documents.number(0, 1 << 40)}
    ),
}


def leave(record: Mapping[str, Any], seconds: float) -> bool:
    """Writes the drain's record with the last backup's numbers, by which the next machine knows that it is meant."""
    last = read_json_object(os.path.join(VAR, "last-good.json")) or {}
    known = {name: last.get(name) for name in ("generation", "sequence", "at")}
    whole = {
        **record,
        "instance": instance.own_id_or_empty(),
        "deployment": instance.deployment(),
        "last_backup": known,
    }
    whole[signing.FIELD] = signing.of(_key(), KIND, whole)
    return _put(json.dumps(whole), seconds)


def find() -> dict[str, Any] | None:
    """The record of the machine whose last backup this machine restored, or None when it left none.

    @raises OSError if the bucket does not answer, which says nothing about how that machine ended"""
    restored = read_json_object(os.path.join(VAR, "restored")) or {}
    path = os.path.join(RUN, f"{KEY}.found")
    # No more than a parser takes: the file is in memory.
    bounded = ["--range", f"bytes=0-{documents.LIMIT}"]
    if not aws("s3api", "get-object", *_object(), *bounded, path, seconds=30).ok:
        if aws("s3", "ls", _url(), seconds=30).code != NOTHING_LISTED:
            raise OSError(f"{_url()} cannot be read")
        return None
    with open(path, "rb") as file:
        record = _parsed(file.read())
    last = record["last_backup"] if record else {}
    same = all(last.get(name) == restored.get(name) for name in ("generation", "sequence"))
    return record if record and same else None


def clear() -> bool:
    """What was left is of the past once a machine serves again: an end without a word must not borrow it."""
    return _put("{}", 30)


def _parsed(body: bytes) -> dict[str, Any] | None:
    """The record, or None where it is none of this deployment's."""
    try:
        value = documents.load(body)
        if value == {}:
            return None
        record = documents.check(value, FIELDS)
    except documents.Malformed as error:
        log(f"{_url()} counts as none: {error}")
        return None
    unsigned = signing.FIELD not in value and os.path.exists(KEY_MADE)
    if not unsigned and not signing.is_signed(_key(), KIND, value):
        log(f"{_url()} counts as none: it is not signed with this deployment's key")
        return None
    return record


def _put(text: str, seconds: float) -> bool:
    path = os.path.join(RUN, KEY)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    return aws("s3api", "put-object", *_object(), "--body", path, seconds=seconds).ok


def _key() -> str:
    """@raises OSError where no restore has left it"""
    with open(STATE_KEY, encoding="ascii") as file:
        return file.read()


def _object() -> list[str]:
    owner = os.environ.get("ACCOUNT_ID")
    named = ["--bucket", os.environ["STATE_BUCKET"], "--key", KEY]
    return [*named, "--expected-bucket-owner", owner] if owner else named


def _url() -> str:
    return f"s3://{os.environ['STATE_BUCKET']}/{KEY}"
