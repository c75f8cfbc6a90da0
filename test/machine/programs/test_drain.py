"""drain with stub programs around it, in process and mount namespaces of its own (it kills what holds the state)."""

import hmac
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from machine.programs.imds import STATE

KEY = "k" * 43
ROOT = Path(__file__).parents[3] / "assets/machine"
PROGRAM = ROOT / "usr/local/libexec/openclaw/drain"
NAMESPACES = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
HOOK = "--lifecycle-hook-name drain --auto-scaling-group-name openclaw-dev --instance-id i-0aaaaaaaaaaaaaaa1"
COMPLETE = f"autoscaling complete-lifecycle-action --lifecycle-action-result CONTINUE {HOOK}"

# A process that has the state directory mounted where OpenClaw's containers have it; it ends on SIGTERM, or does not.
GATEWAY = """
mount -t tmpfs none /home && mkdir -p /home/node/.openclaw
unshare --mount sh -c 'mount -t tmpfs none /home/node/.openclaw; trap "" {ignored} INT; touch {up}; {body}' &
echo $! >{pid}
while [ ! -e {up} ]; do sleep 0.05; done
"""


class Machine:
    """Stubs write what they are asked to one file, in order; a file `<name>.sh` says what else they do."""

    def __init__(self, directory, imds, library):
        self.directory = directory
        self.library = library
        self.imds = imds
        self.run_directory = directory / "run"
        self.var = directory / "var"
        self.stubs = directory / "stubs"
        for path in (self.run_directory, self.var, self.stubs):
            path.mkdir()
        (self.var / "restored").write_text("{}")
        (self.var / "served").touch()
        (self.run_directory / "state-key").write_text(KEY)
        self.calls_file = directory / "calls"
        self.calls_file.touch()
        self.extra = {}
        self.gateway = ""
        for name in ("systemctl", "aws", "backup", "state"):
            self.stub(name, "")

    def stub(self, name, script):
        """Makes a stub that records its call, then runs a piece of shell with the call's arguments."""
        path = self.stubs / name
        path.write_text(f'#!/bin/bash\necho "{name} $*" >>{self.calls_file}\n{script}\n')
        path.chmod(0o755)

    def serve(self, obedient=True):
        """Runs a gateway, and has systemctl stop it."""
        pid, up = self.directory / "gateway.pid", self.directory / "gateway.up"
        self.gateway = GATEWAY.format(
            pid=pid, up=up, ignored="" if obedient else "TERM", body="while :; do sleep 0.1; done"
        )
        self.stub("systemctl", f'[[ "$*" != *"stop --no-block openclaw.service"* ]] || kill "$(<{pid})"')

    def tell(self, reason, **more):
        (self.run_directory / "interruption.json").write_text(json.dumps({"reason": reason, **more}))

    def drain(self):
        environment = {
            "PATH": f"{self.stubs}:{os.environ['PATH']}",
            "OPENCLAW_LIB": str(self.library),
            "OPENCLAW_LIBEXEC": str(self.stubs),
            "OPENCLAW_RUN": str(self.run_directory),
            "OPENCLAW_VAR": str(self.var),
            "OPENCLAW_IMDS": self.imds.url,
            "OPENCLAW_RETRY_DELAY": "0.1",
            "OPENCLAW_DRAIN_GRACE": "1",
            "BACKUP": "snapshots",
            "GROUP_NAME": "openclaw-dev",
            "STATE_BUCKET": "openclaw-backup-dev",
            "ACCOUNT_ID": "123456789012",
            "METRIC_NAMESPACE": "OpenClaw/dev",
            **self.extra,
        }
        script = f'{self.gateway}\nexec "$@"'
        users = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        return subprocess.run(
            [*NAMESPACES, *users, "sh", "-c", script, "sh", sys.executable, "-IB", PROGRAM],
            env=environment,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    def calls(self, *programs):
        lines = self.calls_file.read_text().splitlines()
        return [line.split(" ", 1)[1] for line in lines if line.split(" ", 1)[0] in programs]

    def order(self):
        """The programs that change something, in the order of their calls."""
        known = {
            "backup --final": "save",
            "state lease release": "release",
            "systemctl stop": "stop",
            "systemctl start": "start",
            "aws s3api put": "note",
        }
        known |= {"aws autoscaling complete-lifecycle-action": "complete", "aws cloudwatch": "metrics"}
        known |= {"aws autoscaling set-instance-health": "unhealthy"}
        lines = self.calls_file.read_text().splitlines()
        return [short for line in lines for long, short in known.items() if line.startswith(long)]

    def record(self):
        return json.loads((self.run_directory / "drain.json").read_text())


@pytest.fixture
def machine(tmp_path, imds, library):
    return Machine(tmp_path, imds, library)


def test_stops_saves_leaves_word_completes_then_reports(machine):
    machine.serve()
    machine.tell("termination")
    done = machine.drain()
    assert done.returncode == 0, done.stderr
    assert machine.order() == ["stop", "save", "note", "complete", "metrics"]
    record = machine.record()
    assert (record["state"], record["clean"], record["gateway"], record["reason"]) == (
        "drained",
        True,
        "stopped",
        "termination",
    )
    assert list(record["steps"]) == ["stop", "wait", "save", "note", "complete"]
    assert machine.calls("aws")[-2].startswith(COMPLETE)
    assert json.loads(done.stderr.splitlines()[-1].split(": ", 1)[1])["clean"] is True


def test_publishes_the_durations_and_whether_it_was_clean(machine):
    machine.drain()
    call = machine.calls("aws")[-1]
    assert "cloudwatch put-metric-data --namespace OpenClaw/dev" in call
    names = {datum["MetricName"] for datum in json.loads(call[call.index("[") : call.index("]") + 1])}
    assert names >= {"DrainClean", "DrainSeconds"}


def test_kills_a_gateway_that_ignores_the_stop_and_saves_afterwards(machine):
    machine.serve(obedient=False)
    machine.stub("backup", f"! grep -q /home/node /proc/$(<{machine.directory}/gateway.pid)/mountinfo")
    assert machine.drain().returncode == 0
    assert machine.record()["gateway"] == "killed"
    assert machine.order()[:3] == ["stop", "save", "note"]


def test_a_hanging_systemctl_does_not_hold_the_drain_up(machine):
    machine.serve(obedient=False)
    machine.stub("systemctl", '[[ $1 != stop ]] || { trap "" TERM; sleep 60; }')
    assert machine.drain().returncode == 0
    assert machine.record()["gateway"] == "killed"


def test_copies_the_live_state_while_the_gateway_takes_its_time(machine):
    machine.serve(obedient=False)
    machine.extra["OPENCLAW_DRAIN_BUSY_AFTER"] = "0.3"
    machine.drain()
    assert machine.calls("systemctl").count("start --no-block openclaw-backup.service") == 1
    assert machine.order()[:3] == ["stop", "start", "save"]


def test_waits_for_a_backup_that_is_running(machine):
    rounds = machine.directory / "rounds"
    machine.stub(
        "systemctl", f"[[ $1 != is-active ]] || {{ echo >>{rounds}; (( $(wc -l <{rounds}) > 3 )) || echo activating; }}"
    )
    assert machine.drain().returncode == 0
    assert machine.calls("systemctl").count("is-active openclaw-backup.service") == 4
    assert "stop openclaw-backup.service" not in machine.calls("systemctl")


def test_stops_a_running_backup_that_would_leave_no_time_for_the_final_one(machine):
    machine.stub("systemctl", "[[ $1 != is-active ]] || echo activating")
    machine.extra["OPENCLAW_DRAIN_SECONDS"] = "20"
    assert machine.drain().returncode == 0
    assert machine.order()[:4] == ["stop", "stop", "save", "note"]
    assert "stop openclaw-backup.service" in machine.calls("systemctl")


def test_tries_the_final_backup_again(machine):
    failed = machine.directory / "failed"
    machine.stub("backup", f"[[ -e {failed} ]] || {{ touch {failed}; exit 1; }}")
    assert machine.drain().returncode == 0
    assert machine.record()["again"] is False
    assert machine.order() == ["stop", "save", "save", "note", "metrics"]


def test_a_backup_that_hangs_is_dead_when_the_drain_is_over(machine):
    pid, alive = machine.directory / "pid", machine.directory / "alive"
    machine.stub("backup", f"echo $$ >{pid}; trap '' TERM; while :; do sleep 0.1; done")
    machine.stub("aws", f"[[ $1 != cloudwatch ]] || ! kill -0 $(<{pid}) || touch {alive}")
    machine.extra["OPENCLAW_DRAIN_SECONDS"] = "13"
    assert machine.drain().returncode == 1
    assert pid.exists()
    assert not alive.exists()


@pytest.mark.parametrize("script", ["exit 1", "trap '' TERM; sleep 60"], ids=["fails", "hangs"])
def test_the_lifecycle_action_is_not_completed_while_the_state_is_not_safe(machine, script):
    machine.tell("termination")
    machine.stub("backup", script)
    machine.extra["OPENCLAW_DRAIN_SECONDS"] = "14"
    assert machine.drain().returncode == 1
    assert set(machine.order()) == {"stop", "save", "note", "metrics"}
    assert machine.record()["clean"] is False
    assert '"MetricName": "DrainClean", "Value": 0' in machine.calls("aws")[-1]


def test_what_was_refused_and_set_aside_is_safe_though_not_clean(machine):
    machine.tell("termination")
    machine.stub("backup", "exit 79")
    assert machine.drain().returncode == 1
    assert machine.order() == ["stop", "save", "note", "complete", "metrics"]
    assert (machine.record()["clean"], machine.record()["set_aside"], machine.record()["again"]) == (False, True, False)
    before = machine.order()
    assert machine.drain().returncode == 0
    assert machine.order() == before


def test_a_notice_while_the_group_waits_leaves_less_time(machine):
    machine.tell("termination")
    notice = json.dumps({"reason": "interruption", "action": "terminate", "time": "2026-11-23T08:22:00Z"})
    machine.stub("backup", f"echo '{notice}' >{machine.run_directory}/interruption.json; exit 1")
    machine.extra["OPENCLAW_RETRY_DELAY"] = "31"
    assert machine.drain().returncode == 1
    # Of the 40 s that a notice leaves at least, 10 are kept, and no other try fits into the rest.
    assert machine.order()[:3] == ["stop", "save", "note"]
    assert machine.record()["reason"] == "interruption"


def test_a_late_notice_leaves_the_final_backup_its_time(machine):
    machine.serve(obedient=False)
    machine.extra |= {"OPENCLAW_DRAIN_SECONDS": "10", "OPENCLAW_DRAIN_GRACE": "24"}
    machine.stub("backup", "sleep 4")
    assert machine.drain().returncode == 0
    assert machine.record()["steps"]["stop"] < 3.5


@pytest.mark.parametrize(("status", "after"), [(76, ["note"]), (77, []), (78, ["note"])])
def test_does_not_insist_where_the_backup_is_refused(machine, status, after):
    """A fenced machine leaves the next one no word either: that place is the writer's."""
    machine.stub("backup", f"exit {status}")
    assert machine.drain().returncode == 1
    assert machine.order() == ["stop", "save", *after, "metrics"]


def test_leaves_word_for_the_next_machine(machine):
    machine.imds.values[STATE] = "Terminated"
    machine.tell("interruption", action="terminate", time="2026-11-23T08:22:00Z")
    machine.imds.values["/latest/user-data"] = "# fingerprint: 1"
    (machine.var / "last-good.json").write_text(json.dumps({"generation": 3, "sequence": 7, "at": 1.5, "files": 9}))
    machine.stub("aws", f'[[ $1 != s3api ]] || cp "${{10}}" {machine.directory}/note')
    machine.drain()
    named = "--bucket openclaw-backup-dev --key handover.json --expected-bucket-owner 123456789012 --body"
    assert machine.calls("aws")[0].startswith(f"s3api put-object {named}")
    note = json.loads((machine.directory / "note").read_text())
    signed = json.dumps(
        {name: note[name] for name in sorted(note) if name != "hmac"}, separators=(",", ":"), sort_keys=True
    )
    assert note["hmac"] == hmac.new(KEY.encode(), b"handover\0\0" + signed.encode(), "sha256").hexdigest()
    assert note["last_backup"] == {"generation": 3, "sequence": 7, "at": 1.5}
    assert (note["instance"], note["reason"], note["clean"]) == ("i-0aaaaaaaaaaaaaaa1", "interruption", True)
    assert len(note["deployment"]) == 16


def test_without_its_key_a_machine_leaves_no_word_and_ends_well(machine):
    machine.tell("termination")
    (machine.run_directory / "state-key").unlink()
    assert machine.drain().returncode == 0
    assert machine.order() == ["stop", "save", "complete", "metrics"]


def test_a_drain_for_another_machine_of_the_group_has_its_own_reason(machine):
    """A machine that was drained by hand is left alone, and one that another asked for is not."""
    asked = {"reason": "handover", "for": "i-0bbbbbbbbbbbbbbb2"}
    (machine.run_directory / "handover-asked.json").write_text(json.dumps(asked))
    machine.drain()
    assert (machine.record()["reason"], machine.record()["for"]) == ("handover", "i-0bbbbbbbbbbbbbbb2")


def test_a_bucket_that_takes_no_word_does_not_hold_the_group_up(machine):
    machine.tell("termination")
    machine.stub("aws", "[[ $1 != s3api ]]")
    assert machine.drain().returncode == 0
    assert machine.order() == ["stop", "save", "note", "complete", "metrics"]


def test_knows_that_the_group_was_told_of_its_illness(machine):
    machine.tell("termination")
    (machine.run_directory / "unhealthy").touch()
    machine.drain()
    assert machine.record()["because"] == "unhealthy"


def test_a_machine_on_which_nothing_happened_leaves_the_record_of_the_last_one(machine):
    (machine.var / "served").unlink()
    machine.tell("termination")
    assert machine.drain().returncode == 0
    assert machine.order() == ["stop", "save", "complete", "metrics"]
    assert "skipped" not in machine.record()


def test_a_machine_on_which_openclaw_stayed_stopped_leaves_word(machine):
    (machine.var / "served").unlink()
    (machine.var / "stopped").touch()
    machine.tell("termination")
    assert machine.drain().returncode == 0
    assert machine.order() == ["stop", "save", "note", "complete", "metrics"]
    assert machine.record()["clean"]


def test_a_machine_that_never_served_is_not_clean_where_something_was_written(machine):
    (machine.var / "served").unlink()
    machine.tell("termination")
    machine.stub("backup", "exit 79")
    assert machine.drain().returncode == 1
    record = machine.record()
    assert (record["clean"], record["skipped"], record["set_aside"]) == (False, "never served", True)
    # It is safe, so that the group may go on; and the next machine tells of it.
    assert machine.order() == ["stop", "save", "note", "complete", "metrics"]
    data = json.loads(re.search(r"\[.*\]", machine.calls("aws")[-1])[0])
    assert [one["Value"] for one in data if one["MetricName"] == "DrainClean"] == [0]


def test_without_backups_there_is_nothing_to_save(machine):
    machine.tell("termination")
    machine.extra["BACKUP"] = "off"
    assert machine.drain().returncode == 0
    assert machine.order() == ["stop", "complete", "metrics"]


class TestBeforeTheStateIsRestored:
    """The machine may hold the lease by then, on which it has saved nothing."""

    @pytest.fixture(autouse=True)
    def unrestored(self, machine):
        (machine.var / "restored").unlink()
        machine.tell("termination")

    @pytest.mark.parametrize("status", [0, 77], ids=["given back", "held none"])
    def test_it_gives_the_lease_back_once_no_boot_can_take_it_again(self, machine, status):
        machine.stub("state", f"exit {status}")
        assert machine.drain().returncode == 0
        assert machine.order() == ["stop", "stop", "release", "complete", "metrics"]
        assert machine.calls("systemctl")[-1] == "stop openclaw-restore.service"

    def test_it_tries_again(self, machine):
        failed = machine.directory / "failed"
        machine.stub("state", f"[[ -e {failed} ]] || {{ touch {failed}; exit 1; }}")
        assert machine.drain().returncode == 0
        assert machine.order() == ["stop", "stop", "release", "release", "complete", "metrics"]

    def test_what_is_restored_while_the_boot_is_stopped_is_saved(self, machine):
        machine.stub("systemctl", f"[[ $* != *openclaw-restore.service ]] || touch {machine.var}/restored")
        assert machine.drain().returncode == 0
        assert machine.order() == ["stop", "stop", "save", "note", "complete", "metrics"]


@pytest.mark.parametrize("reason", ["operator", "termination"])
def test_a_second_run_does_nothing(machine, reason):
    machine.tell(reason)
    machine.drain()
    before = machine.order()
    done = machine.drain()
    assert done.returncode == 0
    assert machine.order() == before


def test_a_machine_drained_by_hand_does_not_keep_the_group_waiting_later(machine):
    machine.drain()
    machine.tell("termination")
    assert machine.drain().returncode == 0
    assert machine.order() == ["stop", "save", "note", "metrics", "complete"]
    assert machine.calls("aws")[-1].startswith(COMPLETE)


def test_a_run_after_one_that_failed_does_it_all(machine):
    machine.stub("backup", "exit 78")
    assert machine.drain().returncode == 1
    machine.stub("backup", "")
    assert machine.drain().returncode == 0
    assert machine.order()[-4:] == ["stop", "save", "note", "metrics"]


def test_marks_the_machine_before_anything_else(machine):
    machine.stub("systemctl", f"cat {machine.run_directory}/drain.json >>{machine.directory}/seen")
    machine.drain()
    assert json.loads((machine.directory / "seen").read_text().split("}{")[0].rstrip("}") + "}}")["state"] == "draining"


def test_saves_even_if_it_cannot_mark_the_machine(machine):
    (machine.run_directory / "state-key").unlink()
    machine.run_directory.rmdir()
    assert machine.drain().returncode == 0
    assert machine.order() == ["stop", "save", "metrics"]


def test_keeps_the_group_waiting_while_it_works(machine):
    machine.tell("termination")
    machine.extra["OPENCLAW_DRAIN_HEARTBEAT"] = "0.2"
    machine.stub("backup", "sleep 1.5")
    assert machine.drain().returncode == 0
    beats = [call for call in machine.calls("aws") if "record-lifecycle-action-heartbeat" in call]
    assert beats
    assert HOOK in beats[0]


def test_the_next_machine_boots_while_this_one_drains(machine):
    machine.tell("interruption", action="terminate", time="2026-11-23T08:22:00Z")
    state = machine.directory / "state"
    machine.stub("aws", f"[[ $2 != set-instance-health ]] || echo Terminated >{state}")
    machine.stub("backup", f"for _ in {{1..100}}; do [[ -e {state} ]] && exit; sleep 0.1; done; exit 78")
    machine.imds.follow(STATE, state)
    assert machine.drain().returncode == 0
    assert [step for step in machine.order() if step != "unhealthy"] == ["stop", "save", "note", "complete", "metrics"]
    (call,) = [call for call in machine.calls("aws") if "set-instance-health" in call]
    assert "--instance-id i-0aaaaaaaaaaaaaaa1 --health-status Unhealthy --no-should-respect-grace-period" in call


def test_a_group_that_does_not_listen_is_not_waited_for_beyond_the_notice(machine):
    machine.tell("interruption", action="terminate", time="2026-11-23T08:22:00Z")
    machine.extra["OPENCLAW_DRAIN_SECONDS"] = "14"
    assert machine.drain().returncode == 0
    assert [step for step in machine.order() if step != "unhealthy"] == ["stop", "save", "note", "metrics"]


@pytest.mark.parametrize("reason", ["operator", "reboot"])
def test_does_not_ask_for_another_machine_where_this_one_stays(machine, reason):
    machine.tell(reason)
    assert machine.drain().returncode == 0
    assert machine.order() == ["stop", "save", "note", "metrics"]


def test_completes_where_the_group_has_decided_meanwhile(machine):
    machine.tell("interruption", action="terminate", time="2026-11-23T08:22:00Z")
    machine.imds.values[STATE] = "Terminated"
    machine.drain()
    assert machine.order() == ["stop", "save", "note", "complete", "metrics"]
    assert machine.calls("aws")[-2].startswith(COMPLETE)


@pytest.mark.parametrize(
    ("state", "running", "jobs", "reason"),
    [
        ("Terminated", "running", "", "termination"),
        ("InService", "running", "", "operator"),
        ("InService", "stopping", "12 reboot.target start waiting", "reboot"),
        ("InService", "stopping", "12 poweroff.target start waiting", "shutdown"),
    ],
)
def test_finds_out_why_when_nobody_told(machine, state, running, jobs, reason):
    machine.imds.values[STATE] = state
    machine.stub("systemctl", f'case $1 in is-system-running) echo {running};; list-jobs) echo "{jobs}";; esac')
    machine.drain()
    assert machine.record()["reason"] == reason


def test_goes_on_without_a_metadata_service(machine):
    machine.imds.fault = lambda _path, _count: "drop"
    assert machine.drain().returncode == 0
    assert machine.record()["reason"] == "operator"
