"""bin/on-machine: one command on the deployment's machine, through Session Manager."""

import json
import os
import pathlib
import subprocess

import pytest

PROGRAM = pathlib.Path(__file__).parents[2] / "bin" / "on-machine"
AWS = """#!/bin/bash
printf '%s\\0' "$@" >>"$CALLS"; printf '\\n' >>"$CALLS"
if [[ $1 == autoscaling ]]; then
  echo "$INSTANCE"
elif [[ $1 == ssm ]]; then
  echo "Starting session"
  sh -c "$(jq --raw-output '.command[0]' <<<"${*: -1}")" | $TERMINAL
  echo "Exiting session"
fi
"""
SUDO = """#!/bin/bash
# The machine's PATH is not this one's.
exec "${@:3}"
"""


@pytest.fixture
def on_machine(tmp_path):
    for name, body in (("aws", AWS), ("sudo", SUDO), ("session-manager-plugin", "#!/bin/bash\n")):
        (tmp_path / name).write_text(body)
        (tmp_path / name).chmod(0o755)

    # What stands for the machine's program.
    (tmp_path / "openclaw-state").write_text("#!/bin/bash\n")
    (tmp_path / "openclaw-state").chmod(0o755)

    def run(*command, instance="i-0123456789abcdef0", **env):
        calls = tmp_path / "calls"
        done = subprocess.run(
            [PROGRAM, *command],
            env={
                "PATH": f"{tmp_path}:{os.environ['PATH']}",
                "CALLS": str(calls),
                "INSTANCE": instance,
                "REGION": "me-central-1",
                # A terminal ends its lines with a carriage return too.
                "TERMINAL": "sed -u s/$/\\r/",
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
    _, command, _ = command.split("; ")
    words = subprocess.run(["sh", "-c", f"printf '%s\\n' {command}"], capture_output=True, text=True, check=True)
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


@pytest.mark.parametrize("status", [0, 1, 3, 78])
def test_ends_as_the_command_ends_and_shows_what_it_says(on_machine, status):
    done = on_machine("sh", "-c", f"echo before; echo after; exit {status}")
    assert done.returncode == status, done.stderr
    assert done.stdout.split("\n") == ["Starting session", "before", "after", "Exiting session", ""]


def test_an_output_without_a_line_at_its_end_stays_as_it_is(on_machine):
    done = on_machine("printf", "a\\036b")
    assert (done.returncode, done.stdout.split("\n")[1]) == (0, "a\036bExiting session")


def test_a_session_that_breaks_off_is_no_success(on_machine):
    done = on_machine("echo", "before", TERMINAL="head --lines 1")
    assert done.returncode == 1
    assert "the session ended before the command did" in done.stderr
    assert "before" in done.stdout


def test_shows_a_question_before_its_answer(tmp_path, on_machine):
    """What is no whole line yet waits for nothing."""
    answer = tmp_path / "answer"
    os.mkfifo(answer)
    command = ["sh", "-c", f"printf 'sure? '; cat {answer}"]
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "CALLS": os.devnull, "REGION": "x-y-1"}
    environment |= {"INSTANCE": "i-0123456789abcdef0", "TERMINAL": "cat"}
    with subprocess.Popen([PROGRAM, *command], env=environment, stdout=subprocess.PIPE) as session:
        shown = b""
        while not shown.endswith(b"sure? "):
            shown += os.read(session.stdout.fileno(), 4096)
        answer.write_text("yes\n")
        assert session.stdout.read().startswith(b"yes\n")
    assert session.returncode == 0
