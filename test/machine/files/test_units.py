"""The units as systemd itself reads them, and the promises that their order keeps."""

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from machine.conftest import ASSETS, LIBEXEC

UNITS = ASSETS / "etc/systemd/system"
NAMES = sorted(path.name for path in UNITS.iterdir() if path.is_file())
SERVICES = [name for name in NAMES if name.endswith(".service")]
# systemd's exposure level, 0 (closed) to 10 (open). What is above 3 says in its unit why it cannot be closed further.
MOST_EXPOSED = 3.0
EXPOSURE = {
    "openclaw-cloudwatch.service": 5.7,
    "openclaw-drain.service": 3.2,
    "openclaw-extras.service": 6.6,
    "openclaw-swap.service": 4.6,
}
# The units that other packages bring: systemd-analyze only has to find them.
FOREIGN = ["docker.service", "containerd.service", "amazon-cloudwatch-agent.service", "amazon-ssm-agent.service"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A root directory with our files, the names of the programs our units run, and the units that others bring."""
    root = tmp_path_factory.mktemp("root")
    shutil.copytree(ASSETS, root, dirs_exist_ok=True)
    vendor = root / "usr/lib/systemd/system"
    vendor.mkdir(parents=True)
    for target in Path("/lib/systemd/system").glob("*.target"):
        shutil.copy(target, vendor)
    for name in FOREIGN:
        (vendor / name).write_text("[Unit]\nDescription=foreign\n[Service]\nExecStart=/usr/bin/docker\n")
    for program in ("bin/sh", "usr/bin/bash", "usr/bin/docker", "usr/bin/systemctl", "usr/bin/true"):
        (root / program).parent.mkdir(parents=True, exist_ok=True)
        (root / program).write_text("#!/bin/sh\n")
        (root / program).chmod(0o755)
    return root


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", NAMES)
def test_systemd_has_nothing_to_say_about_a_unit(root, name):
    # It returns 0 for an unknown key and only says so: anything said is a failure.
    done = analyze(f"--root={root}", "--man=no", "verify", name)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_no_more_exposed_than_it_must_be(root, name):
    threshold = round(EXPOSURE.get(name, MOST_EXPOSED) * 10)
    done = analyze(f"--root={root}", "security", "--offline=true", f"--threshold={threshold}", name)
    assert done.returncode == 0, done.stdout.splitlines()[-1]


@pytest.mark.parametrize("name", NAMES)
def test_a_unit_says_what_it_is_for(name):
    text = (UNITS / name).read_text()
    assert text.startswith("# ")
    assert re.search(r"^Documentation=\S", text, re.MULTILINE)


def settings(name):
    """All values of a unit file by key, in order; a key may stand several times."""
    values = {}
    for line in (UNITS / name).read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            values.setdefault(key, []).append(value)
    return values


def words(name, key):
    return " ".join(settings(name).get(key, [])).split()


NEEDED = ["docker", *(f"openclaw-{name}" for name in ("firewall", "image", "restore", "secrets", "tools"))]


class TestTheLookAtTheLease:
    NAME = "openclaw-lease.service"

    @pytest.mark.parametrize(
        ("state", "looks"),
        [("active", True), ("activating", True), ("deactivating", False), ("inactive", False), ("failed", False)],
    )
    def test_is_made_as_long_as_the_gateway_runs_or_starts(self, state, looks, tmp_path):
        (tmp_path / "systemctl").write_text(
            f'#!/bin/sh\n[ "$*" = "is-active openclaw.service" ] && echo {state}\nexit 3\n'
        )
        (tmp_path / "systemctl").chmod(0o755)
        [condition] = settings(self.NAME)["ExecCondition"]
        # As systemd reads it: a dollar sign stands twice.
        command = shlex.split(condition.replace("$$", "$"))
        path = f"{tmp_path}:{os.environ['PATH']}"
        assert (subprocess.run(command, env={"PATH": path}, check=False).returncode == 0) == looks

    def test_does_not_wait_for_the_end_of_its_start(self):
        assert "openclaw.service" not in words(self.NAME, "After")


class TestTheGateway:
    NAME = "openclaw.service"

    @pytest.mark.parametrize("needed", NEEDED)
    def test_never_starts_without(self, needed):
        needed += ".service"
        assert needed in words(self.NAME, "Requires") and needed in words(self.NAME, "After")

    def test_a_restart_never_pulls_but_fetches_the_secrets_again(self):
        assert settings("openclaw-image.service")["RemainAfterExit"] == ["yes"]
        assert "RemainAfterExit" not in settings("openclaw-secrets.service")
        assert "pull_policy: never" in (ASSETS / "opt/openclaw/docker-compose.yaml").read_text()
        assert settings(self.NAME)["ExecStart"] == ["/usr/local/libexec/openclaw/start-gateway"]
        start = (LIBEXEC / "start-gateway").read_text()
        assert "--force-recreate" in start and "--pull" not in start

    @pytest.mark.parametrize("extra", ["cloudwatch", "extras", "swap"])
    def test_never_needs_what_it_is_only_better_with(self, extra):
        needed = ("Requires", "Requisite", "BindsTo", "PartOf")
        assert f"openclaw-{extra}.service" not in [word for key in needed for word in words(self.NAME, key)]

    def test_a_boot_starts_all_that_it_needs_though_it_stays_stopped_itself(self):
        assert settings(self.NAME)["ExecCondition"] == ["/usr/local/libexec/openclaw/stay-stopped"]
        assert not [key for key in settings(self.NAME) if key.startswith("Condition")]
        # While it waits for its next try, a stop runs no post-stop.
        assert int(settings(self.NAME)["RestartSec"][0]) <= 1

    def test_is_active_only_when_ready(self):
        assert settings(self.NAME)["ExecStartPost"] == ["/usr/local/libexec/openclaw/wait-ready"]

    def test_a_starting_gateway_is_given_the_time_that_a_stale_lease_costs(self):
        ready = int(re.search(r"OPENCLAW_READY_TIMEOUT:-(\d+)", (LIBEXEC / "wait-ready").read_text())[1])
        assert 330 <= ready < int(settings(self.NAME)["TimeoutStartSec"][0])

    def test_its_stop_fits_into_a_spot_notice(self):
        assert int(settings(self.NAME)["TimeoutStopSec"][0]) <= 60

    def test_a_refusal_is_final_and_a_crash_is_not(self):
        assert settings(self.NAME)["RestartPreventExitStatus"] == ["78"]
        assert settings(self.NAME)["Restart"] == ["always"]

    def test_a_start_is_never_refused_for_its_number(self):
        assert settings(self.NAME)["StartLimitIntervalSec"] == ["0"]
        # The pause of one that crashes has to end before systemd ends it, and its failure is no reason not to start.
        pause = int(re.search(r"OPENCLAW_CRASH_WINDOW:-(\d+)", (LIBEXEC / "pause-restart").read_text())[1])
        assert pause < int(settings(self.NAME)["TimeoutStartSec"][0])
        assert settings(self.NAME)["ExecStartPre"] == ["-/usr/local/libexec/openclaw/pause-restart"]


@pytest.mark.parametrize("other", ["openclaw.service", "openclaw-backup.service", "openclaw-drill.service"])
def test_the_drain_has_no_order_with_what_it_starts_or_stops(other):
    # systemd has a stop wait for the stop of what comes after, and a start for every stop it is ordered with.
    drain = "openclaw-drain.service"
    assert other not in words(drain, "After") + words(drain, "Before")
    assert drain not in words(other, "After") + words(other, "Before")


def test_openclaw_is_down_where_its_end_is_not_prepared():
    assert "BindsTo=openclaw-drain.service" in (UNITS / "openclaw.service.d/drain.conf").read_text().splitlines()


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".timer")])
def test_a_timer_never_pulls_its_service_in(name):
    # A timer that Requires= its service starts it with itself: a backup before the restore.
    service = name.replace(".timer", ".service")
    assert service not in words(name, "Requires") + words(name, "Wants") + words(name, "BindsTo")


@pytest.mark.parametrize(
    ("daemon", "mount", "where"),
    [
        ("docker", "var-lib-docker-containers.mount", "/var/lib/docker/containers"),
        (
            "containerd",
            "var-lib-containerd-io.containerd.metadata.v1.bolt.mount",
            "/var/lib/containerd/io.containerd.metadata.v1.bolt",
        ),
    ],
)
def test_what_a_daemon_keeps_of_the_environment_is_in_memory(daemon, mount, where):
    drop_in = (UNITS / f"{daemon}.service.d/openclaw.conf").read_text()
    assert f"Requires={mount}" in drop_in and f"After={mount}" in drop_in
    assert settings(mount)["Where"] == [where] and settings(mount)["Type"] == ["tmpfs"]
    assert f"{daemon}.service" in words(mount, "Before")


@pytest.mark.parametrize(
    ("name", "most"), [("drain", -900), ("interruption", -900), ("backup", -500)], ids=["drain", "watcher", "backup"]
)
def test_the_kernel_takes_the_container_before_what_saves_its_state(name, most):
    assert int(settings(f"openclaw-{name}.service")["OOMScoreAdjust"][0]) <= most


def test_a_crash_leaves_no_dump_of_memory():
    # The kernel pipes a dump to systemd-coredump at any limit but one byte.
    assert "DefaultLimitCORE=1" in (ASSETS / "etc/systemd/system.conf.d/openclaw.conf").read_text().splitlines()
    for daemon in ("docker", "containerd"):
        assert "LimitCORE=1" in (UNITS / f"{daemon}.service.d/openclaw.conf").read_text().splitlines()
    coredump = (ASSETS / "etc/systemd/coredump.conf.d/openclaw.conf").read_text().splitlines()
    assert {"Storage=none", "ProcessSizeMax=0"} <= set(coredump)
    overriding = [name for name in SERVICES if "LimitCORE" in settings(name)]
    assert overriding == []


def test_docker_keeps_images_where_the_mounts_are_not_and_logs_within_bounds():
    daemon = json.loads((ASSETS / "etc/docker/daemon.json").read_text())
    assert daemon["features"] == {"containerd-snapshotter": False}
    assert daemon["log-opts"] == {"max-size": "1m", "max-file": "2"}


def test_the_journal_is_bounded():
    journald = configparser.ConfigParser()
    journald.optionxform = str
    journald.read(ASSETS / "etc/systemd/journald.conf.d/openclaw.conf")
    assert dict(journald["Journal"])["SystemMaxUse"] == "500M"


@pytest.mark.parametrize("name", ["image", "restore", "secrets", "tools"])
def test_an_outage_at_boot_ends_with_openclaw_started(name):
    # systemd forgets a start that failed for a dependency, so each one that an outage can fail asks for it anew.
    unit = f"openclaw-{name}.service"
    assert settings(unit)["Restart"] == ["on-failure"] and settings(unit)["StartLimitIntervalSec"] == ["0"]
    assert "-/usr/local/libexec/openclaw/request-gateway-start" in settings(unit)["ExecStartPost"]


def test_a_foreign_rule_that_fails_does_not_fail_our_directories(tmp_path):
    # cfn-init's first step makes them, and ends with the first command that fails.
    rules = tmp_path / "etc/tmpfiles.d"
    rules.mkdir(parents=True)
    owner = f"{os.getuid()} {os.getgid()}"
    ours = (ASSETS / "etc/tmpfiles.d/openclaw.conf").read_text()
    (rules / "openclaw.conf").write_text(re.sub(r"root root|1000 1000", owner, ours))
    (rules / "foreign.conf").write_text("d /srv/data 0755 nobody-has-this-name - -\n")

    def create(*names: str) -> int:
        command = ["systemd-tmpfiles", f"--root={tmp_path}", "--create", *names]
        return subprocess.run(command, capture_output=True, check=False).returncode

    assert create() != 0, "the foreign rule is no trap"
    assert create("openclaw.conf") == 0
    assert (tmp_path / "var/lib/openclaw").is_dir()
