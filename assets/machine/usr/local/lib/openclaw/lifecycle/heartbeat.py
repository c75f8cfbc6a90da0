"""The dead man's switch of OBSERVABILITY=lean: a machine that lives, serves and has a young backup says so. Any other
one, or none, says nothing, which is the alarm."""

from __future__ import annotations

import os
import sys
import time

from openclaw.aws import metrics
from openclaw.system.files import read_json_object
from openclaw.system.journal import log

VAR = os.environ.get("OPENCLAW_VAR", "/var/lib/openclaw")
MEMINFO = os.environ.get("OPENCLAW_MEMINFO", "/proc/meminfo")
ROOT = os.environ.get("OPENCLAW_ROOT", "/")
# A backup may be as old as three intervals, of ten minutes at least, which allows for a boot.
INTERVALS = 3
SHORTEST_MINUTES = 10


def resources() -> dict[str, float]:
    """What is in use, in percent, as the CloudWatch agent counts it; swap only where there is any."""
    with open(MEMINFO, encoding="ascii") as stream:
        pairs = (line.split(":", 1) for line in stream if ":" in line)
        kib = {name: int(rest.split()[0]) for name, rest in pairs}
    disk = os.statvfs(ROOT)
    used = disk.f_blocks - disk.f_bfree
    found = {
        "disk_used_percent": 100 * used / (used + disk.f_bavail),
        "mem_used_percent": 100 * (1 - kib["MemAvailable"] / kib["MemTotal"]),
    }
    if kib["SwapTotal"]:
        found["swap_used_percent"] = 100 * (1 - kib["SwapFree"] / kib["SwapTotal"])
    return {name: round(value, 1) for name, value in found.items()}


def backed_up() -> bool:
    """Whether the last good backup is young enough; before the first one, what the boot brought in counts."""
    if os.environ.get("BACKUP", "off") == "off":
        return True
    at = (read_json_object(os.path.join(VAR, "last-good.json")) or {}).get("at")
    if not isinstance(at, (int, float)):
        try:
            at = os.stat(os.path.join(VAR, "restored")).st_mtime
        except OSError:
            return False
    limit = INTERVALS * max(int(os.environ.get("BACKUP_INTERVAL_MINUTES", "20")), SHORTEST_MINUTES) * 60
    age = time.time() - at
    if age > limit:
        log(f"no heartbeat: the last good backup is {age / 60:.0f} minutes old, and may be {limit / 60:.0f}")
    return age <= limit


def main() -> int:
    """heartbeat 1|0, whether OpenClaw serves"""
    serves = sys.argv[1:] == ["1"]
    values: dict[str, float] = {"ServiceReady": int(serves), **resources()}
    if serves:
        values["StartRefused"] = 0
        if backed_up():
            values["Heartbeat"] = 1
    metrics.publish_by_cli(values)
    return 0
