"""The short form; `make crash-test` is the long one, with a report."""

import json
import os
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from machine.state.support.crash import Crash

CUTS = int(os.environ.get("CRASH_CUTS", "10"))
SEED = int(os.environ.get("CRASH_SEED", "1"))
REPORT = os.environ.get("CRASH_REPORT")


def test_no_power_cut_loses_what_a_backup_vouched_for(deployment):
    started, crash, failure = time.monotonic(), Crash(deployment, SEED), ""
    try:
        crash.run(CUTS)
    except AssertionError as error:
        failure = str(error)
    report = {
        "engine": deployment.backup,
        "seed": SEED,
        "cuts": crash.cuts,
        "backups that were done before their cut": crash.finished,
        "transactions": len(crash.ledger.committed),
        "seconds": round(time.monotonic() - started),
        "failure": failure,
    }
    if REPORT:
        path = Path(REPORT)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as stream:
            stream.write(json.dumps(report) + "\n")
    if failure:
        pytest.fail(f"{failure}\n(CRASH_SEED={SEED}, after {crash.cuts} cuts)")
    assert crash.cuts >= CUTS


def test_an_upload_that_is_cut_off_stores_nothing(deployment, cloud):
    """As with S3: without this, a power cut would find what it never leaves behind."""
    where = urlsplit(cloud.url)
    with socket.create_connection((where.hostname, where.port)) as client:
        request = f"PUT /{deployment.bucket}/cut HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Length: 1000\r\n\r\n"
        client.sendall(request.encode() + b"x" * 500)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1000) == b""
    assert deployment.stored("cut") == []
