"""OBSERVABILITY=lean: the machine tells of faults by itself, and feeds one dead man's switch."""

import json
import os
import time
from types import SimpleNamespace

import pytest
from machine.conftest import ASSETS
from machine.gateway import STARTED, Gateway

METRICS = json.loads((ASSETS / "usr/local/lib/openclaw/aws/metrics.json").read_text())
FAULTS = {name: metric["fault"] for name, metric in METRICS.items() if "fault" in metric}
HOUR, DAY = 3600, 24 * 3600


@pytest.fixture
def lean(machine):
    machine.env |= {"OBSERVABILITY": "lean", "OPENCLAW_INSTANCE_ID": "i-0123456789abcdef0"}
    meminfo(machine, available=800)
    return machine


def meminfo(machine, available, swap_free=900):
    path = machine.root / "meminfo"
    path.write_text(f"MemTotal: 1000 kB\nMemAvailable: {available} kB\nSwapTotal: 1000 kB\nSwapFree: {swap_free} kB\n")
    machine.env |= {"OPENCLAW_MEMINFO": str(path), "OPENCLAW_ROOT": "/"}


def publish(machine, name, value):
    done = machine.run("publish-metric", name, str(value))
    assert done.returncode == 0, done.stderr
    return done


def told(machine):
    return [subject for subject, _ in machine.aws_state["told"]]


def bad(fault):
    return 0 if "below" in fault else fault["above"] + 1


def good(fault):
    return 1 if "below" in fault else 0


def ago(machine, name, seconds):
    """Lets time go by since a fault was last looked at."""
    path = machine.run_dir / f"fault-{name}.json"
    known = json.loads(path.read_text())
    path.write_text(json.dumps({k: v - seconds if k in ("since", "told") and v else v for k, v in known.items()}))


def lines(done):
    return [json.loads(line)["metrics"] for line in done.stderr.splitlines() if line.startswith('{"metrics"')]


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_told_once_it_has_lasted_and_by_no_metric(lean, name):
    fault = FAULTS[name]
    done = publish(lean, name, bad(fault))
    assert lines(done) == [{name: bad(fault)}]
    if "minutes" in fault:
        assert told(lean) == []
        ago(lean, name, fault["minutes"] * 60 - 30)
        publish(lean, name, bad(fault))
        assert told(lean) == []
        ago(lean, name, 30)
        publish(lean, name, bad(fault))
    assert told(lean) == [f"OpenClaw dev: {fault['alarm']}"]
    [[_, message]] = lean.aws_state["told"]
    assert message.startswith(fault["text"]) and "i-0123456789abcdef0" in message
    assert lean.aws_state["metrics"] == []
    [words] = lean.aws_calls("publish")
    assert words[words.index("--topic-arn") + 1] == lean.env["ALARM_TOPIC"]


@pytest.mark.parametrize("name", FAULTS)
def test_with_full_nobody_is_told_but_the_alarm(machine, name):
    publish(machine, name, bad(FAULTS[name]))
    assert told(machine) == []
    assert machine.aws_state["metrics"] == [[name, str(bad(FAULTS[name]))]]


def test_a_fault_that_lasts_is_told_once_a_day_and_its_end_once(lean):
    for _ in range(3):
        publish(lean, "BackupSuccess", 0)
    ago(lean, "BackupSuccess", 2 * HOUR)
    publish(lean, "BackupSuccess", 0)
    assert told(lean) == ["OpenClaw dev: BackupFailed"]
    ago(lean, "BackupSuccess", DAY)
    publish(lean, "BackupSuccess", 0)
    for _ in range(2):
        publish(lean, "BackupSuccess", 1)
    assert told(lean) == ["OpenClaw dev: BackupFailed"] * 2 + ["OpenClaw dev: BackupFailed is over"]


def test_a_fault_that_comes_and_goes_is_no_flood(lean):
    for value in (0, 1, 0, 1, 0, 1, 0):
        publish(lean, "BackupSuccess", value)
    assert told(lean) == ["OpenClaw dev: BackupFailed", "OpenClaw dev: BackupFailed is over"]
    ago(lean, "BackupSuccess", HOUR)
    publish(lean, "BackupSuccess", 0)
    assert told(lean)[2:] == ["OpenClaw dev: BackupFailed"]


def test_what_happens_and_is_not_over_later_is_told_each_time_but_for_an_hour(lean):
    for _ in range(2):
        publish(lean, "KilledForMemory", 1)
    publish(lean, "KilledForMemory", 0)
    ago(lean, "KilledForMemory", HOUR) if (lean.run_dir / "fault-KilledForMemory.json").exists() else None
    publish(lean, "KilledForMemory", 2)
    assert told(lean) == ["OpenClaw dev: KilledForMemory"] * 2


def test_what_could_not_be_told_is_told_by_the_next_look(lean):
    lean.aws_state["fail"]["publish"] = ["InternalError"]
    assert "nobody could be told: OpenClaw dev: BackupFailed" in publish(lean, "BackupSuccess", 0).stderr
    publish(lean, "BackupSuccess", 0)
    assert told(lean) == ["OpenClaw dev: BackupFailed"]


