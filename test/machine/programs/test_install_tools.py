"""install-tools: nothing but the pinned bytes is ever installed."""

import bz2
import hashlib
import platform

import pytest

BUCKET = "openclaw-backup-dev-123456789012-me-central-1"
COMPOSE, RESTIC = b"#!/bin/sh\necho compose\n", b"#!/bin/sh\necho restic\n"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Site:
    """The projects' own download site: a directory that the curl stub serves."""

    def __init__(self, machine):
        self.machine = machine
        self.files = machine.root / "site"
        self.files.mkdir()
        self.sums = {}
        machine.stub(
            "curl",
            f'while (($# > 1)); do [[ $1 == --output ]] && out=$2; shift; done; cp "{self.files}/${{1##*/}}" "$out"',
        )

    def offer(self, name, data, pinned=None):
        (self.files / name).write_bytes(data)
        self.sums[name] = sha256(pinned or data)

    def cached(self, name):
        return self.machine.objects / BUCKET / "tools" / self.sums[name] / name

    def install(self, **env):
        arch = platform.machine()
        rows = [
            ("docker-compose", "5.6.0", arch, "https://site/compose", self.sums["compose"]),
            ("docker-compose", "5.6.0", "other", "https://site/nothing", "0" * 64),
            ("restic", "0.19.1", arch, "https://site/restic.bz2", self.sums["restic.bz2"]),
        ]
        table = self.machine.root / "tools.tsv"
        table.write_text("".join("\t".join(row) + "\n" for row in rows))
        root = str(self.machine.root / "root")
        return self.machine.run("install-tools", OPENCLAW_TOOLS_FILE=str(table), OPENCLAW_ROOT=root, **env)

    @property
    def compose(self):
        return self.machine.root / "root/usr/local/lib/docker/cli-plugins/docker-compose"

    @property
    def restic(self):
        return self.machine.root / "root/usr/local/bin/restic"


@pytest.fixture
def site(machine):
    site = Site(machine)
    site.offer("compose", COMPOSE)
    site.offer("restic.bz2", bz2.compress(RESTIC))
    return site


def test_the_first_boot_downloads_installs_and_keeps_copies(site):
    done = site.install()
    assert done.returncode == 0, done.stderr
    assert site.compose.read_bytes() == COMPOSE and site.restic.read_bytes() == RESTIC
    assert site.compose.stat().st_mode & 0o777 == 0o755
    assert site.cached("compose").read_bytes() == COMPOSE
    assert sha256(site.cached("restic.bz2").read_bytes()) == site.sums["restic.bz2"]


def test_a_replacement_takes_the_copies_and_not_the_site(site):
    for name in site.sums:
        site.cached(name).parent.mkdir(parents=True)
        site.cached(name).write_bytes((site.files / name).read_bytes())
    done = site.install()
    assert done.returncode == 0, done.stderr
    assert site.compose.read_bytes() == COMPOSE and site.restic.read_bytes() == RESTIC
    assert site.machine.calls("curl") == []


def test_a_second_run_asks_nobody(site):
    site.install()
    asked = len(site.machine.aws_state["calls"])
    site.machine.stub("curl", "exit 6")
    assert site.install().returncode == 0
    assert len(site.machine.aws_state["calls"]) == asked


def test_a_program_changed_on_the_disk_is_installed_anew(site):
    site.install()
    site.compose.write_bytes(b"changed")
    assert site.install().returncode == 0
    assert site.compose.read_bytes() == COMPOSE


def test_a_corrupted_copy_is_refused_and_replaced_from_the_site(site):
    site.cached("compose").parent.mkdir(parents=True)
    site.cached("compose").write_bytes(b"corrupted")
    done = site.install()
    assert done.returncode == 0
    assert f"refused the copy from s3://{BUCKET}/tools/" in done.stderr and sha256(b"corrupted") in done.stderr
    assert site.compose.read_bytes() == COMPOSE
    assert site.cached("compose").read_bytes() == COMPOSE


@pytest.mark.parametrize("served", [b"tampered", COMPOSE[:5], b""], ids=["tampered", "partial", "empty"])
def test_bytes_other_than_the_pinned_ones_are_never_installed_or_kept(site, served):
    site.offer("compose", served, pinned=COMPOSE)
    done = site.install()
    assert done.returncode == 1
    assert f"refused the copy from https://site/compose: its SHA-256 is {sha256(served)}" in done.stderr
    assert f"expected {sha256(COMPOSE)}" in done.stderr
    assert not site.compose.exists() and not site.cached("compose").exists()


def test_a_refused_download_leaves_the_installed_program_alone(site):
    site.install()
    site.cached("compose").unlink()
    site.offer("compose", b"tampered", pinned=b"next version")
    assert site.install().returncode == 1
    assert site.compose.read_bytes() == COMPOSE


def test_no_source_at_all_is_said_with_both_names(site):
    (site.files / "compose").unlink()
    done = site.install()
    assert done.returncode == 1
    assert "cannot get docker-compose 5.6.0" in done.stderr and "https://site/compose" in done.stderr


def test_a_bucket_that_takes_no_copy_does_not_stop_the_boot(site):
    site.machine.aws_state["fail"]["cp"] = ["AccessDenied", "*"]
    done = site.install()
    assert done.returncode == 0, done.stderr
    assert "could not keep a copy" in done.stderr


@pytest.mark.parametrize(("backup", "restic"), [("mirror", True), ("off", False)])
def test_restic_is_for_backups_of_either_engine(site, backup, restic):
    """A deployment that changed to the mirror starts from what restic kept."""
    assert site.install(BACKUP=backup).returncode == 0
    assert site.compose.exists() and site.restic.exists() is restic


def test_without_a_bucket_only_the_site_is_asked(site):
    assert site.install(BACKUP="off", STATE_BUCKET="").returncode == 0
    assert site.machine.aws_state["calls"] == []


def test_an_architecture_that_the_table_lacks_is_named(site):
    site.machine.stub("uname", "echo riscv64")
    done = site.install()
    assert done.returncode == 1 and "riscv64" in done.stderr
