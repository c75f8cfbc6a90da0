"""bin/on-machine: one command on the deployment's machine, through Session Manager."""

import json
import os
import pathlib
import subprocess

import pytest

PROGRAM = pathlib.Path(__file__).parents[2] / "bin" / "on-machine"
AWS = """#!/bin/bash
printf '%s\\0' "$@" >>"$CALLS"; printf '\\n' >>"$CALLS"
[[ $1 != autoscaling ]] || echo "$INSTANCE"
"""


@pytest.fixture
def on_machine(tmp_path):
    for name, body in (("aws", AWS), ("session-manager-plugin", "#!/bin/bash\n")):
        (tmp_path / name).write_text(body)
        (tmp_path / name).chmod(0o755)

    def run(*command, instance="i-0123456789abcdef0", **env):
        calls = tmp_path / "calls"
        done = subprocess.run(
            [PROGRAM, *command],
            env={
                "PATH": f"{tmp_path}:{os.environ['PATH']}",
                "CALLS": str(calls),
                "INSTANCE": instance,
                "REGION": "me-central-1",
                **env,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        done.calls = [line.split("\0") for line in calls.read_text().splitlines()] if calls.exists() else []
        return done

    return run


def option(call, name):
    return call[call.index(name) + 1]


def test_runs_the_command_as_root_on_the_machine_in_service(on_machine):
    done = on_machine("openclaw-state", "restore", "--at", "2026-11-20 14:00", STACK="lab")
    assert done.returncode == 0, done.stderr
    find, start = done.calls
    assert option(find, "--auto-scaling-group-names") == "openclaw-lab"
    assert option(start, "--target") == "i-0123456789abcdef0"
    assert option(start, "--region") == "me-central-1"
    [command] = json.loads(option(start, "--parameters"))["command"]
    words = subprocess.run(["bash", "-c", f"printf '%s\\n' {command}"], capture_output=True, text=True, check=True)
    sudo, *words = words.stdout.splitlines()
    assert (sudo, words[-4:]) == ("sudo", ["openclaw-state", "restore", "--at", "2026-11-20 14:00"])
    assert "PATH=/usr/local/bin:/usr/sbin:/usr/bin" in words


@pytest.mark.parametrize(
    ("command", "given", "words"),
    [
        ((), {}, "a command must be given"),
        (("true",), {"instance": "None"}, "no machine of openclaw-dev is in service in me-central-1"),
        (("true",), {"REGION": ""}, "REGION must be the deployment's region"),
    ],
)
def test_says_what_is_missing(on_machine, command, given, words):
    done = on_machine(*command, **given)
    assert done.returncode != 0
    assert words in done.stderr
    assert not any("start-session" in call for call in done.calls)
