"""first-start: where OpenClaw does not get ready, it says which unit failed, and what that said last."""

import pytest


@pytest.fixture
def start(machine):
    machine.stub("journalctl", "echo the last words of $2")
    machine.stub("report-failure", 'cat >"$HOME/reported"')

    def start(failed=None, reporting=0):
        units = [f"Id={unit}\\nResult=exit-code\\n" for unit in [failed] if unit]
        shown = "\\n".join(
            ["Result=success\\nId=openclaw-firewall.service\\n", *units, "Id=b.service\\nResult=success\\n"]
        )
        show = f"case $* in *Requires*) echo docker.service openclaw-restore.service;; *) printf '{shown}';; esac"
        script = f"case $1 in show) {show};; start) exit 1;; esac" if failed is not None else ""
        machine.stub("systemctl", script)
        return machine.run("first-start", OPENCLAW_REPORT_FAILURE=str(machine.bin / "report-failure"))

    return start


def test_says_nothing_when_openclaw_is_ready(start, machine):
    assert start().returncode == 0
    assert machine.calls("systemctl") == ["enable openclaw.service", "start openclaw.service"]
    assert machine.calls("report-failure") == []


def test_says_that_openclaw_stays_stopped_and_the_deploy_succeeds(start, machine):
    (machine.run_dir / "stopped").touch()
    done = start()
    assert done.returncode == 0 and "stopped by hand on the one before, and stays so" in done.stderr


@pytest.mark.parametrize(
    ("failed", "unit"),
    [
        ("openclaw-restore.service", "openclaw-restore.service"),
        ("docker.service", "docker.service"),
        ("", "openclaw.service"),
    ],
)
def test_names_the_unit_that_failed_with_its_last_words(start, machine, failed, unit):
    done = start(failed)
    assert done.returncode == 1
    assert machine.calls("report-failure") == [unit]
    assert (machine.root / "reported").read_text() == f"the last words of {unit}\n"
    (call,) = machine.calls("journalctl")
    assert "--lines 30 " in call
    assert f"error: {unit} failed" in done.stderr


def test_only_what_openclaw_needs_is_blamed(start, machine):
    start("docker.service")
    (call,) = [call for call in machine.calls("systemctl") if "Result" in call]
    assert call.endswith("containerd.service docker.service openclaw-restore.service")
