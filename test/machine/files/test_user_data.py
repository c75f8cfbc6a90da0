"""What a new instance runs once: it goes on for as long as an outage may last, says how that went, and never stays as
nothing."""

from pathlib import Path

import pytest
from machine.conftest import ASSETS

USER_DATA = ASSETS.parent / "user-data.sh"
HERE = "--region me-central-1 --stack openclaw-dev --resource Group"
NOBODY_WAITS = "echo 'ValidationError: Resource Group is in CREATE_COMPLETE state and cannot be signaled' >&2; exit 1"


@pytest.fixture
def launch(machine):
    """Runs user data; cfn-init fails so many times for a config set, and the files come with the set `machine`."""
    machine.stub(
        "cfn-init",
        'set=${@: -1}; left=$(cat "$HOME/fail-$set" 2>/dev/null || echo 0)\n'
        'echo "cfn-init says why" >"$HOME/init.log"\n'
        'if ((left > 0)); then echo $((left - 1)) >"$HOME/fail-$set"; exit 1; fi\n'
        '[[ $set != machine ]] || touch "$HOME/files"',
    )
    machine.stub("systemctl", 'case $1 in is-active) [[ -e $HOME/files ]] ;; start) exit "${EXTRAS:-0}" ;; esac')
    machine.stub("first-start", 'exit "${FIRST_START:-0}"')
    machine.stub("report-failure", 'cat >"$HOME/reported"')
    machine.stub("sleep", "")
    machine.stub("cfn-signal", "")

    def launch(failures: dict[str, int] | None = None, patience: int = 900, **env: str):
        for name, count in (failures or {}).items():
            (machine.root / f"fail-{name}").write_text(str(count))
        names = {"REGION": "me-central-1", "STACK": "openclaw-dev", "RESOURCE": "Group"}
        places = {"OPENCLAW_CFN": str(machine.bin), "OPENCLAW_LIBEXEC": str(machine.bin)}
        env = {**names, **places, "OPENCLAW_CFN_INIT_LOG": str(machine.root / "init.log"), **env}
        return machine.run(Path("/bin/bash"), str(USER_DATA), SIGNAL_SECONDS=str(patience + 300), **env)

    return launch


def test_becomes_the_machine_and_tells_of_success(launch, machine):
    assert launch().returncode == 0
    assert machine.calls("cfn-init") == [f"-v {HERE} -c machine", f"-v {HERE} -c software"]
    assert machine.calls("systemctl") == ["start openclaw-extras.service"]
    assert len(machine.calls("first-start")) == 1
    assert machine.calls("cfn-signal") == [f"-e 0 {HERE}"]


@pytest.mark.parametrize("config_set", ["machine", "software"])
def test_an_outage_is_waited_for_with_growing_pauses(launch, machine, config_set):
    assert launch({config_set: 7}).returncode == 0
    assert machine.calls("sleep") == ["5", "10", "20", "40", "60", "60", "60"]
    assert machine.calls("cfn-signal") == [f"-e 0 {HERE}"]


def test_an_instance_that_cannot_become_a_machine_says_so_and_ends_itself(launch, machine):
    done = launch({"machine": 99}, patience=0)
    assert done.returncode == 1
    assert "cfn-init says why" in done.stderr
    assert machine.calls("cfn-signal") == [f"-e 1 {HERE}"]
    assert machine.calls("systemctl")[-1] == "poweroff"
    assert machine.calls("first-start") == []


def test_a_machine_that_has_its_files_fails_the_deploy_in_time_but_goes_on(launch, machine):
    assert launch({"software": 3}, patience=0).returncode == 0
    assert machine.calls("cfn-signal") == [f"-e 1 {HERE}"], "no success after a failure that was told"
    assert (machine.root / "reported").read_text() == "cfn-init says why\n"
    assert machine.calls("report-failure") == ["cfn-init software"]
    assert len(machine.calls("first-start")) == 1
    assert "poweroff" not in machine.calls("systemctl")


def test_what_is_only_better_with_it_decides_nothing(launch, machine):
    assert launch(EXTRAS="1").returncode == 0
    assert len(machine.calls("first-start")) == 1
    assert machine.calls("cfn-signal") == [f"-e 0 {HERE}"]


def test_a_first_start_that_fails_fails_the_deploy_at_once(launch, machine):
    launch(FIRST_START="3")
    assert machine.calls("cfn-signal") == [f"-e 3 {HERE}"]
    assert machine.calls("sleep") == []


def test_outside_a_deploy_nobody_waits_for_a_signal(launch, machine):
    machine.stub("cfn-signal", NOBODY_WAITS)
    assert "no deploy waits" in launch().stderr
    assert len(machine.calls("cfn-signal")) == 1


def test_a_signal_that_does_not_get_through_is_sent_again(launch, machine):
    machine.stub("cfn-signal", '(($(wc -l <"$HOME/cfn-signal.calls") > 3)) || { echo away; exit 1; }')
    launch()
    assert machine.calls("cfn-signal") == [f"-e 0 {HERE}"] * 4
