"""bin/what-stays: what a destroy leaves, its cost, the way back and the way out."""

import json
import os
import pathlib
import subprocess

import pytest

PROGRAM = pathlib.Path(__file__).parents[2] / "bin" / "what-stays"
BUCKET = "openclaw-backup-dev-123456789012-me-central-1"
AWS = """#!/bin/bash
case $2 in
  get-caller-identity) echo 123456789012 ;;
  head-bucket) [[ -z $NO_BUCKET ]] || { echo "An error occurred ($NO_BUCKET) when calling it" >&2; exit 254; } ;;
  list-object-versions) echo "$SIZES" ;;
  get-parameters-by-path) echo "$PARAMETERS" ;;
  *) exit 2 ;;
esac
"""


@pytest.fixture
def what_stays(tmp_path):
    (tmp_path / "aws").write_text(AWS)
    (tmp_path / "aws").chmod(0o755)

    def run(sizes=(), parameters=(), **env):
        return subprocess.run(
            [PROGRAM],
            env={
                "PATH": f"{tmp_path}:{os.environ['PATH']}",
                "REGION": "me-central-1",
                "SIZES": json.dumps(list(sizes) or None),
                "PARAMETERS": json.dumps(list(parameters)),
                **env,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_counts_every_version_and_says_its_cost(what_stays):
    done = what_stays([4 * 2**30, 2**30], ["/openclaw/dev/env/OPENCLAW_GATEWAY_TOKEN", "/openclaw/dev/restic-password"])
    assert done.returncode == 0, done.stderr
    assert BUCKET in done.stdout
    assert "2 object versions, 5 GiB: about 0.13 USD a month" in done.stdout
    assert "/openclaw/dev/restic-password" in done.stdout


def test_says_how_to_come_back_and_how_to_be_rid_of_it(what_stays):
    out = what_stays([1], ["/openclaw/dev/image"]).stdout
    assert "CDK_IMPORT_EXISTING_RESOURCES=true npx cdk deploy" in out
    assert f"aws s3api delete-bucket --region me-central-1 --bucket {BUCKET}" in out
    assert "aws ssm delete-parameters --region me-central-1 --names /openclaw/dev/image" in out


def test_removes_no_more_than_ten_parameters_in_one_call(what_stays):
    names = [f"/openclaw/dev/env/KEY_{number}" for number in range(23)]
    lines = what_stays([1], names).stdout.splitlines()
    calls = [line.split(" --names ")[1].split() for line in lines if "delete-parameters" in line]
    assert calls == [names[:10], names[10:20], names[20:]]


def test_an_empty_bucket_costs_nothing(what_stays):
    assert "0 object versions, 0 GiB: about 0 USD a month" in what_stays().stdout


def test_nothing_stays_of_a_deployment_that_never_was(what_stays):
    out = what_stays(NO_BUCKET="404").stdout
    assert "no bucket" in out
    assert "no parameters" in out
    assert "come back" not in out


def test_a_bucket_that_may_not_be_read_is_not_called_absent(what_stays):
    done = what_stays(NO_BUCKET="403")
    assert done.returncode == 1
    assert f"cannot look into {BUCKET}" in done.stderr


def test_asks_for_the_region(what_stays):
    done = what_stays(REGION="")
    assert done.returncode == 1
    assert "REGION must be the deployment's region" in done.stderr
