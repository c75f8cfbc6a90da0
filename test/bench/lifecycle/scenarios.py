"""The ends that a machine can meet."""

import contextlib
import datetime
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator

from lab import ec2, metadata
from lab.docker import docker
from lab.machine import Machine

from .run import Outcome, Run, step_of_drain

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
SLOWER = 10
FREEZE = 'kill -STOP $(pgrep -P "$(docker inspect --format {{.State.Pid}} openclaw-gateway)")'
METADATA = "openclaw-lab-metadata"
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
    """A gateway that does not react to SIGTERM, as one with a run in progress."""

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


@contextlib.contextmanager
def faults(run: Run, **fault: object) -> Iterator[None]:
    """What the local AWS gets wrong meanwhile."""
    url = f"{run.deployment.endpoint}/lab/faults"
    body = json.dumps({"service": "s3", "times": -1, **fault}).encode()
    urllib.request.urlopen(urllib.request.Request(url, body, method="POST"), timeout=10).close()
    try:
        yield
    finally:
        urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=10).close()


def slow_s3(run: Run) -> Outcome:
    """Each request to S3 takes ten times what it takes."""
    s3 = run.deployment.client("s3")
    begun = time.monotonic()
    for number in range(20):
        s3.put_object(Bucket=run.deployment.bucket, Key=f"tools/probe-{number}", Body=b"x" * 100_000)
    seconds = (time.monotonic() - begun) / 20
    with faults(run, delay=seconds * (SLOWER - 1)):
        return run.end("notice, S3 ten times slower", notice)


def s3_away(run: Run) -> Outcome:
    """S3 answers 503 for the first 30 s of the drain."""
    stack = contextlib.ExitStack()

    def trigger(machine: Machine) -> None:
        stack.enter_context(faults(run, status=503))
        threading.Timer(30, stack.close).start()
        notice(machine)

    with stack:
        return run.end("notice, S3 away for 30 s", trigger)


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


def flapping(run: Run) -> Outcome:
    """The metadata service is away for three of every four seconds."""
    done = threading.Event()

    def flap() -> None:
        while not done.is_set():
            docker("pause", METADATA)
            done.wait(3)
            docker("unpause", METADATA)
            done.wait(1)

    thread = threading.Thread(target=flap)

    def trigger(machine: Machine) -> None:
        notice(machine)
        thread.start()
        run.wait_down(machine)
        done.set()
        thread.join()

    try:
        return run.end("notice, metadata service flapping", trigger)
    finally:
        done.set()


def large(run: Run) -> Outcome:
    """1 GB in 50,000 files that a backup has seen, and then 1 % of them changed."""

    def prepare(machine: Machine) -> None:
        machine.execute("python3", "-c", MANY_FILES)
        machine.execute("systemctl", "start", "openclaw-backup.service")
        machine.execute("sh", "-c", f"cd {MANY}; for n in $(seq 1 100 50000); do echo x >>$((n / 500))/$n; done")

    return run.end("notice, 1 GB in 50,000 files", notice, prepare)


def scale_in(run: Run) -> Outcome:
    """The group ends the machine through its hook, as in an update."""

    def trigger(machine: Machine) -> None:
        run.deployment.client("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=machine.instance_id, ShouldDecrementDesiredCapacity=False
        )

    return run.end("ended by the group", trigger)


def shutdown(run: Run) -> Outcome:
    """EC2 ends the machine without a word before: only the shutdown tells."""

    def trigger(machine: Machine) -> None:
        run.deployment.client("ec2").terminate_instances(InstanceIds=[machine.instance_id])

    return run.end("terminated, no notice", trigger)


def reboot(run: Run) -> Outcome:
    return run.end("reboot", Machine.reboot, same_machine=True)


def power_cut(run: Run) -> Outcome:
    return run.end("power cut", Machine.cut_power)


def power_cut_after(step: str) -> Callable[[Run], Outcome]:
    """The power goes when this step of the drain is done."""

    def scenario(run: Run) -> Outcome:
        def trigger(machine: Machine) -> None:
            notice(machine)
            next(done for done in step_of_drain(machine) if step in done)
            machine.cut_power()

        return run.end(f"power cut in the drain, after '{step}'", trigger)

    return scenario


ALL: dict[str, Callable[[Run], Outcome]] = {
    "idle": idle,
    "busy": busy,
    "run-in-progress": run_in_progress,
    "backup-running": backup_running,
    "slow-s3": slow_s3,
    "s3-away": s3_away,
    "repeated": repeated,
    "flapping": flapping,
    "scale-in": scale_in,
    "shutdown": shutdown,
    "reboot": reboot,
    "power-cut": power_cut,
    **{f"cut-after-{step}": power_cut_after(step) for step in ("begin", "stop", "wait", "save", "note")},
    "large": large,
}
