"""report-failure: what failed can be read in the log group, with or without the CloudWatch agent."""

import json
import re
import subprocess

import pytest
from machine.conftest import LIBEXEC

STREAM = "--log-group-name /openclaw/dev/operations --log-stream-name i-0aaaaaaaaaaaaaaa1"


@pytest.fixture
def report(machine):
    machine.stub("aws", "")
    (machine.root / "machine.env").write_text("LOG_GROUP_PREFIX=/openclaw/dev\nAWS_REGION=me-central-1\n")
    (machine.root / "instance-id").write_text("i-0aaaaaaaaaaaaaaa1\n")

    def report(text: str, subject: str = "docker.service"):
        places = {
            "OPENCLAW_MACHINE_ENV": str(machine.root / "machine.env"),
            "OPENCLAW_INSTANCE_ID": str(machine.root / "instance-id"),
        }
        # As user data has it.
        bare = {name: machine.env[name] for name in ("PATH", "HOME", "OPENCLAW_LIB")}
        return subprocess.run(
            [LIBEXEC / "report-failure", subject],
            env={**bare, **places},
            input=text,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return report


def events(machine) -> list[dict]:
    call = machine.calls("aws")[-1]
    assert f"logs put-log-events {STREAM}" in call
    return json.loads(re.search(r"--log-events (.*)", call)[1])


def test_the_last_words_go_to_operations_in_the_agents_form(report, machine):
    done = report('first\nlast "words" {é}\n')
    assert done.returncode == 0, done.stderr
    assert f"logs create-log-stream {STREAM}" in machine.calls("aws")[0]
    (event,) = events(machine)
    body = json.loads(event["message"])["body"]
    assert body["MESSAGE"] == 'docker.service failed:\nfirst\nlast "words" {é}'
    assert (body["UNIT"], body["PRIORITY"]) == ("docker.service", "3")
    assert event["timestamp"] > 1_700_000_000_000
    assert 'last "words" {é}' in done.stderr, "and to whoever reads the instance's own log"


def test_what_is_too_long_for_an_event_is_cut_at_its_beginning(report, machine):
    report("x" * 300_000 + " the end")
    (event,) = events(machine)
    assert len(event["message"]) < 25_000
    assert "the end" in event["message"]


def test_logs_that_are_away_fail_nothing(report, machine):
    machine.stub("aws", "exit 255")
    done = report("a line")
    assert done.returncode == 0
    assert "could not be sent" in done.stderr and "a line" in done.stderr
