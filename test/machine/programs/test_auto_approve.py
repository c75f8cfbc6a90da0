"""auto-approve-devices.sh: exactly the requests it should approve, and only while the window is open."""

import json
import time

import pytest
from machine.conftest import ASSETS

PROGRAM = ASSETS / "opt/openclaw/auto-approve-devices.sh"
BRIDGE = "172.18.0.1"
GOOD = {
    "requestId": "0f8b7c1e-9a52-4f6d-8f0e-5f6b1c2d3e4f",
    "deviceId": "d" * 64,
    "clientId": "openclaw-control-ui",
    "clientMode": "webchat",
    "role": "operator",
    "roles": ["operator"],
    "scopes": ["operator.admin", "operator.read", "operator.write"],
    "remoteIp": BRIDGE,
    "isRepair": False,
}
DOCKER = """
case "$*" in
  inspect*) echo "$BRIDGE" ;;
  *"devices list --json") cat "$HOME/list.json" ;;
  *"devices approve"*) cat >/dev/null ;;
  *) exit 2 ;;
esac
"""


@pytest.fixture
def machine(machine):
    machine.env["BRIDGE"] = BRIDGE
    machine.stub("docker", DOCKER)
    assert machine.run(PROGRAM, "open").returncode == 0
    return machine


def approve(machine, *requests, **env):
    now = time.time()
    pending = [{"ts": (now - request.pop("age", 0)) * 1000, **request} for request in map(dict, requests)]
    (machine.root / "list.json").write_text(json.dumps({"pending": pending, "paired": []}))
    done = machine.run(PROGRAM, **env)
    approved = [call.split()[5] for call in machine.calls("docker") if "devices approve" in call]
    return done, approved


def without(request, key):
    return {name: value for name, value in request.items() if name != key}


@pytest.mark.parametrize("request_", [GOOD, {**GOOD, "clientId": "webchat"}, without(GOOD, "isRepair")])
def test_approves_a_browser_of_the_operator(machine, request_):
    done, approved = approve(machine, request_)
    assert done.returncode == 0, done.stderr
    assert approved == [GOOD["requestId"]]


@pytest.mark.parametrize(
    "change",
    [
        {"clientId": "openclaw-cli"},
        {"clientId": "openclaw-control-ui-evil"},
        {"role": "node"},
        {"role": "node", "roles": ["operator"]},
        {"roles": ["operator", "node"]},
        {"scopes": ["operator.read", "operator.talk.secrets"]},
        {"scopes": ["*"]},
        {"scopes": None},
        {"scopes": "operator.read"},
        {"remoteIp": "172.18.0.7"},
        {"remoteIp": None},
        {"isRepair": True},
        {"isRepair": "yes"},
        {"age": 121},
        {"age": -3600},
        {"ts": "now"},
        {"requestId": "--all"},
        {"requestId": "latest;reboot"},
        {"requestId": 5},
    ],
    ids=str,
)
def test_leaves_everything_else_to_the_operator(machine, change):
    done, approved = approve(machine, {**GOOD, **change})
    assert done.returncode == 0, done.stderr
    assert approved == []


def test_picks_the_good_ones_out_of_many(machine):
    second = {**GOOD, "requestId": "second-request-id"}
    _, approved = approve(machine, {**GOOD, "requestId": "node-request-id", "role": "node"}, GOOD, second)
    assert approved == [GOOD["requestId"], "second-request-id"]


def test_an_unknown_bridge_approves_nobody(machine):
    _, approved = approve(machine, without(GOOD, "remoteIp"), {**GOOD, "remoteIp": ""}, BRIDGE="")
    assert approved == []


def test_a_closed_window_asks_not_even_the_gateway(machine):
    machine.run(PROGRAM, "close")
    done, _ = approve(machine, GOOD)
    assert done.returncode == 0 and machine.calls("docker") == []


@pytest.mark.parametrize("content", ["1", "", "tomorrow", "99999999999999999999"])
def test_a_window_that_is_over_or_not_ours_is_closed(machine, content):
    window = machine.run_dir / "approve-until"
    window.write_text(content)
    _, approved = approve(machine, GOOD)
    assert approved == [] and not window.exists()


@pytest.mark.parametrize("minutes", ["0", "61", "-5", "1e3", "ten", "999"])
def test_a_window_is_at_most_an_hour(machine, minutes):
    machine.run(PROGRAM, "close")
    done = machine.run(PROGRAM, "open", minutes)
    assert done.returncode == 1 and f"got '{minutes}'" in done.stderr
    assert not (machine.run_dir / "approve-until").exists()


def test_a_list_of_another_form_is_an_error(machine):
    (machine.root / "list.json").write_text("[]")
    done = machine.run(PROGRAM)
    assert done.returncode == 1 and "not as expected" in done.stderr
