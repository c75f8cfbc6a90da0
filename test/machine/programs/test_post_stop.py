"""post-stop, stay-stopped and pause-restart: what an end of the gateway means, and when the next start is due."""

import re
import time

import pytest

OLDER = (
    "Refusing to start the gateway service because this OpenClaw binary (2026.9.5) is older than the config last "
    "written by OpenClaw 2026.9.6."
)


@pytest.fixture
def stop(machine):
    """An end with an exit status; `job` is what systemd was asked for, `said` the gateway's last lines."""
    machine.stub(
        "docker",
        'case "$1" in logs) printf "%s\\n" "$SAID" ;; events) printf "$KILLS" ;; compose) exit "${DOWN:-0}" ;; esac',
    )
    machine.stub(
        "systemctl",
        "case $1 in\n"
        'list-jobs) [[ -z $JOB ]] || printf "%s\\n" "7 openclaw.service $JOB running" "8 other.timer stop waiting"\n'
        '[[ -z $OTHER ]] || echo "9 $OTHER waiting" ;;\n'
        "is-system-running) echo $SYSTEM ;;\n"
        'show) printf "%s\\n" "docker.service openclaw-restore.service" "openclaw-drain.service" ;;\n'
        "esac",
    )

    def stop(status, *, job="", said="", kills="", other="", system="running", **env):
        given = {"JOB": job, "OTHER": other, "SYSTEM": system, "SAID": said, "KILLS": kills}
        return machine.run("post-stop", EXIT_STATUS=str(status), **given, **env)

    return stop


@pytest.mark.parametrize("status", [0, 1, 78, 137, "KILL"])
@pytest.mark.parametrize("job", ["", "stop"])
def test_takes_the_containers_down(stop, machine, status, job):
    stop(status, job=job)
    assert machine.calls("docker")[-1] == "compose down --timeout 25"


@pytest.mark.parametrize("status", [1, 137, 143, "KILL"])
def test_an_end_that_nobody_asked_for_is_a_failure(stop, status):
    assert stop(status).returncode == 1
    # A start that fails is no order to stop.
    assert stop(status, job="start").returncode == 1


@pytest.mark.parametrize("job", ["stop", "restart", "try-restart"])
@pytest.mark.parametrize("status", [0, 130, 137, 143])
def test_an_ordered_end_is_none(stop, status, job):
    assert stop(status, job=job).returncode == 0


def test_a_gateway_that_ends_itself_to_start_anew_has_not_crashed(stop, machine):
    assert stop(0).returncode == 0
    assert not (machine.run_dir / "crashes").exists()


def test_a_refusal_names_the_command_to_run(stop, machine):
    done = stop(78)
    assert "exit status 78" in done.stderr and "sudo systemctl start openclaw.service" in done.stderr
    assert "openclaw doctor --fix" in done.stderr
    assert not (machine.run_dir / "crashes").exists(), "it is not started again by itself"


def test_a_second_process_on_the_state_is_told_from_a_refusal(stop):
    said = "StateDatabaseCoordinatorContentionError: another OpenClaw process owns gateway-lifecycle …"
    done = stop(78, said=said)
    assert "another OpenClaw process uses this state" in done.stderr and "doctor" not in done.stderr


def test_an_older_release_on_newer_data_is_told_as_that(stop):
    done = stop(1, said=f"[gateway] {OLDER}")
    assert "OpenClaw 2026.9.5 is older than the configuration, which OpenClaw 2026.9.6 wrote last" in done.stderr
    assert "older" not in stop(1, said="some other fault").stderr
    assert "older" not in stop(0, said=OLDER).stderr


def test_what_the_container_says_is_printed_only_as_far_as_it_is_a_version(stop):
    forged = OLDER.replace("2026.9.5", "2026\x1b[2J")
    assert "\x1b" not in stop(1, said=forged).stderr


def test_a_kill_for_memory_is_said_and_counted(stop, machine):
    done = stop(137, kills=".\\n")
    assert done.returncode == 1 and "killed for memory in OpenClaw's container: 1;" in done.stderr
    assert machine.aws_state["metrics"] == [["KilledForMemory", "1"]]


def test_the_end_of_compose_itself_for_memory_too(stop, machine):
    assert "Docker Compose itself was killed for memory" in stop("KILL", SERVICE_RESULT="oom-kill").stderr
    assert machine.aws_state["metrics"] == [["KilledForMemory", "1"]]


TOLD = "restart --no-block openclaw-stopped.service"


@pytest.mark.parametrize("status", [0, 1, 137, 143])
def test_a_stop_by_hand_is_noted_and_the_bucket_is_told(stop, machine, status):
    done = stop(status, job="stop")
    assert "stays so over reboots and replacements" in done.stderr
    assert re.fullmatch(r"\d{4}(-\d\d){2}T\d\d:\d\d:\d\dZ\n", (machine.var / "stopped").read_text())
    assert (machine.run_dir / "stopped").exists()
    assert TOLD in machine.calls("systemctl")


