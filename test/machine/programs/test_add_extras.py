"""add-extras: what OpenClaw is only better with is added where it can be, and what is missing is told."""

import pytest

AGENT = "opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl"
CRYPTSETUP = "usr/sbin/cryptsetup"
PACKAGES = {"amazon-cloudwatch-agent": AGENT, "cryptsetup": CRYPTSETUP}


@pytest.fixture
def extras(machine):
    """A machine whose dnf has the packages that are not in ABSENT, and whose units in FAILING fail."""
    put = "".join(
        f'  {name}) mkdir -p "$HOME/{path.rpartition("/")[0]}"; install -m 755 /dev/null "$HOME/{path}" ;;\n'
        for name, path in PACKAGES.items()
    )
    machine.stub(
        "dnf",
        "shift 3  # --assumeyes --quiet install\n"
        'for package; do [[ " $ABSENT " != *" $package "* ]] || exit 1; done\n'
        f"for package; do case $package in\n{put}esac; done",
    )
    machine.stub("systemctl", '[[ $1 != start || " $FAILING " != *" $2 "* ]]')
    machine.stub("journalctl", "echo the last words of $2")
    machine.stub("report-failure", 'cat >>"$HOME/reported"')

    def extras(absent: str = "", failing: str = ""):
        places = {"OPENCLAW_ROOT": str(machine.root), "OPENCLAW_REPORT_FAILURE": str(machine.bin / "report-failure")}
        return machine.run("add-extras", ABSENT=absent, FAILING=failing, **places)

    return extras


def reported(machine) -> str:
    path = machine.root / "reported"
    return path.read_text() if path.exists() else ""


def test_everything_is_installed_at_once_and_started(extras, machine):
    done = extras()
    assert done.returncode == 0, done.stderr
    (call,) = machine.calls("dnf")
    assert set(PACKAGES) <= set(call.split())
    assert [call for call in machine.calls("systemctl") if call.startswith("start")] == [
        "start openclaw-cloudwatch.service",
        "start openclaw-swap.service",
    ]
    assert machine.aws_state["metrics"] == [["ExtrasMissing", "0"]]


def test_what_is_there_is_not_installed_again(extras, machine):
    extras()
    extras()
    assert len(machine.calls("dnf")) == 1


def test_a_package_that_cannot_be_had_keeps_no_other_away(extras, machine):
    done = extras(absent="amazon-cloudwatch-agent")
    assert done.returncode == 1
    assert (machine.root / CRYPTSETUP).exists()
    assert "the package amazon-cloudwatch-agent cannot be installed" in reported(machine)
    assert machine.aws_state["metrics"] == [["ExtrasMissing", "1"]]


def test_a_unit_that_fails_is_told_with_its_last_words_and_keeps_no_other_away(extras, machine):
    done = extras(failing="openclaw-cloudwatch.service")
    assert done.returncode == 1
    assert "start openclaw-swap.service" in machine.calls("systemctl")
    assert "openclaw-cloudwatch.service failed: the last words of openclaw-cloudwatch.service" in reported(machine)
    assert machine.aws_state["metrics"] == [["ExtrasMissing", "1"]]


def test_it_is_told_once_until_it_changes_and_the_metric_every_time(extras, machine):
    extras(failing="openclaw-cloudwatch.service")
    extras(failing="openclaw-cloudwatch.service")
    assert len(machine.calls("report-failure")) == 1
    assert machine.aws_state["metrics"] == [["ExtrasMissing", "1"]] * 2
    assert extras().returncode == 0
    extras(failing="openclaw-cloudwatch.service")
    assert len(machine.calls("report-failure")) == 2
