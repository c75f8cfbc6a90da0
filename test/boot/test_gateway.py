"""The gateway on its machine: channels that fail, crashes, limits, and its command line while it is stopped."""

import dataclasses
import json
import pathlib
import urllib.request

import pytest
from lab import demo, images, settings
from lab.docker import DockerError, address, docker, run

from .looking import GATEWAY, eventually

TELEGRAM = "openclaw-lab-telegram"
PORT = "8081"
SERVICE = "openclaw.service"


class Telegram:
    """A container on the machines' network that answers as Telegram's Bot API does."""

    def __init__(self):
        docker("rm", "--force", TELEGRAM, check=False)
        program = pathlib.Path(__file__).parent / "telegram.py"
        options = ("--network", settings.NETWORK, "--volume", f"{program}:/telegram.py:ro")
        run(TELEGRAM, images.ensure_services(), "python3", "/telegram.py", PORT, options=options)
        self.root = f"http://{address(TELEGRAM, settings.NETWORK)}:{PORT}"
        assert eventually(lambda: self.answers("well"))

    def answers(self, mode: str) -> bool:
        try:
            return urllib.request.urlopen(f"{self.root}/lab/{mode}", data=b"", timeout=10).status == 200
        except OSError:
            return False


@pytest.fixture(scope="module")
def telegram():
    yield Telegram()
    docker("rm", "--force", TELEGRAM)


@pytest.fixture
def channel(machine, telegram):
    """A Telegram bot on the machine that runs; after the test there is none again."""
    bot = {"enabled": True, "botToken": f"123456:{'A' * 35}", "apiRoot": telegram.root, "dmPolicy": "pairing"}
    machine.execute("openclaw", "config", "set", "channels.telegram", json.dumps(bot), "--strict-json")
    return telegram


@pytest.fixture
def no_channel_after(deployment):
    yield
    machine = deployment.wait_ready()
    machine.execute("openclaw", "config", "unset", "channels.telegram")
    machine.execute("systemctl", "restart", SERVICE)
    demo.check_page()


def report(machine) -> str:
    """What openclaw-ready.service says of its next look, and all before."""
    # systemd takes no sixth start within ten seconds.
    machine.succeeds("systemctl", "reset-failed", "openclaw-ready.service")
    machine.execute("systemctl", "start", "openclaw-ready.service")
    return machine.journal("--unit", "openclaw-ready.service", "--output", "cat", "--boot")


def lines(text: str, words: str) -> int:
    return sum(words in line for line in text.splitlines())


def since_start(machine) -> str:
    invocation = machine.execute("systemctl", "show", "--property", "InvocationID", "--value", SERVICE)
    return machine.journal(f"_SYSTEMD_INVOCATION_ID={invocation}", "--output", "cat")


def test_a_wrong_secret_of_a_channel_is_told_and_nothing_else_is_down(deployment, machine, channel, no_channel_after):
    channel.answers("unauthorized")
    machine.execute("systemctl", "restart", SERVICE)
    assert "these channels do not come up: telegram" in since_start(machine)
    before = lines(report(machine), "do not work: telegram")
    assert before >= 1
    assert lines(report(machine), "do not work: telegram") == before, "said once"
    # Somebody is told of it after a quarter of an hour (test/machine/programs/test_lean.py).
    assert '"ChannelsFailing": 1' in report(machine)
    machine.execute("systemctl", "start", "openclaw-health.service")
    assert not machine.succeeds("test", "-e", "/run/openclaw/unready-since")
    with pytest.raises(DockerError):
        machine.execute("curl", "--fail", "--silent", f"http://127.0.0.1:{settings.GATEWAY_PORT}/readyz")
    # The command line works meanwhile.
    assert json.loads(machine.execute("openclaw", "cron", "list", "--json")) is not None

    # A deploy that replaces the machine stays, too.
    dataclasses.replace(deployment, context={"backupIntervalMinutes": "30"}).deploy()
    assert deployment.stacks()[deployment.stack_name] == "UPDATE_COMPLETE"
    replacement = deployment.wait_ready(other_than=machine.instance_id)
    assert "these channels do not come up: telegram" in since_start(replacement)
    channel.answers("well")


@pytest.mark.parametrize("mode", ["away", "conflict"])
def test_a_channel_that_is_lost_and_comes_back(machine, channel, no_channel_after, mode):
    channel.answers(mode)
    machine.execute("systemctl", "restart", SERVICE)
    lost = lines(report(machine), "do not work: telegram")
    back = lines(report(machine), "all channels work again")
    assert eventually(lambda: lines(report(machine), "do not work: telegram") > lost, seconds=240)
    machine.execute("systemctl", "start", "openclaw-health.service")
    assert not machine.succeeds("test", "-e", "/run/openclaw/unready-since")
    channel.answers("well")
    assert eventually(lambda: lines(report(machine), "all channels work again: telegram") > back, seconds=240)
    assert machine.execute("systemctl", "is-active", SERVICE) == "active"


def inspected(machine) -> dict:
    return json.loads(machine.execute("docker", "inspect", GATEWAY))[0]


