"""What a machine leaves in the state bucket about its end, for the next one to tell."""

from __future__ import annotations

import json
import os

from openclaw.aws import instance
from openclaw.aws.cli import aws
from openclaw.system.files import read_json_object

KEY = "handover.json"
# How `aws s3 ls` ends where there is no such object; an error ends it with 254 or 255.
NOTHING_LISTED = 1
VAR = os.environ.get("OPENCLAW_VAR", "/var/lib/openclaw")
RUN = os.environ.get("OPENCLAW_RUN", "/run/openclaw")


def leave(record, seconds):
    """Writes the drain's record with the last backup's numbers, by which the next machine knows that it is meant."""
    last = read_json_object(os.path.join(VAR, "last-good.json")) or {}
    known = {name: last.get(name) for name in ("generation", "sequence", "at")}
    whole = {
        **record,
        "instance": instance.own_id_or_empty(),
        "deployment": instance.deployment(),
        "last_backup": known,
    }
    path = os.path.join(RUN, KEY)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(whole, file)
    return aws("s3", "cp", "--only-show-errors", path, _url(), seconds=seconds).ok


def find():
    """The record of the machine whose last backup this machine restored, or None when it left none.

    @raises OSError when the bucket does not answer, which is no word about the end of that machine"""
    restored = read_json_object(os.path.join(VAR, "restored")) or {}
    path = os.path.join(RUN, f"{KEY}.found")
    if not aws("s3", "cp", "--only-show-errors", _url(), path, seconds=30).ok:
        if aws("s3", "ls", _url(), seconds=30).code != NOTHING_LISTED:
            raise OSError(f"{_url()} cannot be read")
        return None
    record = read_json_object(path) or {}
    last = record.get("last_backup") or {}
    same = all(last.get(name) == restored.get(name) for name in ("generation", "sequence"))
    return record if same and last.get("generation") is not None else None


def clear():
    """What was left is of the past once a machine serves again: an end without a word must not borrow it."""
    path = os.path.join(RUN, KEY)
    with open(path, "w", encoding="utf-8") as file:
        file.write("{}\n")
    return aws("s3", "cp", "--only-show-errors", path, _url(), seconds=30).ok


def _url():
    return f"s3://{os.environ['STATE_BUCKET']}/{KEY}"
