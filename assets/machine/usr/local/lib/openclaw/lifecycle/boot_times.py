"""Prints how this machine's last start of OpenClaw went, from its own journal: a bar for each unit, and the critical
path, the chain of units of which each waited for the one before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import Callable

# systemd's ids of the messages "Starting …" and "Started …" (systemd.journal-fields(7), sd-messages.h).
STARTING = "7d4958e842da4a758f6c1cdc7b36dcc5"
STARTED = "39f53479d3a045ac8e11786248231fbf"
GOAL = "openclaw.service"
UNITS = (
    "openclaw",
    "docker.service",
    "containerd.service",
    "cloud-",
    "network-online.target",
    "amazon-cloudwatch-agent",
)
WIDTH = 50
# Microseconds, unit, message id, text.
Entry = tuple[int, str, str, str]
# By unit: the microseconds of its start and of its end.
Times = dict[str, tuple[int, int]]


def journal() -> Iterator[Entry]:
    """Messages of PID 1 about units that start, oldest first."""
    fields = "MESSAGE,MESSAGE_ID,UNIT,__MONOTONIC_TIMESTAMP"
    command = ["journalctl", "--boot", "--no-pager", "--output=json", f"--output-fields={fields}", "_PID=1"]
    done = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    for line in done.stdout.splitlines():
        entry = json.loads(line)
        at = int(entry["__MONOTONIC_TIMESTAMP"])
        yield at, entry.get("UNIT", ""), entry.get("MESSAGE_ID", ""), entry.get("MESSAGE") or ""


def last_start(entries: Iterable[Entry]) -> tuple[int | None, Times]:
    """Beginning and units of the last start of the machine; a restart within one boot id counts."""
    begun: int | None = None
    units: dict[str, tuple[int, int | None]] = {}
    for at, unit, kind, text in entries:
        if begun is None or "running in system mode" in text:
            begun, units = at, {}
        if not unit.startswith(UNITS) or unit.endswith(".timer"):
            continue
        if kind == STARTING and unit not in units:
            units[unit] = at, None
        elif kind == STARTED:
            start, end = units.get(unit, (at, None))
            units[unit] = start, end or at
    return begun, {unit: (start, end) for unit, (start, end) in units.items() if end is not None}


def waits_for(unit: str) -> list[str]:
    """What a unit is ordered after."""
    command = ["systemctl", "show", "--property=After", "--value", unit]
    return subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=False).stdout.split()


def critical_path(units: Times, after: Callable[[str], list[str]] = waits_for) -> list[str]:
    """From the goal back: each time the unit that was ready last among those that were waited for."""
    path, unit = [], GOAL
    while unit in units and unit not in path:
        path.append(unit)
        start = units[unit][0]
        # A millisecond: the journal's own times of an end and of the start that it allowed.
        before = [name for name in after(unit) if name in units and units[name][1] <= start + 1000]
        unit = max(before, key=lambda name: units[name][1], default="")
    return path[::-1]


def chart(begun: int, units: Times, path: list[str]) -> str:
    """One line for each unit that counts, in the order of their starts; * marks the critical path."""
    end = units[GOAL][1]
    shown = {unit: times for unit, times in units.items() if times[0] <= end}
    scale = WIDTH / max(end - begun, 1)
    lines = [f"{'':2}{'unit':34}{'start s':>8}{'took s':>8}"]
    for unit, (start, stop) in sorted(shown.items(), key=lambda item: item[1]):
        left = round((start - begun) * scale)
        length = max(round((min(stop, end) - start) * scale), 1)
        bar = " " * left + ("#" if unit in path else "-") * length
        mark = "*" if unit in path else " "
        lines.append(
            f"{mark} {unit:34}{(start - begun) / 1e6:8.1f}{(stop - start) / 1e6:8.1f}  |{bar[:WIDTH]:{WIDTH}}|"
        )
    ours = [units[unit] for unit in shown if unit.startswith(("openclaw", "docker"))]
    serial = sum(stop - start for start, stop in ours) / 1e6
    lines.append("")
    lines.append(
        f"ready {(end - begun) / 1e6:.1f} s after the start of the machine; critical path (*): {' > '.join(path)}"
    )
    lines.append(f"the same units one after the other would take {serial:.1f} s in all")
    return "\n".join(lines)


def main() -> int:
    os.environ["SYSTEMD_COLORS"] = "0"
    begun, units = last_start(journal())
    if begun is None or GOAL not in units:
        print(f"boot-times: {GOAL} has not become ready since the last start of the machine", file=sys.stderr)
        return 1
    print(chart(begun, units, critical_path(units)))
    return 0
