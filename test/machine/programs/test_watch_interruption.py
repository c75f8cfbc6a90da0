"""watch-interruption against a metadata service that behaves, and against one that does not."""

import importlib.machinery
import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from machine.programs.imds import ACTION, REBALANCE, STATE, Imds

ROOT = Path(__file__).parents[3] / "assets/machine"
LIB = ROOT / "usr/local/lib/openclaw"
PROGRAM = ROOT / "usr/local/libexec/openclaw/watch-interruption"
DRAIN = "stop --no-block openclaw-drain.service"
REARM = "start openclaw-drain.service"
BACKUP = "start --no-block openclaw-backup.service"
NOTICE = json.dumps({"action": "terminate", "time": "2026-11-23T08:22:00Z"})


def until(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.02)


class Machine:
    """A watcher process, with a stub systemctl that records its calls and fails while `broken` exists; while `failed`
    does, the drain has failed."""

    def __init__(self, directory, library):
        self.run = directory / "run"
        self.run.mkdir()
        self.calls_file = directory / "calls"
        self.calls_file.touch()
        self.broken = directory / "broken"
        self.log_file = directory / "log"
        stubs = directory / "stubs"
        stubs.mkdir()
        systemctl = stubs / "systemctl"
        self.failed = directory / "failed"
        is_failed = f"[ $1 != is-failed ] || exec test -e {self.failed}"
        systemctl.write_text(f'#!/bin/sh\necho "$*" >>{self.calls_file}\n{is_failed}\ntest ! -e {self.broken}\n')
        systemctl.chmod(0o755)
        self.environment = {
            "PATH": f"{stubs}:{os.environ['PATH']}",
            "OPENCLAW_LIB": str(library),
            "OPENCLAW_RUN": str(self.run),
            "OPENCLAW_WATCH_INTERVAL": "0.05",
            "BACKUP": "snapshots",
        }
        self.process = None

    def start(self, url, **extra):
        environment = {**self.environment, "OPENCLAW_IMDS": url, **extra}
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-IB", PROGRAM], env=environment, stderr=log)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def calls(self, wanted):
        return self.calls_file.read_text().splitlines().count(wanted)

    def log(self):
        return self.log_file.read_text()


@pytest.fixture
def machine(tmp_path, library):
    machine = Machine(tmp_path, library)
    yield machine
    machine.stop()


def test_does_nothing_while_the_machine_is_wanted(machine, imds):
    machine.start(imds.url)
    until(lambda: imds.looks() > 5, "six looks")
    assert machine.calls_file.read_text() == ""
    assert imds.tokens_made == 1
    assert machine.log() == ""


@pytest.mark.parametrize("action", ["terminate", "stop", "hibernate"])
def test_drains_on_an_instance_action(machine, imds, action):
    imds.values[ACTION] = json.dumps({"action": action, "time": "2026-11-23T08:22:00Z"})
    machine.start(imds.url)
    until(lambda: machine.calls(DRAIN), "the drain")
    notice = json.loads((machine.run / "interruption.json").read_text())
    assert notice == {"reason": "interruption", "action": action, "time": "2026-11-23T08:22:00Z"}


def test_drains_when_the_group_terminates_the_machine(machine, imds):
    machine.start(imds.url)
    until(lambda: imds.looks() > 1, "a quiet look")
    imds.values[STATE] = "Terminated"
    until(lambda: machine.calls(DRAIN), "the drain")
    assert json.loads((machine.run / "interruption.json").read_text()) == {"reason": "termination"}


def test_a_notice_that_comes_while_the_group_ends_the_machine_is_told_too(machine, imds):
    imds.values[STATE] = "Terminated"
    machine.start(imds.url)
    until(lambda: machine.calls(DRAIN), "the drain")
    imds.values[ACTION] = NOTICE
    notice = machine.run / "interruption.json"
    until(lambda: json.loads(notice.read_text())["reason"] == "interruption", "the notice")
    looks = imds.looks()
    until(lambda: imds.looks() > looks + 1, "another look")
    assert json.loads(notice.read_text())["reason"] == "interruption"


def test_a_drain_that_failed_is_tried_again(machine, imds):
    imds.values[ACTION] = NOTICE
    machine.failed.touch()
    machine.start(imds.url)
    until(lambda: f"{REARM}\n{DRAIN}\n" in machine.calls_file.read_text(), "the second try")


