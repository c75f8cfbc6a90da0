"""A notice while AWS's services fail."""

import contextlib
import threading
import time

from lab.docker import docker
from lab.machine import Machine

from ..aws import faults
from ..run import Outcome, Run
from .notices import notice

SLOWER = 10
AWAY_SECONDS = 30
METADATA = "openclaw-lab-metadata"


def slow_s3(run: Run) -> Outcome:
    """Each request to S3 takes ten times what it takes."""
    s3 = run.deployment.client("s3")
    begun = time.monotonic()
    for number in range(20):
        s3.put_object(Bucket=run.deployment.bucket, Key=f"tools/probe-{number}", Body=b"x" * 100_000)
    seconds = (time.monotonic() - begun) / 20
    with faults(run.deployment.endpoint, service="s3", delay=seconds * (SLOWER - 1)):
        return run.end("notice, S3 ten times slower", notice)


def s3_away(run: Run) -> Outcome:
    """S3 answers 503 when the drain begins."""
    stack = contextlib.ExitStack()

    def trigger(machine: Machine) -> None:
        stack.enter_context(faults(run.deployment.endpoint, service="s3", status=503))
        threading.Timer(AWAY_SECONDS, stack.close).start()
        notice(machine)

    with stack:
        return run.end(f"notice, S3 away for {AWAY_SECONDS} s", trigger)


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


ENDS = {"slow-s3": slow_s3, "s3-away": s3_away, "flapping": flapping}
