"""Backups that were made and are missing now: a bucket that looks empty is then a loss, not a first boot.

A DeleteObject in a versioned bucket only sets a delete marker, and what is below it stays for weeks. Who starts from
empty on purpose removes lease.json too, which the machine itself has no right to do: what was stored before that is
meant to be gone. Both times are S3's own.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from openclaw.aws.client import Aws
from openclaw.settings import Settings
from openclaw.state.guards import lease

# One object for each backup, by engine, and its name below that.
RECORDS = {"snapshots": "snapshots/snapshots/", "mirror": "mirror/manifests/"}
_NAMES = {"snapshots": re.compile("([0-9a-f]{64})"), "mirror": re.compile(r"(\d{8,10}-\d{8,10}_.*)\.jsonl\.gz")}
# A restic repository is none without it.
CONFIG = "snapshots/config"


def made(aws: Aws, prefix: str) -> set[str]:
    """Keys below the prefix that were stored since the lease's object was last removed, whatever became of them."""
    removed = [change.at for change in aws.history(lease.KEY) if change.is_deletion and change.key == lease.KEY]
    since = max(removed, default=None)
    return {
        change.key for change in aws.history(prefix) if not change.is_deletion and (since is None or change.at > since)
    }


def holds(aws: Aws, engine: str) -> bool:
    """Whether there is an object now that says it is a backup."""
    prefix = RECORDS[engine]
    return any(_NAMES[engine].fullmatch(key[len(prefix) :]) for key, _ in aws.list(prefix))


def why(settings: Settings, aws: Aws, engines: Sequence[str], seen: Collection[str]) -> str:
    """What a person has to do before this machine may start; empty where nothing is missing.

    @param engines whose backups this deployment believes @param seen ids of the backups that were found
    """
    for name in engines:
        prefix = RECORDS[name]
        known = (_NAMES[name].fullmatch(key[len(prefix) :]) for key in made(aws, prefix))
        missing = [one for one in known if one and one[1] not in seen]
        if missing:
            return (
                f"s3://{aws.bucket}/{prefix} held {len(missing)} backups that are missing now, so this is not a "
                f"first boot. {undelete(settings, aws, prefix.partition('/')[0])} A start from empty on purpose needs "
                f"s3://{aws.bucket}/{lease.KEY} to be removed too."
            )
    return ""


def undelete(settings: Settings, aws: Aws, part: str) -> str:
    """The commands, for a person's own computer. @param part of the bucket, without its slash"""
    listed = (
        f"aws s3api list-object-versions --bucket {aws.bucket} --prefix {part}/ "
        "--query 'DeleteMarkers[?IsLatest].[Key,VersionId]' --output text"
    )
    removed = f'aws s3api delete-object --bucket {aws.bucket} --key "$key" --version-id "$version"'
    return (
        f"If they were deleted, bring them back: npx openclaw-spot undelete --stack {settings.stack}, or {listed} | "
        f"while IFS=$'\\t' read -r key version; do {removed}; done. Then reboot."
    )