def test_the_container_is_held_to_its_limits(machine):
    container = inspected(machine)
    host, config = container["HostConfig"], container["Config"]
    total = int(machine.execute("awk", '$1 == "MemTotal:" { print $2 }', "/proc/meminfo")) * 1024
    assert 0 < host["Memory"] < total
    assert (host["PidsLimit"], config["User"], host["OomScoreAdj"]) == (2048, "1000:1000", 500)
    limits = machine.execute("docker", "exec", GATEWAY, "cat", "/proc/1/limits")
    [core] = [line.split() for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core[4:6] == ["1", "1"]
    assert "XDG_CACHE_HOME=/home/node/.openclaw/cache" in config["Env"]
    assert machine.execute("stat", "--format", "%u:%g", "/opt/openclaw/.openclaw/cache") == "1000:1000"


def test_a_service_s_own_processes_dump_no_memory(machine):
    assert machine.execute("systemctl", "show", "--property", "LimitCORE", "--value", "openclaw-backup.service") == "1"
    assert machine.execute("systemctl", "show", "--property", "LimitCORE", "--value", "docker.service") == "1"


def test_the_container_reaches_nothing_on_the_machine(machine):
    bridge = "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}"
    host = machine.execute("docker", "inspect", "--format", bridge, GATEWAY)
    machine.execute("systemd-run", "--unit", "listener", "python3", "-m", "http.server", "8000")
    fetch = ["curl", "--silent", "--show-error", "--max-time", "5", f"http://{host}:8000/"]
    try:
        assert eventually(lambda: machine.succeeds(*fetch))
        with pytest.raises(DockerError, match=r"ended with 7"):
            machine.execute("docker", "exec", GATEWAY, *fetch)
    finally:
        machine.execute("systemctl", "stop", "listener")


def test_a_program_killed_for_memory_is_told(deployment, machine, emulator):
    host = inspected(machine)["HostConfig"]
    memory, with_swap = str(host["Memory"]), str(host["MemorySwap"])
    percent = float(machine.execute("docker", "stats", "--no-stream", "--format", "{{.MemPerc}}", GATEWAY).rstrip("%"))
    limit = str(int(host["Memory"] * percent / 100) + 500 * 1024**2)
    machine.execute("docker", "update", "--memory", limit, "--memory-swap", limit, GATEWAY)
    try:
        grow = "const all = []; for (;;) all.push(Buffer.alloc(2 ** 24, 1))"
        assert not machine.succeeds("docker", "exec", GATEWAY, "node", "-e", grow)
    finally:
        # Where the kernel took the gateway itself, its next container has the limits that it shall have.
        machine.succeeds("docker", "update", "--memory", memory, "--memory-swap", with_swap, GATEWAY)
    whole = ("--unit", SERVICE, "--output", "cat", "--boot")
    assert "killed for memory in " in report(machine) + machine.journal(*whole)
    # On a busy computer the first call can take longer than it may: the next look tells it.
    assert eventually(
        lambda: report(machine) and "OpenClaw boot: KilledForMemory" in emulator.told(machine.instance_id)
    )
    deployment.wait_ready()


def test_a_kill_of_the_gateway_is_a_failure_and_it_comes_back(deployment, machine):
    machine.execute("systemctl", "restart", SERVICE)
    machine.execute("docker", "kill", GATEWAY)
    result = ["systemctl", "show", "--property", "Result", "--value", SERVICE]
    assert eventually(lambda: machine.execute(*result) != "success")
    assert machine.execute("wc", "--lines", "/run/openclaw/crashes").startswith("1 ")
    deployment.wait_ready()


def test_the_sixth_start_that_a_person_asks_for_is_as_good_as_the_first(machine):
    for _ in range(6):
        machine.execute("systemctl", "restart", SERVICE)
    assert machine.execute("systemctl", "is-active", SERVICE) == "active"
    assert not machine.succeeds("test", "-e", "/run/openclaw/crashes")


def backups(machine) -> int:
    return machine.execute("openclaw-state", "snapshots").count("\n")


def test_the_command_line_works_on_the_stopped_state(machine):
    machine.execute("systemctl", "stop", SERVICE)
    try:
        machine.execute("sh", "-c", f"echo between >{demo.STATE}/workspace/between")
        before = backups(machine)
        assert "2026.9.6" in machine.execute("openclaw", "--version")
        assert backups(machine) > before
        machine.execute("openclaw", "doctor", "--fix", "--non-interactive")
        assert machine.execute("docker", "ps", "--all", "--quiet") == ""
        # Beside one that runs, neither another nor the gateway.
        machine.execute("systemd-run", "--unit", "one", "openclaw", "gateway", "--allow-unconfigured")
        assert eventually(lambda: machine.execute("docker", "ps", "--quiet"))
        with pytest.raises(DockerError, match="is in use"):
            machine.execute("openclaw", "--version")
        machine.execute("systemctl", "start", "--no-block", SERVICE)
        assert machine.execute("docker", "ps", "--format", "{{.Names}}") == "openclaw-offline"
        machine.execute("systemctl", "stop", "one")
    finally:
        machine.execute("systemctl", "start", SERVICE)
    demo.check_page()
