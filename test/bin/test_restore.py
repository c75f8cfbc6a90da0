"""bin/restore: what the machine is asked to bring back."""

import os
import pathlib
import subprocess

import pytest

PROGRAM = pathlib.Path(__file__).parents[2] / "bin" / "restore"
AWS = """#!/bin/bash
case $1 in
  autoscaling) echo i-0123456789abcdef0 ;;
  ssm) sh -c "$(jq --raw-output '.command[0]' <<<"${*: -1}")" ;;
esac
"""
SUDO = """#!/bin/bash
printf '%s\\n' "${@:3}" >"$ASKED"
"""


@pytest.fixture
def restore(tmp_path):
    for name, body in (("aws", AWS), ("sudo", SUDO), ("session-manager-plugin", "#!/bin/bash\n")):
        (tmp_path / name).write_text(body)
        (tmp_path / name).chmod(0o755)
    asked = tmp_path / "asked"

    def run(**env):
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "REGION": "me-central-1", "ASKED": str(asked), **env}
        done = subprocess.run([PROGRAM], env=environment, capture_output=True, text=True, check=False)
        done.asked = asked.read_text().splitlines() if asked.exists() else None
        return done

    return run


@pytest.mark.parametrize(
    ("given", "arguments"),
    [
        ({"SNAPSHOT": "abc123"}, ["abc123"]),
        ({"SNAPSHOT": "latest"}, ["latest"]),
        ({"AT": "2026-11-20 14:00"}, ["--at", "2026-11-20 14:00"]),
        (
            {"SNAPSHOT": "abc", "PATHS": "workspace/a.md workspace/b"},
            ["abc", "--paths", "workspace/a.md", "workspace/b"],
        ),
    ],
)
def test_asks_the_machine_for_it(restore, given, arguments):
    done = restore(**given)
    assert done.returncode == 0, done.stderr
    assert done.asked == ["openclaw-state", "restore", *arguments]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "SNAPSHOT (an id of `make snapshots`, or latest) or AT must be given"),
        ({"PATHS": "workspace/a.md"}, "got SNAPSHOT='' AT=''"),
        ({"SNAPSHOT": "abc", "AT": "2026-11-20 14:00"}, "and not both"),
        ({"AT": "yesterday"}, "AT must be a time in UTC like '2026-11-20 14:00', got 'yesterday'"),
    ],
)
def test_replaces_no_state_that_nobody_named(restore, given, words):
    done = restore(**given)
    assert (done.returncode, done.asked) == (1, None)
    assert words in done.stderr
