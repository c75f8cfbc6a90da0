"""bin/restore-at-boot: a request in the state bucket, and what it says about it."""

import json
import os
import pathlib
import subprocess

import pytest

PROGRAM = pathlib.Path(__file__).parents[2] / "bin" / "restore-at-boot"
BUCKET = "openclaw-backup-dev-123456789012-me-central-1"
AWS = """#!/bin/bash
case $1-$2 in
  sts-get-caller-identity) echo 123456789012 ;;
  s3api-head-bucket) [[ -z $NO_BUCKET ]] || { echo "An error occurred ($NO_BUCKET) when calling it" >&2; exit 254; } ;;
  s3-cp) echo "${*: -1}" >"$STORED.key"; cat >"$STORED" ;;
  *) exit 2 ;;
esac
"""


@pytest.fixture
def ask(tmp_path):
    (tmp_path / "aws").write_text(AWS)
    (tmp_path / "aws").chmod(0o755)
    stored = tmp_path / "stored"

    def run(**env):
        done = subprocess.run(
            [PROGRAM],
            env={
                "PATH": f"{tmp_path}:{os.environ['PATH']}",
                "REGION": "me-central-1",
                "STORED": str(stored),
                **env,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        done.request = json.loads(stored.read_bytes()) if stored.exists() else None
        done.key = stored.with_suffix(".key").read_text().strip() if stored.exists() else None
        return done

    return run


@pytest.mark.parametrize(
    ("given", "request_body"),
    [
        ({"SNAPSHOT": "abc123"}, {"snapshot": "abc123"}),
        ({"SNAPSHOT": "latest"}, {"snapshot": "latest"}),
        ({"AT": "2026-11-20 14:00"}, {"at": "2026-11-20T14:00Z"}),
        (
            {"AT": "2026-11-20 14:00:30", "PATHS": "workspace/a.md workspace/b"},
            {"at": "2026-11-20T14:00:30Z", "paths": ["workspace/a.md", "workspace/b"]},
        ),
    ],
)
def test_writes_what_the_machine_reads(ask, given, request_body):
    done = ask(**given)
    assert done.returncode == 0, done.stderr
    assert done.request == request_body
    assert done.key == f"s3://{BUCKET}/restore.json"


def test_says_what_will_happen_and_how_to_take_it_back(ask):
    out = ask(SNAPSHOT="abc123", PATHS="workspace/a.md").stdout
    assert "The next boot of openclaw-dev restores workspace/a.md from snapshot abc123, once." in out
    assert f"aws s3 rm --region me-central-1 s3://{BUCKET}/restore.json" in out


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "or AT must be given"),
        ({"SNAPSHOT": "abc", "AT": "2026-11-20 14:00"}, "and not both"),
        ({"AT": "yesterday"}, "AT must be a time in UTC like '2026-11-20 14:00', got 'yesterday'"),
        ({"AT": "2026-11-20T14:00"}, "got '2026-11-20T14:00'"),
        ({"AT": "2026-11-20 14:00:00 +02:00"}, "got '2026-11-20 14:00:00 +02:00'"),
        ({"SNAPSHOT": "abc", "REGION": ""}, "REGION must be the deployment's region"),
        ({"SNAPSHOT": "abc", "NO_BUCKET": "404"}, f"cannot use the state bucket {BUCKET}"),
    ],
)
def test_asks_for_nothing_that_cannot_be_meant(ask, given, words):
    done = ask(**given)
    assert done.returncode == 1
    assert words in done.stderr
    assert done.request is None
