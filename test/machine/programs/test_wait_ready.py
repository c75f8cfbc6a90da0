"""wait-ready: active means that OpenClaw serves. report-ready: the same question, for the alarms."""

import os
import subprocess

import pytest
from machine.gateway import PAGE, STARTED, Gateway

READY, STARTING = {"ready": True}, {"ready": False, "failing": ["startup-sidecars"]}
TELEGRAM = {"ready": False, "failing": ["telegram"], "uptimeMs": 1}


@pytest.fixture
def wait(machine):
    gateways = []
    machine.stub("systemctl", "")

    def wait(*answers, program="wait-ready", startup=STARTED, **env):
        gateways.append(Gateway(machine, *answers, startup=startup))
        return machine.run(program, **{"OPENCLAW_READY_INTERVAL": "0.05", "OPENCLAW_READY_TIMEOUT": "2", **env})

    yield wait
    for gateway in gateways:
        gateway.shutdown()
        gateway.server_close()


def test_returns_when_the_body_says_ready(wait, machine):
    done = wait(STARTING, STARTING, READY, OPENCLAW_READY_TIMEOUT="60")
    assert done.returncode == 0, done.stderr
    assert machine.calls("systemctl") == ["start --no-block openclaw-ready.service"]
    assert (machine.var / "served").exists()


NOT_READY = [
    PAGE,
    b'{"ok":true}',
    b'{"ready":"true"}',
    b'{"ready":true}{"ready":true}',
    b'[{"ready":true}]',
    b"",
    b'{"ready":true',
    # What is too long is cut off, and is then no JSON.
    b'{"ready":true,"x":"' + b"x" * 70000 + b'"}',
]


@pytest.mark.parametrize("body", NOT_READY, ids=lambda body: body[:30].decode())
def test_a_status_of_200_alone_is_not_ready(wait, machine, body):
    done = wait(body, OPENCLAW_READY_TIMEOUT="1")
    assert done.returncode == 1
    assert not (machine.var / "served").exists()
    assert "not ready after 1 s" in done.stderr and len(done.stderr) < 1000
    assert machine.aws_state["metrics"] == [["ServiceReady", "0"]]


def test_bytes_that_no_variable_holds_are_not_ready(wait):
    done = wait(b"\0" * 200000, OPENCLAW_READY_TIMEOUT="1")
    assert done.returncode == 1 and "null byte" not in done.stderr


def test_what_it_answers_is_printed_without_what_acts_on_a_terminal(wait):
    done = wait(b'{"ready":"\x1b[2J\n\xe2\x80\xae forged: ready"}', OPENCLAW_READY_TIMEOUT="1")
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].isascii() and lines[0].isprintable(), done.stderr


def test_a_channel_that_fails_keeps_nothing_else_down(wait, machine):
    done = wait(STARTING, TELEGRAM, OPENCLAW_READY_TIMEOUT="60")
    assert done.returncode == 0, done.stderr
    assert "these channels do not come up: telegram" in done.stderr
    assert (machine.var / "served").exists()


NO_CHANNEL = [
    ["startup-sidecars"],
    ["gateway-draining"],
    ["agent-database:main"],
    ["plugin-reload"],
    ["state-database"],
    ["internal"],
    ["telegram", "state-database"],
    [],
    "telegram",
    [None],
    ["telegram\nforged"],
    ["telegram\n"],
    ["\x1b[2J"],
    ["x" * 65],
    ["telegram"] * 65,
]


@pytest.mark.parametrize("failing", NO_CHANNEL, ids=lambda failing: repr(failing)[:30])
def test_what_else_fails_is_not_serving(wait, machine, failing):
    done = wait({"ready": False, "failing": failing}, OPENCLAW_READY_TIMEOUT="1")
    assert done.returncode == 1 and not (machine.var / "served").exists()
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("status", ["starting", "draining"])
def test_a_channel_that_fails_is_looked_at_only_once_the_gateway_has_started(wait, status):
    startup = {"ok": False, "status": status}
    assert wait(TELEGRAM, startup=startup, OPENCLAW_READY_TIMEOUT="1").returncode == 1


def test_a_release_without_startupz_goes_by_readyz(wait):
    assert wait(TELEGRAM, startup=PAGE).returncode == 0


@pytest.mark.parametrize("startup", [b"", b"{", b'"started"', {"status": 1}])
def test_a_strange_startupz_is_no_start(wait, startup):
    assert wait(TELEGRAM, startup=startup, OPENCLAW_READY_TIMEOUT="1").returncode == 1


def test_the_reasons_are_asked_for_without_a_secret(wait, machine):
    (machine.run_dir / ".env").write_text('OPENCLAW_GATEWAY_TOKEN="c0ffee"\n')
    assert wait(TELEGRAM, program="report-ready").returncode == 0
    asked = [call for call in machine.calls("docker") if call.startswith("exec ")]
    assert asked and not any("c0ffee" in call for call in asked)


