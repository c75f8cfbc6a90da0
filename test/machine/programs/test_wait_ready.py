"""wait-ready: active means that /readyz says ready. report-ready: the same question, for the alarm."""

import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest


class Gateway(HTTPServer):
    """Answers /readyz with one body after the other; the last one stays."""

    def __init__(self, *answers):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = list(answers)
        self.url = f"http://127.0.0.1:{self.server_port}/readyz"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        answers = self.server.answers
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *arguments):
        pass


READY, STARTING = (200, '{"ready":true}'), (503, '{"ready":false}')


@pytest.fixture
def wait(machine):
    gateways = []
    machine.stub("systemctl", "")

    def wait(*answers, program="wait-ready", **env):
        gateways.append(Gateway(*answers))
        timing = {"OPENCLAW_READY_INTERVAL": "0.05", "OPENCLAW_READY_TIMEOUT": "2"}
        return machine.run(program, OPENCLAW_READY_URL=gateways[-1].url, **{**timing, **env})

    yield wait
    for gateway in gateways:
        gateway.shutdown()
        gateway.server_close()


def test_returns_when_the_body_says_ready(wait, machine):
    done = wait(STARTING, STARTING, READY, OPENCLAW_READY_TIMEOUT="60")
    assert done.returncode == 0, done.stderr
    assert machine.calls("systemctl") == ["start --no-block openclaw-ready.service"]
    assert (machine.var / "served").exists()


@pytest.mark.parametrize("body", ["<html>Control UI</html>", '{"ok":true}', '{"ready":false}', '{"ready":"true"}', ""])
def test_a_status_of_200_alone_is_not_ready(wait, machine, body):
    done = wait((200, body), OPENCLAW_READY_TIMEOUT="1")
    assert done.returncode == 1
    assert not (machine.var / "served").exists()
    assert "not ready after 1 s" in done.stderr and f"'{body}'" in done.stderr
    assert machine.aws_state["metrics"] == [["ServiceReady", "0"]]


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
    done = wait(READY, program=program)
    assert done.returncode == 0
    assert "was not published" in done.stderr or "could not be started" in done.stderr


@pytest.mark.parametrize(("answer", "value"), [(READY, "1"), (STARTING, "0"), ((200, "<html>"), "0")])
def test_the_alarm_hears_what_the_gateway_says(wait, machine, answer, value):
    assert wait(answer, program="report-ready").returncode == 0
    assert machine.aws_state["metrics"] == [["ServiceReady", value]]


def test_the_alarm_hears_that_nobody_answers(machine):
    done = machine.run("report-ready", OPENCLAW_READY_URL="http://127.0.0.1:9/readyz")
    assert done.returncode == 0 and "is not ready" in done.stderr
    assert machine.aws_state["metrics"] == [["ServiceReady", "0"]]
