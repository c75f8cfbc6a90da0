"""Which snapshots stay: the newest few, the last of each of the newest hours, days and weeks that have one, and, as the
way back, the last of each of the newest versions of OpenClaw. Of what was set aside, the newest few."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Callable

from openclaw.aws import metrics
from openclaw.aws.client import Aws
from openclaw.settings import Settings
from openclaw.state import engines
from openclaw.state.engines.base import Snapshot
from openclaw.state.guards.lease import Lease
from openclaw.system import journal
from openclaw.system.errors import Fenced, StateError

PRUNE_EVERY_SECONDS = 24 * 3600
# However close together: should the newest turn out damaged, the next one is not hours old.
KEPT_LAST = 3
# With the one that runs. An upgrade and the way back within an hour leave nothing of the old one to hours and days.
KEPT_VERSIONS = 5
# As long as the bucket keeps what the mirror sets aside.
ASIDE = timedelta(days=35)
_PERIODS: dict[str, Callable[[datetime], tuple[Any, ...]]] = {
    "hourly": lambda time: (time.year, time.month, time.day, time.hour),
    "daily": lambda time: (time.year, time.month, time.day),
    "weekly": lambda time: time.isocalendar()[:2],
}


def expired(snapshots: Sequence[Snapshot], hourly: int, daily: int, weekly: int) -> list[Snapshot]:
    """@param snapshots oldest first by Snapshot.order; the newest always stay, whatever their clocks said"""
    if not snapshots:
        return []
    newest_first = [snapshot for snapshot in reversed(snapshots) if not snapshot.set_aside]
    end = max(snapshot.time for snapshot in snapshots)
    aside = [one for one in reversed(snapshots) if one.set_aside and end - one.time < ASIDE]
    kept = {snapshot.id for snapshot in (*newest_first[:KEPT_LAST], *aside[:KEPT_LAST])}
    last_of_version: dict[str, str] = {}
    for snapshot in newest_first:
        version = snapshot.openclaw or snapshot.image
        if version and len(last_of_version) < KEPT_VERSIONS:
            last_of_version.setdefault(version, snapshot.id)
    kept.update(last_of_version.values())
    for period, count in (("hourly", hourly), ("daily", daily), ("weekly", weekly)):
        seen: set[tuple[Any, ...]] = set()
        for snapshot in sorted(newest_first, key=lambda one: one.time, reverse=True):
            slot = _PERIODS[period](snapshot.time)
            if slot not in seen and len(seen) < count:
                seen.add(slot)
                kept.add(snapshot.id)
    return [snapshot for snapshot in snapshots if snapshot.id not in kept]


def prune_when_due(settings: Settings, aws: Aws, lease: Lease) -> None:
    """Once a day. A failure here costs space, not state: the backup stays good. @raises Fenced"""
    stamp = settings.var / "pruned"
    if stamp.exists() and 0 <= time.time() - stamp.stat().st_mtime < PRUNE_EVERY_SECONDS:
        return
    try:
        lease.check()
        engine = engines.of(settings, aws)
        old = expired(engine.list(), settings.keep_hourly, settings.keep_daily, settings.keep_weekly)
        engine.prune(old)
        stamp.touch()
        os.utime(stamp)
        journal.record("prune", result="success", removed=len(old))
        metrics.publish(aws, {"PruneSuccess": 1})
    except Fenced:
        raise
    except StateError as error:
        journal.record("prune", result="failure", error=str(error))
        metrics.publish(aws, {"PruneSuccess": 0})
