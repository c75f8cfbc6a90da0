"""The CloudWatch agent's configuration: accepted by its schema, complete, and within what the role may do."""

import copy
import json
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
    ],
    ids=["unknown key", "no log group", "no measurement", "unknown dimension", "text for a number"],
)
def test_the_schema_refuses_what_the_agent_would(spoil):
    config = copy.deepcopy(CONFIG)
    spoil(config)
    assert list(VALIDATOR.iter_errors(config))


def test_each_unit_of_ours_goes_to_one_log_group():
    units = [unit for group in COLLECTED for unit in group["units"]]
    assert len(units) == len(set(units))
    ours = {path.name for path in (ASSETS / "etc/systemd/system").glob("openclaw*.service")}
    assert ours - set(units) == set()


def test_the_gateways_group_holds_the_containers_output_and_nothing_else():
    (group,) = [group for group in COLLECTED if group["log_group_name"] == "@LOG_GROUP_PREFIX@/gateway"]
    assert group["units"] == ["openclaw.service"]


def test_the_agent_never_asks_for_what_the_role_may_not_do():
    # Retention is the stack's: with retention_in_days the agent calls PutRetentionPolicy.
    assert "retention_in_days" not in json.dumps(CONFIG)


def test_metrics_follow_the_group_and_not_one_instance():
    assert CONFIG["metrics"]["aggregation_dimensions"] == [["AutoScalingGroupName"]]
    assert set(CONFIG["metrics"]["metrics_collected"]) == {"cpu", "disk", "mem", "swap"}