def test_no_reasons_to_be_had_is_not_serving(wait, machine):
    gateway = Gateway(machine, TELEGRAM)
    machine.stub("docker", "exit 126")
    assert machine.run("wait-ready", OPENCLAW_READY_TIMEOUT="1", OPENCLAW_READY_INTERVAL="0.05").returncode == 1
    gateway.shutdown()
    gateway.server_close()


def test_fails_when_the_gateway_has_ended_without_waiting_for_the_time(wait, machine):
    process = subprocess.Popen(["true"])
    process.wait()
    done = wait(STARTING, MAINPID=str(process.pid), OPENCLAW_READY_TIMEOUT="600")
    assert done.returncode == 1
    assert "ended before it was ready" in done.stderr
    assert machine.aws_state["metrics"] == [["ServiceReady", "0"]]


def test_waits_while_the_gateway_lives(wait):
    assert wait(STARTING, STARTING, READY, MAINPID=str(os.getpid()), OPENCLAW_READY_TIMEOUT="60").returncode == 0


@pytest.mark.parametrize("program", ["wait-ready", "report-ready"])
def test_an_alarm_that_cannot_be_told_does_not_matter(wait, machine, program):
    machine.stub("systemctl", "exit 1")
    machine.aws_state["fail"]["put-metric-data"] = ["AccessDenied", "*"]
    done = wait(TELEGRAM, program=program)
    assert done.returncode == 0
    assert "were not published" in done.stderr or "could not be started" in done.stderr


@pytest.mark.parametrize(("answer", "value"), [(READY, "1"), (TELEGRAM, "1"), (STARTING, "0"), (PAGE, "0")], ids=str)
def test_the_alarm_hears_whether_openclaw_serves(wait, machine, answer, value):
    assert wait(answer, program="report-ready").returncode == 0
    assert machine.aws_state["metrics"][0] == ["ServiceReady", value]


def test_the_alarm_hears_that_nobody_answers(machine):
    done = machine.run("report-ready", OPENCLAW_GATEWAY_URL="http://127.0.0.1:9")
    assert done.returncode == 0 and "is not ready" in done.stderr
    assert machine.aws_state["metrics"] == [["ServiceReady", "0"]]


def test_an_openclaw_that_was_stopped_by_hand_is_said_to_be(machine):
    (machine.var / "stopped").write_text("2026-11-20T14:00:00Z\n")
    done = machine.run("report-ready", OPENCLAW_GATEWAY_URL="http://127.0.0.1:9")
    assert "stopped by hand (2026-11-20T14:00:00Z)" in done.stderr and "systemctl start openclaw" in done.stderr
    assert machine.aws_state["metrics"] == [["ServiceReady", "0"]]


def test_each_change_of_the_failing_channels_is_said_once_and_counted_while_it_lasts(wait, machine):
    both = {"ready": False, "failing": ["telegram", "discord", "telegram"]}
    said = []
    for answer in (READY, TELEGRAM, TELEGRAM, both, both, READY, READY):
        machine.aws_state["metrics"].clear()
        said.append(wait(answer, program="report-ready").stderr)
        counted = [value for name, value in machine.aws_state["metrics"] if name == "ChannelsFailing"]
        assert counted == {id(TELEGRAM): ["1"], id(both): ["2"]}.get(id(answer), [])
    assert [bool(line) for line in said] == [False, True, False, True, False, True, False]
    assert "do not work: telegram." in said[1] and "do not work: discord telegram." in said[3]
    assert "all channels work again: discord telegram" in said[5]


def test_a_start_tells_anew(wait, machine):
    wait(TELEGRAM, program="report-ready")
    wait(TELEGRAM)
    assert "do not work: telegram." in wait(TELEGRAM, program="report-ready").stderr


class TestKilledForMemory:
    @pytest.fixture
    def look(self, machine):
        def look(events):
            machine.stub("docker", f'[[ $1 != events ]] || printf "{events}"')
            return machine.run("report-ready", OPENCLAW_GATEWAY_URL="http://127.0.0.1:9").stderr

        return look

    def test_what_the_kernel_has_killed_is_said_and_counted(self, look, machine):
        assert "killed for memory in OpenClaw's container: 2;" in look(".\\n.\\n")
        assert ["KilledForMemory", "2"] in machine.aws_state["metrics"]
        assert "killed" not in look("")

    def test_each_look_goes_on_where_the_last_one_ended(self, look, machine):
        look("")
        look("")
        first, second = (call.split() for call in machine.calls("docker") if call.startswith("events"))
        assert first[first.index("--since") + 1] == "0"
        assert second[second.index("--since") + 1] == first[first.index("--until") + 1]

    def test_an_engine_that_does_not_answer_is_asked_for_the_same_time_again(self, look, machine):
        machine.stub("docker", "exit 1")
        assert machine.run("report-ready", OPENCLAW_GATEWAY_URL="http://127.0.0.1:9").returncode == 0
        assert not (machine.run_dir / "kills-asked").exists()
