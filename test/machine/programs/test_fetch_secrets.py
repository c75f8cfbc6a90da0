"""fetch-secrets: Parameter Store to tmpfs, with no value anywhere else."""

import json
import stat

import pytest
from machine.conftest import LIBEXEC

ENV = "/openclaw/dev/env"
TOKEN = f"{ENV}/OPENCLAW_GATEWAY_TOKEN"


# The variables of a dotenv text without quotes, as Compose's reader and its encoder give them: `$` in a value doubled.
COMPOSE = """#!/usr/bin/env python3
import json, os, sys
def read(path):
    lines = [line.split("=", 1) for line in open(path).read().splitlines() if line]
    pairs = {one[0]: one[1] if len(one) > 1 else os.environ.get(one[0]) for one in lines}
    return {name: value.replace("$HOME", "/root").replace("$", "$$") for name, value in pairs.items() if value}
services = json.load(sys.stdin)["services"]
read_in = {name: {"environment": read(one["env_file"][0])} for name, one in services.items()}
print(json.dumps({"services": read_in}))
"""


@pytest.fixture
def machine(machine, parameter_store, fork_server):
    machine.fork_server = fork_server
    machine.aws_state["parameters"][TOKEN] = "t0ken-value"
    (machine.root / "compose.py").write_text(COMPOSE)
    machine.stub("docker", f"exec python3 -I {machine.root}/compose.py")
    machine.stub("systemctl", "exit 0")
    return machine


def fetch(machine):
    return machine.run("fetch-secrets")


def test_writes_each_parameter_as_a_variable(machine):
    machine.aws_state["parameters"] |= {f"{ENV}/TELEGRAM_BOT_TOKEN": "123:abc", "/openclaw/dev/restic-password": "no"}
    done = machine.run(LIBEXEC / "fetch-secrets")
    assert done.returncode == 0, done.stderr
    lines = (machine.run_dir / ".env").read_text().splitlines()
    assert lines == ['OPENCLAW_GATEWAY_TOKEN="t0ken-value"', 'TELEGRAM_BOT_TOKEN="123:abc"']
    assert (machine.run_dir / "dotenv").read_text() == ""
    assert machine.aws_state["written"] == []


def test_only_root_can_read_the_files(machine):
    machine.run_dir.joinpath(".env").write_text("old")
    machine.run_dir.joinpath(".env").chmod(0o644)
    fetch(machine)
    for name in (".env", "dotenv"):
        assert stat.S_IMODE(machine.run_dir.joinpath(name).stat().st_mode) == 0o600


def test_a_second_run_takes_changed_values_and_drops_removed_ones(machine):
    machine.aws_state["parameters"][f"{ENV}/A"] = "1"
    fetch(machine)
    machine.aws_state["parameters"] = {TOKEN: "new"}
    fetch(machine)
    assert (machine.run_dir / ".env").read_text() == 'OPENCLAW_GATEWAY_TOKEN="new"\n'
    assert list(machine.run_dir.glob("*.new")) == []


def test_makes_the_gateway_token_once(machine):
    machine.aws_state["parameters"] = {}
    assert fetch(machine).returncode == 0
    (body,) = machine.aws_state["written"]
    assert (body["Name"], body["Type"], body["Overwrite"]) == (TOKEN, "SecureString", False)
    assert len(body["Value"]) == 64 and int(body["Value"], 16) >= 0
    assert (machine.run_dir / ".env").read_text() == f'OPENCLAW_GATEWAY_TOKEN="{body["Value"]}"\n'
    fetch(machine)
    assert len(machine.aws_state["written"]) == 1


def test_takes_the_token_of_a_faster_machine(machine):
    machine.aws_state["parameters"] = {}
    machine.aws_state["fail"]["put-parameter"] = [f"after:{TOKEN}=theirs"]
    done = fetch(machine)
    assert done.returncode == 0, done.stderr
    assert (machine.run_dir / ".env").read_text() == 'OPENCLAW_GATEWAY_TOKEN="theirs"\n'
    assert machine.aws_state["written"] == []


def test_a_token_that_cannot_be_made_is_named_with_the_command_that_sets_it(machine):
    machine.aws_state["parameters"] = {}
    machine.aws_state["fail"]["put-parameter"] = ["AccessDeniedException", "*"]
    done = fetch(machine)
    assert done.returncode == 1
    assert f"parameter {TOKEN} is missing" in done.stderr and "AccessDeniedException" in done.stderr
    assert f"aws ssm put-parameter --region me-central-1 --type SecureString --name {TOKEN}" in done.stderr
    assert not (machine.run_dir / ".env").exists()


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "InternalServerError"])
def test_a_passing_fault_is_tried_again(machine, code):
    machine.aws_state["fail"]["get-parameters-by-path"] = [code, code]
    done = fetch(machine)
    assert done.returncode == 0, done.stderr
    assert len(machine.aws_calls("get-parameters-by-path")) == 3


