"""first-start: a deploy that fails says which unit failed, and where to read why."""

import pytest


@pytest.fixture
def start(machine):
    machine.stub("aws", 'exit "${AWS_STATUS:-0}"')
    machine.stub("journalctl", "echo the last words of $2")
    machine.stub("sleep", "")

    def start(failed=None, aws_status=0, **names):
        units = [f"Id={unit}\\nResult=exit-code\\n" for unit in [failed] if unit]
        shown = "\\n".join(
            ["Result=success\\nId=openclaw-firewall.service\\n", *units, "Id=b.service\\nResult=success\\n"]
        )
        show = f"case $* in *Requires*) echo docker.service openclaw-restore.service;; *) printf '{shown}';; esac"
        script = f"case $1 in show) {show};; start) exit 1;; esac" if failed is not None else ""
        machine.stub("systemctl", script)
        names = {"STACK": "dev", "LOG_GROUP_PREFIX": "/openclaw/dev", "GROUP_RESOURCE": "GroupOfOneGroup1234", **names}
        machine_env = machine.root / "machine.env"
        machine_env.write_text("".join(f"{name}={value}\n" for name, value in names.items()))
        return machine.run("first-start", OPENCLAW_MACHINE_ENV=str(machine_env), AWS_STATUS=str(aws_status))

    return start


def test_says_nothing_when_openclaw_is_ready(start, machine):
    assert start().returncode == 0
    assert machine.calls("systemctl") == ["enable openclaw.service", "start openclaw.service"]
    assert not machine.calls("aws")


@pytest.mark.parametrize(
    ("failed", "reason"),
    [
        (
            "openclaw-restore.service",
            "openclaw-restore.service failed: /openclaw/dev/operations",
        ),
        ("", "openclaw.service failed: /openclaw/dev/gateway"),
        ("docker.service", "docker.service failed: /openclaw/dev/system"),
    ],
)
def test_fails_the_deploy_with_the_unit_and_the_log_group(start, machine, failed, reason):
    done = start(failed)
    (call,) = machine.calls("aws")
    assert "signal-resource --stack-name openclaw-dev --logical-resource-id GroupOfOneGroup1234" in call
    assert f"--unique-id {reason} --status FAILURE" in call
    assert f"the last words of {reason.split(' ')[0]}" in done.stderr


def test_only_what_openclaw_needs_is_blamed(start, machine):
    start("docker.service")
    (call,) = [call for call in machine.calls("systemctl") if "Result" in call]
    assert call.endswith("containerd.service docker.service openclaw-restore.service")


def test_a_failure_is_told_once(start, machine):
    """A second word, cfn-signal's, would fail the rollback: it waits until the group ends the machine."""
    start("docker.service")
    assert machine.calls("sleep") == ["infinity"]


def test_the_unit_is_named_whatever_the_length_of_the_names(start, machine):
    start("openclaw-firewall.service", LOG_GROUP_PREFIX="/openclaw/a-long-name-of-a-deployment")
    (call,) = machine.calls("aws")
    identifier = call.split("--unique-id ")[1].split(" --status")[0]
    assert len(identifier) == 64
    assert identifier.startswith("openclaw-firewall.service failed")


def test_a_replacement_outside_a_deploy_fails_all_the_same(start):
    done = start("openclaw-image.service", aws_status=254)
    assert done.returncode == 1
    assert "no deploy waits" in done.stderr