def test_a_drain_that_cannot_do_better_is_not(machine, imds):
    imds.values[ACTION] = NOTICE
    (machine.run / "drain.json").write_text(json.dumps({"state": "drained", "clean": False, "again": False}))
    machine.failed.touch()
    machine.start(imds.url)
    until(lambda: machine.calls(DRAIN) > 2, "three looks")
    assert not machine.calls(REARM)


@pytest.mark.parametrize("state", ["InService", "Standby", "Detached", "<html>Terminated</html>"])
def test_goes_on_in_other_target_states(machine, imds, state):
    imds.values[STATE] = state
    machine.start(imds.url)
    until(lambda: imds.looks() > 3, "four looks")
    assert not machine.calls(DRAIN)


def test_asks_for_the_drain_as_long_as_the_notice_stands_and_says_it_once(machine, imds):
    machine.broken.touch()
    imds.values[ACTION] = NOTICE
    machine.start(imds.url)
    until(lambda: machine.calls(DRAIN) > 2, "three attempts")
    assert machine.log().count("about to end") == 1


def test_one_backup_for_each_rebalance_recommendation(machine, imds):
    imds.values[REBALANCE] = json.dumps({"noticeTime": "2026-11-23T08:00:00Z"})
    machine.start(imds.url)
    until(lambda: imds.looks() > 4, "five looks")
    assert machine.calls(BACKUP) == 1
    machine.stop()
    seen = imds.looks()
    machine.start(imds.url, OPENCLAW_REBALANCE_PAUSE="0")
    until(lambda: imds.looks() > seen + 2, "looks of the watcher started anew")
    assert machine.calls(BACKUP) == 1
    imds.values[REBALANCE] = json.dumps({"noticeTime": "2026-11-23T08:07:00Z"})
    until(lambda: machine.calls(BACKUP) == 2, "the backup for the second recommendation")
    assert not machine.calls(DRAIN)


def test_tries_the_rebalance_backup_again_when_it_could_not_start(machine, imds):
    machine.broken.touch()
    imds.values[REBALANCE] = json.dumps({"noticeTime": "2026-11-23T08:00:00Z"})
    machine.start(imds.url)
    until(lambda: machine.calls(BACKUP) > 1, "the second attempt")
    assert not (machine.run / "rebalance.json").exists()


@pytest.mark.parametrize("end", [(ACTION, NOTICE), (STATE, "Terminated")])
@pytest.mark.parametrize("when", ["with", "after"])
def test_starts_no_backup_once_the_end_is_near(machine, imds, end, when):
    """It would run in the middle of the drain."""
    recommended = json.dumps({"noticeTime": "2026-11-23T08:00:00Z"})
    imds.values.update({end[0]: end[1], **({REBALANCE: recommended} if when == "with" else {})})
    machine.start(imds.url)
    until(lambda: machine.calls(DRAIN) > 1, "two looks")
    imds.values[REBALANCE] = recommended
    drains = machine.calls(DRAIN)
    until(lambda: machine.calls(DRAIN) > drains + 2, "two whole looks more")
    assert not machine.calls(BACKUP)


def test_starts_no_backup_while_it_drains_for_another_reason(machine, imds):
    (machine.run / "drain.json").write_text(json.dumps({"state": "draining"}))
    imds.values[REBALANCE] = json.dumps({"noticeTime": "2026-11-23T08:00:00Z"})
    machine.start(imds.url)
    until(lambda: imds.looks() > 3, "four looks")
    assert not machine.calls(BACKUP)


def test_answers_recommendations_that_change_all_the_time_once_in_a_while(machine, imds):
    def recommend(number):
        imds.values[REBALANCE] = json.dumps({"noticeTime": f"2026-11-23T08:00:0{number}Z"})
        looks = imds.looks()
        until(lambda: imds.looks() > looks + 1, "a whole look")

    machine.start(imds.url)
    for number in range(5):
        recommend(number)
    assert machine.calls(BACKUP) == 1
    # Nor does a watcher that is started anew; and one whose pause is over answers what stands then.
    machine.stop()
    machine.start(imds.url)
    recommend(6)
    assert machine.calls(BACKUP) == 1
    machine.stop()
    machine.start(imds.url, OPENCLAW_REBALANCE_PAUSE="0")
    until(lambda: machine.calls(BACKUP) == 2, "the next one")