def test_a_lasting_fault_stops_the_start_and_names_the_token(machine):
    machine.aws_state["fail"]["get-parameters-by-path"] = ["AccessDeniedException", "*"]
    done = fetch(machine)
    assert done.returncode == 1
    assert TOKEN in done.stderr and "AccessDeniedException" in done.stderr
    assert len(machine.aws_calls("get-parameters-by-path")) == 6
    assert not (machine.run_dir / ".env").exists()


@pytest.mark.parametrize("name", ["A-B", "1A", "A.B", "A B"])
def test_refuses_a_name_that_is_no_variable(machine, name):
    machine.aws_state["parameters"][f"{ENV}/{name}"] = "hidden-value"
    done = fetch(machine)
    assert done.returncode == 1
    assert f"{ENV}/{name}" in done.stderr and "TELEGRAM_BOT_TOKEN" in done.stderr
    assert "hidden-value" not in done.stderr


def test_no_value_in_the_journal_or_in_an_argument_list(machine):
    machine.aws_state["parameters"] = {f"{ENV}/KEY": "s3cret-value", "/openclaw/dev/dotenv": "OTHER=s3cret-too"}
    done = fetch(machine)
    assert done.returncode == 0, done.stderr
    made = machine.aws_state["written"][0]["Value"]
    said = done.stdout + done.stderr + str(machine.aws_state["calls"]) + str(machine.calls("docker"))
    assert not [value for value in ("s3cret-value", "s3cret-too", made) if value in said]


class TestDotenv:
    """The `dotenv` parameter: the user's own text, so Compose judges it before it counts."""

    PARAMETER = "/openclaw/dev/dotenv"

    @pytest.fixture
    def fetched(self, machine):
        def fetched(text):
            machine.aws_state["parameters"][self.PARAMETER] = text
            return fetch(machine)

        return fetched

    def test_is_taken_as_it_is(self, machine, fetched):
        text = "export A=1\nB=x y\n"
        done = fetched(text)
        assert done.returncode == 0, done.stderr
        assert (machine.run_dir / "dotenv").read_text() == text
        assert machine.calls("systemctl") == ["start openclaw-tools.service"]
        assert machine.calls("docker") == ["compose --env-file /dev/null --file - config --format json"]
        assert sorted(path.name for path in machine.run_dir.glob("dotenv*")) == ["dotenv"]

    def test_is_refused_where_what_checks_it_cannot_be_installed(self, machine):
        machine.aws_state["parameters"][self.PARAMETER] = "A=1"
        machine.stub("systemctl", "exit 1")
        done = fetch(machine)
        assert done.returncode == 1
        assert self.PARAMETER in done.stderr and "openclaw-tools.service" in done.stderr

    def test_may_hold_the_gateway_token(self, machine, fetched):
        del machine.aws_state["parameters"][TOKEN]
        assert fetched("export OPENCLAW_GATEWAY_TOKEN=mine").returncode == 0
        assert machine.aws_state["written"] == []

    def test_a_complaint_of_compose_is_told_without_its_quotation(self, machine):
        machine.aws_state["parameters"][self.PARAMETER] = 'A="s3cret'
        machine.stub("docker", "echo 'failed to read x: line 3: unterminated quoted value \"s3cret\"' >&2; exit 1")
        done = fetch(machine)
        assert done.returncode == 1
        assert self.PARAMETER in done.stderr and "cannot read line 3" in done.stderr
        assert "s3cret" not in done.stderr
        assert not list(machine.run_dir.glob("dotenv*"))

    def test_a_value_that_would_become_another_is_refused(self, machine, fetched):
        done = fetched("A=1\nB=s3cret$HOME")
        assert done.returncode == 1
        assert "the value of B has a $" in done.stderr and "s3cret" not in done.stderr
        assert not list(machine.run_dir.glob("dotenv*"))

    def test_a_line_without_a_name_is_refused(self, fetched):
        done = fetched("A=1\n=s3cret\n")
        assert done.returncode == 1
        assert "a line has no name" in done.stderr and "s3cret" not in done.stderr

    @pytest.mark.parametrize("name", ["AWS_REGION", "PATH"])
    def test_a_name_without_a_value_does_not_take_the_machines_own(self, fetched, name):
        done = fetched(f"A=1\n{name}\n")
        assert done.returncode == 1
        assert f"{name} has no value, and would take this machine's own" in done.stderr

    def test_a_dollar_that_stays_what_it_is_may_stay(self, fetched):
        assert fetched("A=costs 5$").returncode == 0


@pytest.mark.parametrize("where", ["env", "dotenv"])
def test_a_value_that_ends_in_a_newline_is_said(machine, where):
    if where == "env":
        machine.aws_state["parameters"][f"{ENV}/KEY"] = "s3cret-value\n"
    else:
        machine.aws_state["parameters"]["/openclaw/dev/dotenv"] = "anything"
        services = {name: {"environment": {"KEY": "s3cret-value\n"}} for name in ("said", "literal")}
        machine.stub("docker", f"echo '{json.dumps({'services': services})}'")
    done = fetch(machine)
    assert done.returncode == 0, done.stderr
    assert "ends in a newline" in done.stderr and "KEY" in done.stderr and "s3cret" not in done.stderr
