"""Which deployment the operator's programs and the Makefile act on."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

REPOSITORY = pathlib.Path(__file__).parents[2]
AWS = """#!/bin/bash
[[ $1 == configure ]] || echo "$*" >>"$CALLS"
"""


@pytest.fixture
def deployment(tmp_path):
    """Where bin/replace looks for a machine, in a clone whose cdk.json has this context."""
    shutil.copytree(REPOSITORY / "bin", tmp_path / "bin")
    (tmp_path / "aws").write_text(AWS)
    (tmp_path / "aws").chmod(0o755)
    calls = tmp_path / "calls"

    def find(context, **env):
        (tmp_path / "cdk.json").write_text(json.dumps({"context": context}))
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CALLS": str(calls), **env}
        subprocess.run([tmp_path / "bin" / "replace"], env=environment, capture_output=True, check=False)
        if not calls.exists():
            return None
        words = calls.read_text().split()
        return words[words.index("--region") + 1], words[words.index("--auto-scaling-group-names") + 1]

    return find


CONTEXT = {"az": "eu-west-1b", "stack": "prod"}


@pytest.mark.parametrize(
    ("context", "given", "found"),
    [
        (CONTEXT, {}, ("eu-west-1", "openclaw-prod")),
        (CONTEXT, {"AWS_REGION": "us-east-1"}, ("eu-west-1", "openclaw-prod")),
        (CONTEXT, {"REGION": "", "STACK": ""}, ("eu-west-1", "openclaw-prod")),
        (CONTEXT, {"REGION": "me-central-1", "STACK": "lab"}, ("me-central-1", "openclaw-lab")),
        ({}, {"AWS_REGION": "us-east-1"}, ("us-east-1", "openclaw-dev")),
        ({}, {}, None),
    ],
)
def test_is_the_one_that_is_named_or_that_of_cdk_json(deployment, context, given, found):
    assert deployment(context, **given) == found


def make(*arguments):
    environment = {"PATH": os.environ["PATH"]}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("given", "region"),
    [
        (["AZ=me-central-1a"], "me-central-1"),
        (["AZ=me-central-1a", "REGION=eu-west-1"], "eu-west-1"),
        ([], ""),
    ],
)
def test_make_takes_the_region_of_the_zone(given, region):
    assert make("--eval", 'show: ; @echo "$$REGION"', "show", *given).strip() == region


def test_a_drill_by_hand_makes_way_for_the_service_as_the_weekly_one_does():
    assert "bin/on-machine openclaw-state drill" in make("--dry-run", "drill")
