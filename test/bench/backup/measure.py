"""What one run of a program cost: seconds, requests, bytes sent, and the most memory its processes had at once."""

import os
import subprocess
import time
from dataclasses import dataclass

from machine.state.support.proxy import Proxy

PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Cost:
    seconds: float
    requests: int
    bytes_sent: int
    peak_bytes: int


def resident(group: int) -> int:
    """Bytes that the processes of a process group hold in memory now."""
    total = 0
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if os.getpgid(int(entry)) == group:
                    with open(f"/proc/{entry}/statm") as stream:
                        total += int(stream.read().split()[1]) * PAGE
            except (OSError, ValueError):
                continue
    return total


def run(proxy: Proxy, command: list[str], environment: dict[str, str]) -> Cost:
    peak, started = 0, time.monotonic()
    with proxy.counting() as totals:
        process = subprocess.Popen(
            command, env=environment, process_group=0, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        while process.poll() is None:
            peak = max(peak, resident(process.pid))
            time.sleep(0.05)
        seconds = time.monotonic() - started
        errors = process.stderr.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{errors}")
    return Cost(seconds, totals.count, totals.bytes_sent, peak)
