"""openclaw-state: what a person starts runs in the sandbox of the unit that does the same by itself."""

import re

import pytest
from machine.conftest import ASSETS

PROGRAM = ASSETS / "usr/local/bin/openclaw-state"
UNITS = ASSETS / "etc/systemd/system"
SANDBOX = re.compile(r"(CapabilityBoundingSet|NoNewPrivileges|Private|Protect|Restrict|SystemCall|UMask|LockPers)")


@pytest.fixture
def machine(machine):
    """One on which systemd runs, as far as it is asked to run programs."""
    machine.env["OPENCLAW_LIBEXEC"] = str(machine.root / "libexec")
    machine.env["OPENCLAW_UNITS"] = str(UNITS)
    machine.env["OPENCLAW_SYSTEMD"] = str(machine.root)
    (machine.root / "libexec").mkdir()
    for directory, name, body in (
        (machine.bin, "systemd-run", 'printf "%s\\0" "$@" >"$HOME/given"; cat >"$HOME/input"; exit "${ENDS:-0}"'),
        (machine.root / "libexec", "state", 'printf "%s\\0" direct "$@" >"$HOME/given"'),
        (machine.bin, "sudo", 'shift; exec "$@"'),
    ):
        (directory / name).write_text(f"#!/bin/bash\n{body}\n")
        (directory / name).chmod(0o755)
    return machine


def given(machine):
    return (machine.root / "given").read_text().split("\0")[:-1]


@pytest.mark.parametrize(
    "verb, unit", [("backup", "backup"), ("drill", "drill"), ("restore", "restore"), ("adopt", "restore")]
)
def test_the_sandbox_is_that_of_the_unit(machine, verb, unit):
    assert machine.run(PROGRAM, verb).returncode == 0
    lines = (UNITS / f"openclaw-{unit}.service").read_text().splitlines()
    wanted = [f"--property={line}" for line in lines if SANDBOX.match(line)]
    assert len(wanted) > 20
    assert set(wanted) <= set(given(machine))
    assert "--property=EnvironmentFile=/etc/openclaw/machine.env" in given(machine)
    assert "--property=Nice=19" in given(machine) or verb != "drill"
    assert not [one for one in given(machine) if re.match(r"--property=(Exec|Type|Restart|State|Timeout|#)", one)]


def test_arguments_are_data(machine):
    name = "notes/$(touch x) `y` 'z' \"a\"\n%h.md"
    machine.run(PROGRAM, "restore", "--paths", name)
    assert given(machine)[-5:] == ["--", str(machine.root / "libexec/state"), "restore", "--paths", name]


def test_an_archive_that_the_sandbox_does_not_see_comes_in_open(machine):
    archive = machine.root / "of ann.tar.gz"
    archive.write_text("content")
    machine.run(PROGRAM, "adopt", str(archive))
    assert given(machine)[-2:] == ["adopt", "/dev/stdin"]
    assert (machine.root / "input").read_text() == "content"


@pytest.mark.parametrize("name", ["ann.tar.gz", "/absent/ann.tar.gz"])
def test_any_other_archive_is_looked_for_in_the_sandbox(machine, name):
    machine.run(PROGRAM, "adopt", name)
    assert given(machine)[-2:] == ["adopt", name]


def test_the_exit_status_is_the_commands(machine):
    assert machine.run(PROGRAM, "backup", ENDS="79").returncode == 79


@pytest.mark.parametrize("arguments", [["status"], ["snapshots"], ["lease", "check"], ["--help"]])
def test_what_touches_no_state_runs_where_it_is(machine, arguments):
    machine.run(PROGRAM, *arguments)
    assert given(machine) == ["direct", *arguments]


def test_without_systemd_there_is_no_sandbox(machine):
    machine.run(PROGRAM, "backup", "--force", OPENCLAW_SYSTEMD="/absent")
    assert given(machine) == ["direct", "backup", "--force"]


def test_a_unit_that_is_not_there_is_no_reason_to_do_without(machine):
    done = machine.run(PROGRAM, "backup", OPENCLAW_UNITS=str(machine.root))
    assert done.returncode == 1 and not (machine.root / "given").exists()
    assert "no properties" in done.stderr