@pytest.mark.parametrize(
    "end",
    [
        {"status": 1},
        {"status": 78},
        {"status": "KILL"},
        {"status": 0},
        {"status": 1, "job": "start"},
        {"job": "restart"},
        {"job": "try-restart"},
        {"job": "stop", "system": "stopping"},
        {"job": "stop", "other": "docker.service stop"},
        {"job": "restart", "other": "docker.service restart"},
        {"job": "stop", "other": "openclaw-drain.service stop"},
        {"job": "stop", "other": "openclaw-restore.service restart"},
        {"job": "stop", "note": "run/drain.json"},
        {"job": "stop", "note": "run/restoring"},
        {"job": "stop", "note": "var/fenced"},
    ],
    ids=str,
)
def test_no_other_end_is_taken_for_one(stop, machine, end):
    note = end.pop("note", None)
    if note:
        (machine.root / note).write_text("{}")
    stop(**{"status": 0, **end})
    assert not (machine.var / "stopped").exists()
    assert TOLD not in machine.calls("systemctl")


class TestStayStopped:
    @pytest.fixture
    def start(self, machine):
        machine.stub("systemctl", "")
        return lambda: machine.run("stay-stopped")

    def test_a_start_goes_on_where_nobody_has_stopped_it(self, start, machine):
        (machine.run_dir / "restoring").touch()
        assert (start().returncode, start().stderr) == (0, "")
        assert machine.calls("systemctl") == []
        assert not (machine.run_dir / "restoring").exists(), "a later stop is no restore's"

    def test_a_boot_leaves_it_stopped_and_a_person_starts_it(self, start, machine):
        (machine.var / "stopped").write_text("2026-11-20T14:00:00Z\n")
        boot = start()
        assert boot.returncode == 1
        assert "was stopped by hand (2026-11-20T14:00:00Z)" in boot.stderr
        assert (machine.var / "stopped").exists() and machine.calls("systemctl") == []
        assert start().returncode == 0
        assert not (machine.var / "stopped").exists() and not (machine.run_dir / "stopped").exists()
        assert machine.calls("systemctl") == [TOLD]
        assert start().returncode == 0

    def test_the_boot_that_has_seen_the_stop_can_start_it_at_once(self, start, machine, stop):
        stop(0, job="stop")
        assert start().returncode == 0
        assert not (machine.var / "stopped").exists()

    def test_each_boot_leaves_it_stopped(self, start, machine):
        (machine.var / "stopped").write_text("\n")
        for _ in range(2):
            assert start().returncode == 1
            (machine.run_dir / "stopped").unlink()

    def test_a_start_happens_though_the_bucket_cannot_be_told_now(self, start, machine):
        machine.stub("systemctl", "exit 1")
        for note in (machine.var / "stopped", machine.run_dir / "stopped"):
            note.touch()
        assert start().returncode == 0


@pytest.fixture
def pause(machine):
    machine.stub("sleep", "")

    def pause(**env):
        (machine.root / "sleep.calls").unlink(missing_ok=True)
        done = machine.run("pause-restart", **env)
        assert done.returncode == 0, done.stderr
        return [int(call) for call in machine.calls("sleep")]

    return pause


def test_a_crash_is_started_again_after_a_moment(stop, pause, machine):
    assert pause() == []
    stop(1)
    (slept,) = pause()
    assert 10 <= slept <= 20
    # Two that are further apart are as one.
    now = int(time.time())
    (machine.run_dir / "crashes").write_text(f"{now - 290}\n{now - 5}\n")
    (slept,) = pause()
    assert 10 <= slept <= 15


def test_no_third_start_within_five_minutes_of_two_crashes(stop, pause, machine):
    now = int(time.time())
    (machine.run_dir / "crashes").write_text(f"{now - 90}\n")
    stop(1)
    (slept,) = pause()
    assert 200 <= slept <= 210
    (machine.run_dir / "crashes").write_text(f"{now - 301}\n{now - 30}\n")
    assert pause() == []


@pytest.mark.parametrize("job", ["stop", "restart"])
def test_a_start_that_a_person_asks_for_never_waits(stop, pause, job):
    for _ in range(8):
        stop(1)
    assert pause() != []
    stop(143, job=job)
    assert pause() == []


def test_a_clock_that_was_set_back_makes_no_endless_pause(pause, machine):
    later = int(time.time()) + 10**6
    (machine.run_dir / "crashes").write_text(f"{later}\n{later}\n")
    assert pause() == [300]


def test_only_the_last_two_crashes_are_kept(stop, machine):
    for _ in range(5):
        stop(1)
    assert len((machine.run_dir / "crashes").read_text().splitlines()) == 2
