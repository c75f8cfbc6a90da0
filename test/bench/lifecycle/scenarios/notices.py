"""EC2 takes the machine away, at two minutes' notice."""

import datetime
import json
import time

from lab import ec2, metadata
from lab.machine import Machine

from ..run import Outcome, Run

NOTICE_SECONDS = 120
# A model that takes the request and never answers: the run stays in progress.
MUTE_MODEL = """require("net").createServer(() => {}).listen(9999, "127.0.0.1")"""
PROVIDER = {
    "baseUrl": "http://127.0.0.1:9999/v1",
    "apiKey": "none",
    "api": "openai-completions",
    "models": [{"id": "mute", "name": "mute", "input": ["text"], "contextWindow": 131072, "maxTokens": 4096}],
}
IN_GATEWAY = ("docker", "exec", "--detach", "openclaw-gateway")
FREEZE = 'kill -STOP $(pgrep -P "$(docker inspect --format {{.State.Pid}} openclaw-gateway)")'
MANY = "/opt/openclaw/workspace/many"
MANY_FILES = f"""
import os, random
root = "{MANY}"
random.seed(1)
for number in range(50_000):
    directory = f"{{root}}/{{number // 500}}"
    os.makedirs(directory, exist_ok=True)
    with open(f"{{directory}}/{{number}}", "wb") as file:
        file.write(random.randbytes(20_000))
for path, directories, files in os.walk(root):
    for name in [path, *(os.path.join(path, file) for file in files)]:
        os.chown(name, 1000, 1000)
"""


def notice(machine: Machine, seconds: int = NOTICE_SECONDS) -> None:
    """EC2 says when it takes the machine, and does."""
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    ec2.change_metadata(machine, metadata.spot_interruption("terminate", at))


def idle(run: Run) -> Outcome:
    return run.end("spot notice", notice)


def busy(run: Run) -> Outcome:
    """A gateway that does not react to SIGTERM at all."""
    return run.end("notice, gateway deaf to SIGTERM", notice, lambda machine: machine.execute("sh", "-c", FREEZE))


def run_in_progress(run: Run) -> Outcome:
    """OpenClaw waits for its model in the middle of a turn: it wants up to 315 s to end."""

    def prepare(machine: Machine) -> None:
        machine.execute("openclaw", "config", "set", "models.providers.slow", json.dumps(PROVIDER), "--strict-json")
        machine.execute("openclaw", "config", "set", "agents.defaults.model.primary", "slow/mute")
        machine.execute(*IN_GATEWAY, "node", "--eval", MUTE_MODEL)
        machine.execute(*IN_GATEWAY, "openclaw", "agent", "--agent", "main", "--message", "Say hello.")
        time.sleep(20)

    return run.end("notice, run in progress", notice, prepare)


def backup_running(run: Run) -> Outcome:
    def trigger(machine: Machine) -> None:
        machine.execute("systemctl", "start", "--no-block", "openclaw-backup.service")
        notice(machine)

    return run.end("notice, backup in progress", trigger)


def repeated(run: Run) -> Outcome:
    def trigger(machine: Machine) -> None:
        for _ in range(3):
            notice(machine)
            time.sleep(2)

    return run.end("notice, repeated", trigger)


def large(run: Run) -> Outcome:
    """1 GB in 50,000 files that a backup has seen, and then 1 % of them changed."""

    def prepare(machine: Machine) -> None:
        machine.execute("python3", "-c", MANY_FILES)
        machine.execute("systemctl", "start", "openclaw-backup.service")
        machine.execute("sh", "-c", f"cd {MANY}; for n in $(seq 1 100 50000); do echo x >>$((n / 500))/$n; done")

    return run.end("notice, 1 GB in 50,000 files", notice, prepare)


ENDS = {
    "idle": idle,
    "busy": busy,
    "run-in-progress": run_in_progress,
    "backup-running": backup_running,
    "repeated": repeated,
}
