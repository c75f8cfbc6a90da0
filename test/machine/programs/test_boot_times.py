"""boot-times: the chart of a start, from the messages that systemd itself leaves in the journal."""

import json

import pytest

STARTING, STARTED = "7d4958e842da4a758f6c1cdc7b36dcc5", "39f53479d3a045ac8e11786248231fbf"
# Image and restore run side by side; OpenClaw waits for the later of them.
UNITS = {
    "docker.service": (1, 2),
    "openclaw-image.service": (2.001, 4),
    "openclaw-restore.service": (1, 9),
    "openclaw.service": (9.0005, 20),
    "ssh.service": (1, 30),
}
AFTER = {
    "openclaw.service": "openclaw-image.service openclaw-restore.service docker.service",
    "openclaw-image.service": "docker.service",
}


def entries(units, shift=0.0):
    found = [(at, name, kind) for name, times in units.items() for at, kind in zip(times, (STARTING, STARTED))]
    for at, name, kind in sorted((at, name, kind) for at, name, kind in found if at is not None):
        yield {"__MONOTONIC_TIMESTAMP": str(int((at + shift) * 1e6)), "UNIT": name, "MESSAGE_ID": kind, "MESSAGE": "-"}


def power_on(shift=0.0):
    return {"__MONOTONIC_TIMESTAMP": str(int(shift * 1e6)), "MESSAGE": "systemd 252 running in system mode (+PAM)"}


@pytest.fixture
def boot_times(machine):
    def run(*lines):
        (machine.root / "journal").write_text("".join(json.dumps(line) + "\n" for line in lines))
        machine.stub("journalctl", f"cat {machine.root}/journal")
        cases = "".join(f'"{unit}") echo "{names}" ;; ' for unit, names in AFTER.items())
        machine.stub("systemctl", f'case "${{@: -1}}" in {cases} esac')
        return machine.run("boot-times")

    return run


def test_shows_each_unit_and_the_critical_path(boot_times):
    done = boot_times(power_on(), *entries(UNITS))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    marked = [line.split()[1] for line in lines if line.startswith("* ")]
    assert marked == ["openclaw-restore.service", "openclaw.service"]
    assert "openclaw-image.service" in done.stdout
    assert "ssh.service" not in done.stdout
    assert "ready 20.0 s after the start of the machine" in done.stdout
    assert "openclaw-restore.service > openclaw.service" in done.stdout
    assert "one after the other would take 22.0 s" in done.stdout


def test_bars_stand_where_the_units_ran(boot_times):
    lines = boot_times(power_on(), *entries(UNITS)).stdout.splitlines()
    (restore,) = [line for line in lines if "openclaw-restore.service  " in line]
    bar = restore.split("|")[1]
    assert (bar.index("#"), bar.count("#")) == (2, 20)


def test_only_the_last_start_counts(boot_times):
    again = list(entries(UNITS, shift=100.0))
    done = boot_times(power_on(), *entries({"openclaw.service": (1, 2)}), power_on(100.0), *again)
    assert "ready 20.0 s" in done.stdout


def test_says_so_when_openclaw_never_got_ready(boot_times):
    done = boot_times(power_on(), *entries({**UNITS, "openclaw.service": (9, None)}))
    assert done.returncode == 1
    assert "has not become ready" in done.stderr
