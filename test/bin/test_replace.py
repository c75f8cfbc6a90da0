"""bin/replace: the deployment's machine ends through its group, which launches another."""

import os
import pathlib
import subprocess

import pytest

PROGRAM = pathlib.Path(__file__).parents[2] / "bin" / "replace"
AWS = """#!/bin/bash
printf '%s\\n' "$*" >>"$CALLS"
case $2 in
  describe-*) echo "$INSTANCE" ;;
  terminate-*) [[ -z $REFUSED ]] || { echo "AccessDenied" >&2; exit 254; } ;;
esac
"""


@pytest.fixture
def replace(tmp_path):
    (tmp_path / "aws").write_text(AWS)
    (tmp_path / "aws").chmod(0o755)

    def run(instance="i-0123456789abcdef0", **env):
        calls = tmp_path / "calls"
        given = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CALLS": str(calls), "INSTANCE": instance, "REFUSED": ""}
        done = subprocess.run(
            [PROGRAM], env={**given, "REGION": "me-central-1", **env}, capture_output=True, text=True, check=False
        )
        done.calls = calls.read_text().splitlines() if calls.exists() else []
        return done

    return run


def test_the_machine_in_service_ends_and_the_group_keeps_its_size(replace):
    done = replace(STACK="lab")
    assert done.returncode == 0, done.stderr
    find, end = done.calls
    assert "--auto-scaling-group-names openclaw-lab" in find
    assert end == (
        "autoscaling terminate-instance-in-auto-scaling-group --region me-central-1 "
        "--instance-id i-0123456789abcdef0 --no-should-decrement-desired-capacity"
    )
    assert "i-0123456789abcdef0 saves the state and ends; openclaw-lab then launches" in done.stdout


def test_a_deployment_without_a_machine_is_named(replace):
    done = replace(instance="None")
    assert done.returncode == 1 and len(done.calls) == 1
    assert "no machine of openclaw-dev is in service in me-central-1" in done.stderr


def test_a_refusal_is_shown_and_nothing_is_promised(replace):
    done = replace(REFUSED="yes")
    assert done.returncode != 0 and "AccessDenied" in done.stderr and done.stdout == ""
