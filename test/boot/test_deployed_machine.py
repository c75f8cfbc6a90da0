"""A machine as the deploy left it: ready, open to nobody, its secrets in memory only."""

import json

import pytest
from lab import demo, settings
from lab.docker import DockerError

from .looking import (
    GATEWAY,
    MARK,
    SECRETS,
    container_environment,
    eventually,
    gateway_token,
    on_disk,
    values_that_break_readers,
)

METADATA_TOKEN = [
    *("curl", "--silent", "--show-error", "--max-time", "3", "--request", "PUT"),
    *("--header", "X-aws-ec2-metadata-token-ttl-seconds: 60", "http://169.254.169.254/latest/api/token"),
]
COMPOSE_CONFIG = ["docker", "compose", "--file", "-", "config", "--format", "json"]
# As the machine's own fetch-secrets writes them.
WRITE_VALUES = """
import json, os, sys
os.environ.update(PARAMETER_PATH="unused", AWS_REGION="unused")
os.makedirs(os.environ["OPENCLAW_RUN"], exist_ok=True)
sys.path.insert(0, "/usr/local/lib")
from openclaw.service import secrets
lines = (f"{name}={secrets.encode(value)}\\n" for name, value in json.load(sys.stdin).items())
secrets.write(".env", "".join(lines))
"""


def test_the_stack_is_complete_by_the_machine_s_own_signal(deployment, emulator):
    assert deployment.stacks()[deployment.stack_name] == "CREATE_COMPLETE"
    [signal] = [request for request in emulator.requests() if request["call"] == "cloudformation:SignalResource"]
    assert (signal["status"], "assumed-role" in signal["who"]) == (200, True), signal


def test_openclaw_is_ready_through_the_tunnel(machine):
    demo.check_page()


def test_no_unit_failed(machine):
    assert machine.execute("systemctl", "list-units", "--failed", "--no-legend") == ""


def test_secrets_arrive_in_the_container_unchanged(machine):
    environment = container_environment(machine)
    assert {name: environment.get(name) for name in SECRETS} == SECRETS


def test_any_value_gets_through_the_reader_of_compose(machine):
    expected = {f"V{number}": value for number, value in enumerate(values_that_break_readers())}
    machine.execute("env", "OPENCLAW_RUN=/run/values", "python3", "-c", WRITE_VALUES, stdin=json.dumps(expected))
    compose = "{name: values, services: {a: {image: x, env_file: [/run/values/.env]}}}"
    printed = machine.execute(*COMPOSE_CONFIG, stdin=compose)
    # `config` prints what another `config` would read: each $ doubled.
    assert json.loads(printed)["services"]["a"]["environment"] == {
        name: value.replace("$", "$$") for name, value in expected.items()
    }


def test_secrets_are_on_no_disk(deployment, machine):
    token = gateway_token(deployment)
    machine.execute(
        "sh", "-c", "cat > /var/tmp/planted; cp /var/tmp/planted /var/lib/docker/planted", stdin=f"x{token}{MARK}x"
    )
    planted = {"/var/tmp/planted", "/var/lib/docker/planted"}
    try:
        for secret in (token, MARK):
            found = set(on_disk(machine, secret))
            assert planted <= found, "the search does not see what is there"
            assert found == planted
    finally:
        machine.execute("rm", *planted)


def test_secrets_are_in_no_log_and_in_no_user_data(deployment, machine):
    said = machine.journal("--output=export") + machine.execute("cat", "/var/lib/cloud/instance/user-data.txt")
    assert "wait-ready" in said and "cfn-init" in said
    assert [secret for secret in (gateway_token(deployment), MARK) if secret in said] == []


def test_the_metadata_service_answers_the_machine(machine):
    assert machine.execute(*METADATA_TOKEN)


def test_a_container_is_refused_by_the_firewall_at_once(machine):
    with pytest.raises(DockerError, match=r"ended with 7"):
        machine.execute("docker", "exec", GATEWAY, *METADATA_TOKEN)


def test_a_container_without_the_firewall_is_stopped_by_the_hop_limit(machine):
    rules = machine.execute("iptables", "--list-rules", "DOCKER-USER").splitlines()
    [reject] = [rule for rule in rules if "169.254.0.0/16" in rule]
    machine.execute("iptables", *reject.replace("-A ", "-D ", 1).split())
    try:
        with pytest.raises(DockerError, match=r"ended with 28"):
            machine.execute("docker", "exec", GATEWAY, *METADATA_TOKEN)
    finally:
        machine.execute("iptables", *reject.replace("-A ", "-I ", 1).split())


def test_nothing_listens_but_on_loopback(machine):
    sockets = machine.execute("ss", "--no-header", "--listening", "--numeric", "--tcp", "--udp").splitlines()
    addresses = {line.split()[4] for line in sockets}
    assert f"127.0.0.1:{settings.GATEWAY_PORT}" in addresses
    assert [address for address in addresses if not address.startswith(("127.", "[::1]"))] == []


def test_logs_arrive_in_every_group(deployment, machine):
    logs = deployment.client("logs")
    for group in ("system", "gateway", "operations"):
        stream = {"logGroupName": f"/openclaw/boot/{group}", "logStreamName": machine.instance_id}
        assert eventually(lambda stream=stream: logs.get_log_events(**stream)["events"]), group


def test_the_agent_s_metrics_arrive_with_the_group_s_name_and_of_ours_the_heartbeat_alone(deployment, machine):
    [group] = deployment.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    dimension = {"Name": "AutoScalingGroupName", "Value": group["AutoScalingGroupName"]}
    cloudwatch = deployment.client("cloudwatch")

    def names(*dimensions):
        metrics = cloudwatch.list_metrics(Namespace="OpenClaw/boot")["Metrics"]
        return {metric["MetricName"] for metric in metrics if metric["Dimensions"] == [*dimensions]}

    wanted = {"mem_used_percent", "disk_used_percent", "swap_used_percent"}
    assert eventually(lambda: names(dimension) == wanted, seconds=150), names(dimension)
    machine.execute("systemctl", "start", "openclaw-ready.service")
    assert eventually(lambda: names() == {"Heartbeat"}), names()