def test_what_happened_once_and_could_not_be_told_is_told_with_another_figure(lean):
    lean.aws_state["fail"]["publish"] = ["InternalError"]
    publish(lean, "KilledForMemory", 1)
    assert told(lean) == []
    for _ in range(2):
        publish(lean, "ServiceReady", 1)
    assert told(lean) == ["OpenClaw dev: KilledForMemory"]


def test_what_is_0_almost_always_has_no_line_then(lean):
    assert lines(publish(lean, "ChannelsFailing", 0)) == []


def test_programs_with_botocore_do_the_same(monkeypatch, tmp_path, capsys):
    monkeypatch.syspath_prepend(str(ASSETS / "usr/local/lib"))
    monkeypatch.setenv("OPENCLAW_RUN", str(tmp_path))
    monkeypatch.setenv("OPENCLAW_INSTANCE_ID", "i-0123456789abcdef0")
    from openclaw.aws import metrics  # noqa: PLC0415

    calls = []
    settings = SimpleNamespace(observability="lean", stack="dev", alarm_topic="arn", metric_namespace="OpenClaw/dev")
    client = SimpleNamespace(settings=settings, call=lambda *words, **named: calls.append((words, named)))
    metrics.publish(client, {"BackupSuccess": 0, "BackupDurationSeconds": 2.5, "BackupFilesLeftOut": 0})
    assert '{"metrics": {"BackupSuccess": 0, "BackupDurationSeconds": 2.5}}' in capsys.readouterr().err
    [(words, named)] = calls
    assert words == ("sns", "publish") and named["TopicArn"] == "arn"
    assert named["Subject"] == "OpenClaw dev: BackupFailed"


class TestHeartbeat:
    @pytest.fixture
    def report(self, lean):
        lean.stub("systemctl", "")
        (lean.var / "restored").touch()

        def report(answer, **env):
            gateway = Gateway(lean, answer, startup=STARTED)
            try:
                return lean.run("report-ready", **env)
            finally:
                gateway.shutdown()
                gateway.server_close()

        return report

    READY, STARTING = {"ready": True}, {"ready": False, "failing": ["startup-sidecars"]}

    def backed_up(self, machine, minutes):
        (machine.var / "last-good.json").write_text(json.dumps({"at": time.time() - 60 * minutes}))

    def test_a_live_ready_backed_up_machine_is_the_only_metric(self, lean, report):
        self.backed_up(lean, 59)
        done = report(self.READY)
        assert lean.aws_state["metrics"] == [["Heartbeat", "1"]], done.stderr
        [line] = lines(done)
        assert line["ServiceReady"] == 1 and line["Heartbeat"] == 1
        assert line["mem_used_percent"] == 20 and line["swap_used_percent"] == 10
        assert 0 < line["disk_used_percent"] <= 100

    @pytest.mark.parametrize(
        ("interval", "minutes", "beats"), [("20", 61, 0), ("5", 29, 1), ("5", 31, 0), ("60", 170, 1)]
    )
    def test_an_old_backup_silences_it_and_says_so(self, lean, report, interval, minutes, beats):
        self.backed_up(lean, minutes)
        done = report(self.READY, BACKUP_INTERVAL_MINUTES=interval)
        assert lean.aws_state["metrics"] == [["Heartbeat", "1"]] * beats
        assert ("no heartbeat: the last good backup is" in done.stderr) == (not beats)

    def test_before_the_first_backup_what_the_boot_brought_in_counts(self, lean, report):
        report(self.READY)
        assert lean.aws_state["metrics"] == [["Heartbeat", "1"]]
        lean.aws_state["metrics"].clear()
        os.utime(lean.var / "restored", (1, 1))
        report(self.READY)
        (lean.var / "restored").unlink()
        report(self.READY)
        assert lean.aws_state["metrics"] == []
        report(self.READY, BACKUP="off")
        assert lean.aws_state["metrics"] == [["Heartbeat", "1"]]

    def test_a_machine_that_does_not_serve_says_nothing_but_a_line(self, lean, report):
        self.backed_up(lean, 1)
        done = report(self.STARTING)
        assert lean.aws_state["metrics"] == []
        assert lines(done)[0]["ServiceReady"] == 0

    def test_memory_swap_and_disk_are_looked_at(self, lean, report):
        meminfo(lean, available=90, swap_free=200)
        for _ in range(2):
            report(self.READY)
            for name in ("mem_used_percent", "swap_used_percent"):
                ago(lean, name, 15 * 60)
        report(self.READY)
        assert sorted(told(lean)) == ["OpenClaw dev: MemoryPressure", "OpenClaw dev: SwapPressure"]

    def test_a_refused_start_is_over_when_openclaw_serves(self, lean, report):
        publish(lean, "StartRefused", 1)
        report(self.READY)
        assert told(lean) == ["OpenClaw dev: StartRefused", "OpenClaw dev: StartRefused is over"]

    def test_channels_are_told_of_after_a_quarter_of_an_hour_and_when_they_work_again(self, lean, report):
        telegram = {"ready": False, "failing": ["telegram"]}
        report(telegram)
        ago(lean, "ChannelsFailing", 15 * 60)
        report(telegram)
        report(self.READY)
        assert told(lean) == ["OpenClaw dev: ChannelsFailing", "OpenClaw dev: ChannelsFailing is over"]
