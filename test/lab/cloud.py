"""The lab's one host process: the local AWS, the loop that boots its instances, and the tunnel to the running machine.

Started in the background by `lab up`; `python -m lab.cloud` runs it in the foreground.
"""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

from . import certificates, services, settings
from .ec2 import Ec2
from .tunnel import Tunnel

START_SECONDS = 60


def running() -> dict | None:
    """What the running process wrote about itself, or None when there is none."""
    if not settings.RUNTIME.exists():
        return None
    runtime = json.loads(settings.RUNTIME.read_text())
    try:
        os.kill(runtime["pid"], 0)
    except ProcessLookupError:
        return None
    return runtime


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start() -> dict:
    """Starts the process unless it runs, and waits until the local AWS answers."""
    if runtime := running():
        return runtime
    settings.LOGS.mkdir(parents=True, exist_ok=True)
    settings.RUNTIME.unlink(missing_ok=True)
    with (settings.LOGS / "cloud.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "lab.cloud"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(settings.REPOSITORY / "test"), "PYTHONUNBUFFERED": "1"},
        )
    for _ in range(START_SECONDS * 5):
        if process.poll() is not None:
            raise SystemExit(f"the local AWS did not start, see {settings.LOGS / 'cloud.log'}")
        if (runtime := running()) and answers(runtime["endpoint"]):
            return runtime
        time.sleep(0.2)
    raise SystemExit(f"the local AWS did not answer within {START_SECONDS} s, see {settings.LOGS / 'cloud.log'}")


def answers(endpoint: str) -> bool:
    try:
        urllib.request.urlopen(f"{endpoint}/moto-api/", timeout=2)
    except OSError:
        return False
    return True


def stop() -> None:
    if runtime := running():
        os.kill(runtime["pid"], signal.SIGTERM)
        for _ in range(50):
            if not running():
                break
            time.sleep(0.1)
    settings.RUNTIME.unlink(missing_ok=True)


def main() -> None:
    from .aws.server import LocalAws  # noqa: PLC0415 - moto takes seconds to load, which only this process needs

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    aws = LocalAws(
        http=("127.0.0.1", port),
        https=(services.gateway(), settings.TLS_PORT),
        certificate=certificates.CERTIFICATE,
        key=certificates.KEY,
    )
    aws.start()
    threading.Thread(target=Tunnel().serve_forever, daemon=True).start()
    settings.RUNTIME.write_text(json.dumps({"pid": os.getpid(), "endpoint": endpoint}))
    Ec2(endpoint).run()


if __name__ == "__main__":
    main()
