"""start-gateway and the `openclaw` command: two ways onto the state, of which only one is open at a time."""

import subprocess

import pytest
from machine.conftest import ASSETS, LIBEXEC

COMMAND = ASSETS / "usr/local/bin/openclaw"
RUN = "compose --file /opt/openclaw/docker-compose.yaml run --rm --name openclaw-offline --no-TTY openclaw-offline"
# What the container's engine knows: the gateway's state, and whether a command runs without its terminal.
DOCKER = """
case "$1" in
  inspect) echo "$RUNNING" ;;
  ps) printf %s "$LEFT" ;;
  exec) printf "%s|" "$@"; exit 3 ;;
  compose) printf "%s|" "$OPENCLAW_IMAGE" "$OPENCLAW_MEMORY_LIMIT" "$OPENCLAW_MEMORY_SWAP_LIMIT"; exit 5 ;;
esac
"""


@pytest.fixture
def command(machine):
    """The command on a machine whose gateway refused its state, unless a test says otherwise."""
    machine_env = machine.root / "machine.env"
    machine_env.write_text("BACKUP=snapshots\nSTACK=dev\n")
    (machine.run_dir / "image.env").write_text("OPENCLAW_IMAGE=repository@sha256:1\n")
    (machine.run_dir / ".env").write_text("")
    (machine.var / "restored").write_text("{}")
    meminfo = machine.root / "meminfo"
    meminfo.write_text("MemTotal:        1888256 kB\nMemFree:          100000 kB\n")
    machine.stub("docker", DOCKER)
    # The program is tested as root runs it.
    machine.stub("sudo", "exit 99")
    machine.stub("systemctl", 'echo "$STATE"')
    machine.stub("openclaw-state", 'exit "${BACKUP_STATUS:-0}"')
    machine.env |= {
        "OPENCLAW_MACHINE_ENV": str(machine_env),
        "OPENCLAW_MEMINFO": str(meminfo),
        "OPENCLAW_LIBEXEC": str(LIBEXEC),
        "OPENCLAW_BIN": str(machine.bin),
        "STATE": "failed",
    }

    def command(*arguments, **env):
        return machine.run(COMMAND, *arguments, **env)

    return command


def ran(machine):
    return [call for call in machine.calls("docker") if call.startswith(("exec", "compose"))]


def test_hands_its_arguments_on_unchanged_to_a_gateway_that_runs(command):
    done = command("devices", "list", "a b", "$HOME", RUNNING="true")
    assert done.stdout == "exec|--interactive|openclaw-gateway|openclaw|devices|list|a b|$HOME|"
    assert done.returncode == 3


@pytest.mark.parametrize("state", ["failed", "inactive"])
def test_runs_on_the_stopped_state_after_a_backup(command, machine, state):
    done = command("doctor", "--fix", "a b", STATE=state)
    assert machine.calls("openclaw-state") == ["backup --force"]
    assert ran(machine) == [f"{RUN} doctor --fix a b"]
    assert done.stdout == "repository@sha256:1|1396m|2932m|"
    assert done.returncode == 5, "the command's own status"
    assert "sudo systemctl start openclaw.service" in done.stderr


def test_without_a_backup_nothing_is_changed(command, machine):
    done = command("doctor", "--fix", BACKUP_STATUS="1")
    assert done.returncode == 1 and "no backup could be made" in done.stderr
    assert ran(machine) == []


def test_where_there_are_no_backups_none_is_made(command, machine):
    (machine.root / "machine.env").write_text("BACKUP=off\n")
    (machine.var / "restored").unlink()
    command("doctor")
    assert machine.calls("openclaw-state") == [] and ran(machine)


@pytest.mark.parametrize("state", ["active", "activating", "deactivating", "reloading"])
def test_never_beside_a_gateway_that_starts_or_stops(command, machine, state):
    done = command("doctor", STATE=state)
    assert done.returncode == 1 and f"openclaw.service is {state}" in done.stderr
    assert ran(machine) == []


REFUSALS = {
    "drained": ("run", "drain.json", "is drained"),
    "fenced": ("var", "fenced", "another machine is the writer"),
}


@pytest.mark.parametrize("why", REFUSALS)
def test_not_on_a_state_that_is_another_machine_s(command, machine, why):
    directory, name, words = REFUSALS[why]
    (machine.root / directory / name).write_text("{}")
    done = command("doctor")
    assert done.returncode == 1 and words in done.stderr and ran(machine) == []


def test_not_on_a_state_that_is_not_restored(command, machine):
    (machine.var / "restored").unlink()
    done = command("doctor")
    assert done.returncode == 1 and "is not restored" in done.stderr and ran(machine) == []


@pytest.mark.parametrize(("name", "unit"), [("image.env", "openclaw-image"), (".env", "openclaw-secrets")])
def test_not_before_the_image_and_the_secrets_are_there(command, machine, name, unit):
    (machine.run_dir / name).unlink()
    done = command("doctor")
    assert done.returncode == 1 and f"journalctl -u {unit}.service" in done.stderr and ran(machine) == []


def test_one_at_a_time(command, machine):
    holder = subprocess.Popen(
        ["flock", machine.run_dir / "state.lock", "sh", "-c", "echo held; read wait"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    holder.stdout.readline()
    done = command("doctor")
    holder.communicate(b"\n")
    assert done.returncode == 1 and "is in use" in done.stderr and ran(machine) == []
    assert command("doctor").returncode == 5


def test_one_whose_terminal_is_gone_counts(command, machine):
    done = command("doctor", LEFT="0123456789ab")
    assert done.returncode == 1 and "sudo docker stop openclaw-offline" in done.stderr and ran(machine) == []


class TestStartGateway:
    def test_becomes_compose_and_keeps_the_lock(self, command, machine):
        lock = machine.run_dir / "state.lock"
        machine.stub("docker", f'[[ $1 != compose ]] || {{ flock --nonblock {lock} true && exit 8; echo "$PPID"; }}')
        done = machine.run("start-gateway")
        assert done.returncode == 0, "the lock is free while Compose runs"
        (start,) = ran(machine)
        assert start.endswith("--exit-code-from openclaw-gateway openclaw-gateway")

    def test_waits_for_a_command_on_the_stopped_state_and_does_not_start_beside_it(self, command, machine):
        holder = subprocess.Popen(
            ["flock", machine.run_dir / "state.lock", "sh", "-c", "echo held; read wait"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        holder.stdout.readline()
        done = machine.run("start-gateway", OPENCLAW_LOCK_SECONDS="1")
        assert done.returncode == 1 and "still runs" in done.stderr and ran(machine) == []
        holder.communicate(b"\n")
        assert machine.run("start-gateway").returncode == 5

    def test_a_command_whose_terminal_is_gone_ends_first(self, command, machine):
        machine.run("start-gateway")
        assert machine.calls("docker")[0] == "stop --time 25 openclaw-offline"

    @pytest.mark.parametrize(
        ("total_kib", "limits"),
        [
            # t4g.micro, t4g.small, t4g.medium, t4g.large, m7g.2xlarge
            (940_000, "469m|2005m|"),
            (1_888_256, "1396m|2932m|"),
            (3_900_000, "3360m|4896m|"),
            (8_000_000, "7031m|8567m|"),
            (32_000_000, "28125m|29661m|"),
            # No limit leaves room for both.
            (500_000, "||"),
        ],
    )
    def test_the_container_s_memory_leaves_the_machine_its_own(self, command, machine, total_kib, limits):
        (machine.root / "meminfo").write_text(f"MemTotal:        {total_kib} kB\n")
        assert machine.run("start-gateway").stdout == f"|{limits}"