def test_starts_no_backup_where_there_is_none(machine, imds):
    imds.values[REBALANCE] = json.dumps({"noticeTime": "2026-11-23T08:00:00Z"})
    machine.start(imds.url, BACKUP="off")
    until(lambda: imds.looks() > 3, "four looks")
    assert not machine.calls(BACKUP)


def test_takes_a_new_token_when_the_old_one_is_refused(machine, imds):
    machine.start(imds.url)
    until(lambda: imds.looks() > 1, "a quiet look")
    imds.tokens.clear()
    imds.values[ACTION] = NOTICE
    until(lambda: machine.calls(DRAIN), "the drain")
    assert imds.tokens_made == 2


def test_a_service_that_always_refuses_is_an_outage_and_no_loop(machine, imds):
    imds.fault = lambda path, _count: "drop" if path == "token" else None
    machine.start(imds.url)
    until(lambda: "does not answer" in machine.log(), "the outage in the log")
    imds.fault = lambda _path, _count: None
    imds.values[ACTION] = NOTICE
    until(lambda: machine.calls(DRAIN), "the drain")
    until(lambda: "answers again" in machine.log(), "the end of the outage in the log")
    assert machine.log().count("does not answer") == 1


def test_waits_for_a_service_that_is_absent(machine):
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    machine.start(f"http://127.0.0.1:{port}")
    until(lambda: "does not answer" in machine.log(), "the outage in the log")
    imds = Imds(port)
    try:
        imds.values[ACTION] = NOTICE
        until(lambda: machine.calls(DRAIN), "the drain")
    finally:
        imds.close()


@pytest.mark.parametrize("fault", ["error", "drop", "short", "silence", "trickle"])
def test_sees_the_notice_through_a_flapping_service(machine, imds, fault):
    imds.values[ACTION] = NOTICE
    imds.fault = lambda _path, count: fault if count % 2 else None
    machine.start(imds.url)
    until(lambda: machine.calls(DRAIN), "the drain")


@pytest.mark.parametrize("fault", ["error", "drop", "silence", "trickle"])
def test_a_path_that_cannot_be_read_does_not_hide_the_others(machine, imds, fault):
    imds.values[STATE] = "Terminated"
    imds.fault = lambda path, _count: fault if path == ACTION else None
    machine.start(imds.url)
    until(lambda: machine.calls(DRAIN), "the drain")


@pytest.mark.parametrize("text", [NOTICE[:20], "null", "[]", "<html>", '{"action": "party"}', ""])
def test_an_answer_that_is_no_notice_drains_nothing(machine, imds, text):
    imds.values[ACTION] = text
    machine.start(imds.url)
    until(lambda: imds.looks() > 4, "five looks")
    assert not machine.calls(DRAIN)
    assert machine.log().count("\n") == 1


def test_a_notice_that_was_cut_short_is_not_taken(machine, imds):
    imds.values[STATE] = "TerminatedTerminated"
    imds.fault = lambda path, _count: "short" if path == STATE else None
    machine.start(imds.url)
    until(lambda: imds.looks() > 3, "four looks")
    assert not machine.calls(DRAIN)


def test_drains_even_if_it_cannot_write_the_notice_down(machine, imds):
    machine.run.rmdir()
    imds.values[ACTION] = NOTICE
    machine.start(imds.url)
    until(lambda: machine.calls(DRAIN), "the drain")


def test_tells_systemd_that_it_is_ready_and_alive(machine, imds, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.settimeout(20)
        machine.start(imds.url, NOTIFY_SOCKET=str(tmp_path / "notify"))
        assert channel.recv(4096).startswith(b"READY=1")
        assert channel.recv(4096) == b"WATCHDOG=1"
        assert channel.recv(4096) == b"WATCHDOG=1"


def test_pauses_after_every_look(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(LIB.parent))
    program = importlib.import_module("openclaw.lifecycle.interruption")
    events = []

    class Stop(Exception):
        pass

    def sleep(seconds):
        events.append(seconds)
        if len(events) == 6:
            raise Stop

    def look(_self):
        assert len(events) < 6, "it does not pause"
        events.append("look")

    monkeypatch.setattr(program.Watcher, "look", look)
    monkeypatch.setattr(program.time, "sleep", sleep)
    with pytest.raises(Stop):
        program.main()
    assert events == ["look", 5.0] * 3
