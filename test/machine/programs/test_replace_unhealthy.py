"""replace-unhealthy: when another machine is asked for, and when that would only burn one after the other."""

import json
import time

import pytest
from machine.gateway import Gateway


def asked(machine):
    return [call for call in machine.calls("aws") if "autoscaling set-instance-health" in call]


SYSTEMCTL = """
case "$*" in
  *ExecMainStatus*openclaw.service) echo "$STATUS" ;;
  *ExecMainStatus*openclaw-restore.service) echo "$RESTORE" ;;
esac
"""


@pytest.fixture
def check(machine, imds):
    """Runs the program; a machine is old and unready for long unless a test says otherwise."""
    gateway = Gateway(machine)
    machine.stub("systemctl", SYSTEMCTL)
    machine.stub("aws", "")

    def check(*, ready=False, failing=("startup-sidecars",), age=7200, unready=901, status=1, restore=0):
        gateway.ready = [{"ready": ready, "failing": failing}]
        now = int(time.time())
        if age is not None:
            (machine.var / "first-seen").write_text(str(now - age))
        if unready is not None:
            (machine.run_dir / "unready-since").write_text(str(now - unready))
        done = machine.run(
            "replace-unhealthy",
            OPENCLAW_IMDS=imds.url,
            STATUS=str(status),
            RESTORE=str(restore),
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    yield check
    gateway.shutdown()
    gateway.server_close()


def test_asks_for_another_machine_after_a_quarter_of_an_hour(check, machine):
    assert "asking the group for another machine" in check()
    (call,) = asked(machine)
    assert "--instance-id i-0aaaaaaaaaaaaaaa1 --health-status Unhealthy" in call
    assert (machine.run_dir / "unhealthy").exists()


def test_a_ready_gateway_forgets_what_was(check, machine):
    check(ready=True)
    assert not asked(machine)
    assert not (machine.run_dir / "unready-since").exists()
    check(unready=None)
    assert not asked(machine)


def test_channels_alone_never_end_a_machine(check, machine):
    assert check(failing=["telegram", "discord"]) == ""
    assert not asked(machine)
    assert not (machine.run_dir / "unready-since").exists()


def test_is_patient_with_a_start(check, machine):
    assert check(unready=600) == ""
    assert not asked(machine)


def test_the_clock_starts_with_the_first_look(check, machine):
    check(unready=None)
    assert (machine.run_dir / "unready-since").exists()
    assert not asked(machine)


@pytest.mark.parametrize("age", [None, 3000])
def test_a_young_machine_never_asks(check, machine, age):
    assert "not ready for" in check(age=age)
    assert check(age=age) == ""
    assert not asked(machine)


def test_a_refusal_alarms_and_replaces_nothing(check, machine):
    said = check(status=78)
    assert "exit status 78" in said and "openclaw doctor --fix" in said
    assert not asked(machine)
    assert any('"MetricName": "StartRefused", "Value": 1' in call for call in machine.calls("aws"))


def test_a_refused_restore_replaces_nothing_either(check, machine):
    assert "openclaw-restore.service refuses" in check(restore=78)
    assert not asked(machine)


def test_a_service_that_was_stopped_by_hand_is_left_alone(check, machine):
    (machine.var / "stopped").touch()
    assert "stopped by hand" in check()
    assert not asked(machine)


@pytest.mark.parametrize("other", ["var/fenced", "run/drain.json"])
def test_a_service_that_is_down_for_another_reason_too_is_not(check, machine, other):
    (machine.var / "stopped").touch()
    (machine.root / other).write_text('{"reason": "interruption"}')
    check()
    assert asked(machine)


def test_a_machine_drained_by_hand_is_left_alone(check, machine):
    (machine.run_dir / "drain.json").write_text(json.dumps({"reason": "operator"}))
    assert "drained by hand" in check()
    assert not asked(machine)


def test_a_drained_machine_that_nobody_ended_is_replaced(check, machine):
    (machine.run_dir / "drain.json").write_text(json.dumps({"reason": "interruption"}))
    check()
    assert asked(machine)
