"""The lab's CloudWatch agent sends what the real one sends, and refuses what that refuses."""

import json
import runpy
import types
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
BIN = REPOSITORY / "test/lab/images/machine/rootfs/opt/aws/amazon-cloudwatch-agent/bin"
TEMPLATE = REPOSITORY / "assets/machine/etc/openclaw/cloudwatch-agent.template.json"
SCHEMA = REPOSITORY / "test/machine/fixtures/cloudwatch-agent.schema.json"
ENTRY = {
    "__CURSOR": "s=1",
    "__REALTIME_TIMESTAMP": "1795180000123456",
    "MESSAGE": "a line",
    "PRIORITY": "6",
    "_SYSTEMD_UNIT": "openclaw.service",
}


@pytest.fixture
def stream():
    def stream(**entry):
        collected = {"log_group_name": "/g", "log_stream_name": "{instance_id}-x", **entry}
        machine = types.SimpleNamespace(instance_id="i-1")
        return runpy.run_path(str(BIN / "amazon-cloudwatch-agent"))["Stream"](None, collected, machine)

    return stream


def test_an_event_is_the_whole_journal_entry(stream):
    event = stream().event(ENTRY)
    assert event["timestamp"] == 1795180000123
    assert json.loads(event["message"]) == {
        "body": {key: value for key, value in ENTRY.items() if key != "__REALTIME_TIMESTAMP"}
    }


def test_a_message_that_is_no_text_comes_as_bytes(stream):
    event = stream().event({**ENTRY, "MESSAGE": [104, 105, 27]})
    assert json.loads(event["message"])["body"]["MESSAGE"] == "hi\x1b"


@pytest.mark.parametrize(
    ("kind", "expression", "sent"),
    [
        ("exclude", "a l.ne", False),
        ("exclude", "another", True),
        ("include", "a l.ne", True),
        ("include", "another", False),
        ("exclude", "openclaw.service", False),
    ],
)
def test_filters_look_at_the_whole_entry(stream, kind, expression, sent):
    made = stream(filters=[{"type": kind, "expression": expression}])
    assert (made.event(ENTRY) is not None) == sent


def test_the_journal_is_followed_from_the_agents_own_start(stream, tmp_path, monkeypatch):
    journalctl = tmp_path / "journalctl"
    journalctl.write_text(f"#!/bin/bash\necho \"$*\" > {tmp_path}/asked\necho '{json.dumps(ENTRY)}'\n")
    journalctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    made = stream(units=["a.service", "b.service"])
    made.follow()
    asked = (tmp_path / "asked").read_text().split()
    assert "--lines=0" in asked and "--follow" in asked and "--priority=info" in asked
    assert [word for word in asked if word.startswith("--unit=")] == ["--unit=a.service", "--unit=b.service"]
    assert len(made.waiting) == 1
    assert made.name["logStreamName"] == "i-1-x"


@pytest.fixture
def faults_of(tmp_path):
    pytest.importorskip("jsonschema")
    program = runpy.run_path(str(BIN / "amazon-cloudwatch-agent-ctl"))["faults_of"]
    (tmp_path / "schema.json").write_text(SCHEMA.read_text())
    program.__globals__["HOME"] = tmp_path
    return program


CONFIG = json.loads(TEMPLATE.read_text())


def test_an_agent_that_knows_the_journal_takes_our_configuration(faults_of):
    assert faults_of(CONFIG, "1.300070.0") == []
    assert faults_of(CONFIG, "1.300071.0") == []


def test_an_older_one_refuses_it_and_takes_its_metrics(faults_of):
    assert ["journald" in fault.message for fault in faults_of(CONFIG, "1.300069.1")] == [True]
    metrics = {key: value for key, value in CONFIG.items() if key != "logs"}
    assert faults_of(metrics, "1.300069.1") == []


def test_of_a_metric_whose_original_is_dropped_only_the_roll_up_is_sent():
    program = runpy.run_path(str(BIN / "amazon-cloudwatch-agent"))
    machine = types.SimpleNamespace(names={"${aws:AutoScalingGroupName}": "openclaw-dev"})
    processor = types.SimpleNamespace(sample=lambda: {"usage_active": 1.0})
    sent = list(program["data_of"](CONFIG["metrics"], machine, processor))
    group = [{"Name": "AutoScalingGroupName", "Value": "openclaw-dev"}]
    names = ["cpu_usage_active", "disk_used_percent", "mem_used_percent", "swap_used_percent"]
    assert [(each["MetricName"], each["Dimensions"]) for each in sent] == [(name, group) for name in names]
