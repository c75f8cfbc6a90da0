"""The drain with the real backup, and the word of the machine that follows: what a planned end promises."""

import json
import os
import subprocess

import pytest
from machine.forkserver import PYTHON
from machine.programs.imds import STATE as TARGET_STATE
from machine.programs.imds import Imds
from machine.state.support.machine import REPOSITORY, Machine
from machine.state.support.proxy import Fault

LIBEXEC = REPOSITORY / "assets/machine/usr/local/libexec/openclaw"
# The drain kills whatever holds the state directory: it gets namespaces of its own.
APART = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
USER = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]


@pytest.fixture
def imds():
    service = Imds()
    service.values["/latest/user-data"] = "# fingerprint: 1"
    # The group has decided already: there is nothing to wait for.
    service.values[TARGET_STATE] = "Terminated"
    yield service
    service.close()


@pytest.fixture
def run(imds, client, programs, library):
    topic = client("sns").create_topic(Name="alarms")["TopicArn"]

    def run(machine: Machine, program: str, apart=(), **environment: str) -> subprocess.CompletedProcess:
        """Runs a program on a machine of the state's tests, with this metadata service."""
        imds.values["instance-id"] = machine.instance
        machine.run.mkdir(parents=True, exist_ok=True)
        names = {
            "PATH": f"{machine.directory / 'bin'}:{programs}:{os.environ['PATH']}",
            "OPENCLAW_LIB": str(library),
            "OPENCLAW_LIBEXEC": str(LIBEXEC),
            "OPENCLAW_IMDS": imds.url,
            "OPENCLAW_RETRY_DELAY": "0.5",
            "GROUP_NAME": "openclaw-dev",
            "ALARM_TOPIC": topic,
        }
        return subprocess.run(
            [*apart, PYTHON, "-IB", LIBEXEC / program],
            env={**machine.environment, **names, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def drain(run):
    def drain(machine: Machine, **environment: str) -> dict:
        machine.run.mkdir(parents=True, exist_ok=True)
        told = {"reason": "interruption", "action": "terminate", "time": "2026-11-23T08:22:00Z"}
        (machine.run / "interruption.json").write_text(json.dumps(told))
        done = run(machine, "drain", [*APART, *USER], **{"OPENCLAW_DRAIN_SECONDS": "112", **environment})
        record = json.loads((machine.run / "drain.json").read_text())
        assert done.returncode == (0 if record["clean"] else 1), done.stderr
        return {**record, "log": done.stderr}

    return drain


def lease(deployment) -> dict:
    return json.loads(deployment.s3.get_object(Bucket=deployment.bucket, Key="lease.json")["Body"].read())


def replaced(machine: Machine) -> Machine:
    successor = machine.replaced()
    successor.boot()
    return successor


def test_a_drained_machine_loses_nothing_and_its_successor_says_so(living, drain, run):
    living.write("workspace/last.md", "written a moment before the notice")
    former = living.instance
    assert drain(living)["clean"]
    assert lease(living.deployment)["released"] is True
    successor = replaced(living)
    assert successor.path("workspace/last.md").read_text() == "written a moment before the notice"
    told = run(successor, "report-replacement").stderr
    assert "moved: interruption, clean" in told, told
    assert f'"from": "{former}"' in told


def test_a_second_machine_does_not_mistake_an_older_word_for_its_own(living, drain, run):
    drain(living)
    second = replaced(living)
    second.write("workspace/more.md", "more")
    second.backup()
    former = second.instance
    third = replaced(second)
    told = run(third, "report-replacement").stderr
    assert "moved: failure, not clean, at most" in told
    assert f'"from": "{former}"' in told


def test_the_word_of_a_reboot_is_not_taken_for_that_of_a_power_cut_after_it(living, drain, run):
    drain(living)
    (living.run / "drain.json").unlink()
    living.boot()
    run(living, "report-replacement")
    living.write("workspace/lost.md", "after the last backup")
    told = run(replaced(living), "report-replacement").stderr
    assert "moved: failure, not clean" in told


@pytest.mark.parametrize("status", [500, 503])
def test_an_outage_in_the_middle_of_a_drain_costs_time_and_no_state(living, drain, cloud, status):
    living.write("workspace/last.md", "last")
    bucket = living.deployment.bucket
    with cloud.playing(Fault(lambda request: bucket in request.path, status=status, times=6)) as fault:
        record = drain(living)
    assert record["clean"], record["log"]
    assert fault.played == 6
    assert replaced(living).path("workspace/last.md").exists()


def test_where_s3_stays_away_the_lease_is_kept_and_the_end_is_not_called_clean(living, drain, run, cloud):
    living.write("workspace/last.md", "last")
    bucket = living.deployment.bucket
    with cloud.playing(Fault(lambda request: bucket in request.path, status=503)):
        record = drain(living, OPENCLAW_DRAIN_SECONDS="30")
    assert record["clean"] is False
    assert lease(living.deployment)["released"] is False
    told = run(replaced(living), "report-replacement").stderr
    assert "not clean" in told


def test_a_machine_that_was_fenced_overwrites_nothing(living, drain):
    other = living.deployment.launch()
    living.deployment.ec2.stop_instances(InstanceIds=[living.instance])
    other.boot()
    other.write("workspace/theirs.md", "theirs")
    other.backup()
    before, stored = lease(living.deployment), set(living.deployment.stored())
    living.write("workspace/ours.md", "ours")
    assert drain(living)["clean"] is False
    assert lease(living.deployment) == before
    assert set(living.deployment.stored()) == stored
