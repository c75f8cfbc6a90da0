"""The CloudWatch agent's configuration: accepted by its schema, complete, and within what the role may do."""

import copy
import json
import re
from pathlib import Path

import jsonschema
import pytest
from machine.conftest import ASSETS

SCHEMA = json.loads((Path(__file__).parents[1] / "fixtures/cloudwatch-agent.schema.json").read_text())
CONFIG = json.loads((ASSETS / "etc/openclaw/cloudwatch-agent.template.json").read_text())
VALIDATOR = jsonschema.Draft4Validator(SCHEMA)
COLLECTED = CONFIG["logs"]["logs_collected"]["journald"]["collect_list"]


def test_the_configuration_is_one_the_agent_takes():
    assert [error.message for error in VALIDATOR.iter_errors(CONFIG)] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda config: config["logs"]["logs_collected"]["journald"]["collect_list"][0].update(unit="docker.service"),
        lambda config: config["logs"]["logs_collected"]["journald"]["collect_list"][0].pop("log_group_name"),
        lambda config: config["metrics"]["metrics_collected"]["mem"].pop("measurement"),
        lambda config: config["metrics"]["append_dimensions"].update(Host="${aws:Host}"),
        lambda config: config["agent"].update(metrics_collection_interval="60"),
        lambda config: config["logs"]["logs_collected"]["journald"]["collect_list"][0]["filters"][0].update(
            type="drop"
        ),
    ],
    ids=["unknown key", "no log group", "no measurement", "unknown dimension", "text for a number", "unknown filter"],
)
def test_the_schema_refuses_what_the_agent_would(spoil):
    config = copy.deepcopy(CONFIG)
    spoil(config)
    assert list(VALIDATOR.iter_errors(config))


def test_each_unit_of_ours_goes_to_one_log_group():
    units = [unit for group in COLLECTED for unit in group.get("units", [])]
    assert len(units) == len(set(units))
    ours = {path.name for path in (ASSETS / "etc/systemd/system").glob("openclaw*.service")}
    assert ours - set(units) == set()


def test_the_gateways_group_holds_the_containers_output_and_nothing_else():
    (group,) = [group for group in COLLECTED if group["log_group_name"] == "@LOG_GROUP_PREFIX@/gateway"]
    assert group["units"] == ["openclaw.service"]


def entry(message: str) -> str:
    """As the agent's filters see a journal entry: the whole of it, as JSON."""
    return json.dumps({"MESSAGE": message, "PRIORITY": "6", "_TRANSPORT": "stdout"})


def shipped(group: dict, message: str) -> bool:
    """An event goes when each `include` finds something in it, and no `exclude` does."""
    return all(
        bool(re.search(each["expression"], entry(message))) == (each["type"] == "include")
        for each in group.get("filters", [])
    )


SHIPPED = {
    "a docker daemon's chatter": (0, 'time="2026-11-20T14:00:00Z" level=info msg="Loading containers: done."', False),
    "a docker daemon's trouble": (0, 'time="2026-11-20T14:00:00Z" level=error msg="no space left on device"', True),
    "the SSM agent's chatter": (0, "2026-11-20 14:00:00.0000 INFO Checking if agent identity is EC2", False),
    "the SSM agent's trouble": (0, "2026-11-20 14:00:00.0000 ERROR Agent failed to assume any identity", True),
    "user data": (0, "[ 12.345] cloud-init[911]: user-data: cfn-init failed at 'software'; again in 5 s", True),
    "the kernel's word on a kill": (1, "Out of memory: Killed process 4711 (node) total-vm:9999kB, anon-rss:1kB", True),
    "the same of a container": (1, "Memory cgroup out of memory: Killed process 4711 (node) total-vm:9999kB", True),
    "anything else, by anybody": (1, "Started OpenClaw gateway.", False),
    "OpenClaw's own log": (2, "level=info [telegram] connected INFO", True),
    "what a backup says": (3, "backup: 12 files, 3.4 MB sent", True),
    "what systemd counts": (3, "openclaw-backup.service: Consumed 1min 2.345s CPU time.", False),
    "the end of each run": (3, "openclaw-backup.service: Deactivated successfully.", False),
    "a run that failed": (3, "openclaw-backup.service: Failed with result 'exit-code'.", True),
}


@pytest.mark.parametrize("case", SHIPPED)
def test_what_is_worth_its_price_is_sent(case):
    group, message, expected = SHIPPED[case]
    assert shipped(COLLECTED[group], message) == expected


def test_a_filter_needs_no_escape():
    # Some versions of the agent put it between quotes as it is.
    for each in (each for group in COLLECTED for each in group.get("filters", [])):
        assert not set('"\\') & set(each["expression"])


def test_only_the_kernels_word_comes_from_the_whole_journal():
    # Without units an entry is the whole journal: only what it looks for may go.
    for group in COLLECTED:
        assert group.get("units") or [each["type"] for each in group["filters"]] == ["include"]


def test_the_agent_never_asks_for_what_the_role_may_not_do():
    # Retention is the stack's: with retention_in_days the agent calls PutRetentionPolicy.
    assert "retention_in_days" not in json.dumps(CONFIG)


def test_metrics_follow_the_group_and_not_one_instance():
    assert CONFIG["metrics"]["aggregation_dimensions"] == [["AutoScalingGroupName"]]
    collected = CONFIG["metrics"]["metrics_collected"]
    assert set(collected) == {"cpu", "disk", "mem", "swap"}
    # Each of these has a dimension of its own (which CPU, which path), under which it would be paid for once more.
    for kind in ("cpu", "disk"):
        assert collected[kind]["drop_original_metrics"] == collected[kind]["measurement"]
