"""What OpenClaw had written when it ended, known outside of the machine, to be compared with what its successor has."""

import subprocess
import threading
import time

from lab.machine import Machine

FILE = "workspace/ledger"
LINE_BYTES = 64
# Numbered lines of equal length, each on the disk before its number is told.
SCRIPT = f"""
cd /home/node/.openclaw
n=$(($(stat --format=%s {FILE} 2>/dev/null || echo 0) / {LINE_BYTES}))
while :; do
  n=$((n + 1))
  printf '%0{LINE_BYTES - 1}d\\n' "$n" >>{FILE} && sync {FILE} && echo "$n"
  sleep 0.05
done
"""


class Ledger:
    """A writer in the gateway's own container, which ends with it."""

    def __init__(self, machine: Machine):
        self.written = 0
        self.last_at = time.time()
        self._process = subprocess.Popen(
            ["docker", "exec", machine.container, "docker", "exec", "openclaw-gateway", "bash", "-c", SCRIPT],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout:
            self.written, self.last_at = int(line), time.time()

    def close(self) -> int:
        """The number of the last line that is known to be on the disk of the machine."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        return self.written


def restored(machine: Machine) -> int:
    """The number of the last line that this machine has. Raises ValueError when the file is not whole."""
    text = machine.execute("sh", "-c", f"cat /opt/openclaw/{FILE} 2>/dev/null || true")
    numbers = [int(line) for line in text.splitlines()]
    if numbers != list(range(1, len(numbers) + 1)):
        raise ValueError(f"{machine.instance_id}: the ledger has gaps or torn lines")
    return len(numbers)
