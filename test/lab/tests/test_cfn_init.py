"""The lab's cfn-init does what the real one was seen to do: what passes here must pass there."""

import os
import runpy
import shutil
from pathlib import Path

import pytest

BIN = Path(__file__).parents[1] / "images/machine/rootfs/opt/aws/bin"


class Machine:
    def __init__(self, root: Path):
        self.root, self.bin = root, root / "bin"
        self.bin.mkdir()
        self.cfn_init = runpy.run_path(str(BIN / "cfn-init"))

    def stub(self, name: str, script: str) -> None:
        (self.bin / name).write_text(f'#!/bin/bash\necho "{name} $*" >> "{self.root}/calls"\n{script}\n')
        (self.bin / name).chmod(0o755)

    def calls(self, name: str) -> list[str]:
        """Of a program, without the `list` that only looks."""
        lines = (self.root / "calls").read_text().splitlines()
        return [line for line in lines if line.startswith(f"{name} ")]

    def apply(self, **config) -> None:
        self.cfn_init["apply"](config)

    def files(self, **options) -> set[str]:
        """Writes one file, and gives what counts as changed."""
        return set(self.cfn_init["files"]({str(self.root / "file"): options}))

    @property
    def error(self) -> type[Exception]:
        return self.cfn_init["InitError"]


@pytest.fixture
def machine(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("LAB_CFN_INIT_LOG", str(tmp_path / "cfn-init.log"))
    machine = Machine(tmp_path)
    machine.stub("systemctl", '[[ $1 != is-active || " $RUNNING " == *" $2 "* ]]')
    machine.stub(
        "yum",
        'case "$*" in *"list installed"*) [[ " $INSTALLED " == *" ${@: -1} "* ]] ;;'
        ' *"list available"*) [[ " $ABSENT " != *" ${@: -1} "* ]] ;; esac',
    )
    return machine


def test_a_file_without_content_is_an_error(machine):
    with pytest.raises(machine.error, match="No source specified"):
        machine.files(content="", mode="000644")
    assert not (machine.root / "file").exists()


def test_a_file_without_a_mode_keeps_its_own_or_gets_the_umasks(machine):
    before = os.umask(0o027)
    try:
        machine.files(content="new")
    finally:
        os.umask(before)
    assert (machine.root / "file").stat().st_mode & 0o777 == 0o640
    (machine.root / "file").chmod(0o600)
    machine.files(content="newer")
    assert (machine.root / "file").stat().st_mode & 0o777 == 0o600


def test_nobody_else_may_write_a_file_without_a_mode(machine):
    before = os.umask(0)
    try:
        machine.files(content="new")
    finally:
        os.umask(before)
    assert (machine.root / "file").stat().st_mode & 0o777 == 0o664


def test_equal_content_is_no_change_but_leaves_the_former_file(machine):
    assert machine.files(content="one", mode="000755") == {str(machine.root / "file")}
    assert machine.files(content="one", mode="000755") == set()
    assert (machine.root / "file.bak").stat().st_mode & 0o111, "a program left beside runs where all there run"
    assert machine.files(content="two", mode="000755") == {str(machine.root / "file")}


def test_base64_is_decoded_and_json_written(machine):
    machine.files(content="R3LDvMOfZQ==", encoding="base64")
    assert (machine.root / "file").read_text() == "Grüße"
    machine.files(content={"a": [1]})
    assert (machine.root / "file").read_text() == '{"a": [1]}'


def test_packages_are_installed_by_one_call_and_those_that_are_there_skipped(machine, monkeypatch):
    monkeypatch.setenv("INSTALLED", "jq")
    changed = machine.cfn_init["packages"]({"yum": {"docker": [], "jq": [], "bzip2": []}})
    assert changed == ["docker", "bzip2"]
    calls = [call for call in machine.calls("yum") if " list " not in call]
    assert calls == ["yum -y makecache", "yum -y install docker bzip2"]


def test_a_package_that_cannot_be_had_is_an_error_before_anything_is_installed(machine, monkeypatch):
    monkeypatch.setenv("ABSENT", "jq")
    with pytest.raises(machine.error, match="Yum does not have jq available"):
        machine.cfn_init["packages"]({"yum": {"docker": [], "jq": []}})
    assert [call for call in machine.calls("yum") if "install " in call and "list" not in call] == []


def test_repositories_out_of_reach_are_an_error_although_everything_is_there(machine, monkeypatch):
    monkeypatch.setenv("INSTALLED", "jq")
    machine.stub("yum", "[[ $2 != makecache ]]")
    with pytest.raises(machine.error, match="makecache ended with 1"):
        machine.cfn_init["packages"]({"yum": {"jq": []}})


def test_services_start_in_the_order_of_the_json(machine):
    machine.apply(services={"systemd": {"z": {"ensureRunning": "true"}, "a": {"ensureRunning": "true"}}})
    assert [call for call in machine.calls("systemctl") if " start " in call] == [
        "systemctl start z",
        "systemctl start a",
    ]


def test_unknown_keys_of_a_service_are_passed_over(machine):
    machine.apply(services={"systemd": {"a": {"ensureRunning": "true", "ensureRuning": "false"}}})
    assert "systemctl start a" in machine.calls("systemctl")


@pytest.mark.parametrize(("running", "stopped"), [("", False), ("a", True)])
def test_only_a_service_that_runs_is_stopped(machine, monkeypatch, running, stopped):
    monkeypatch.setenv("RUNNING", running)
    machine.apply(services={"systemd": {"a": {"ensureRunning": "false"}}})
    assert ("systemctl stop a" in machine.calls("systemctl")) == stopped


def test_a_service_is_restarted_when_something_of_its_own_changed(machine, monkeypatch):
    monkeypatch.setenv("RUNNING", "a b")
    file = str(machine.root / "file")
    service = {"ensureRunning": "true", "files": [file]}
    for content in ("one", "one", "two"):
        machine.apply(files={file: {"content": content}}, services={"systemd": {"a": service, "b": {}}})
    assert machine.calls("systemctl").count("systemctl restart a") == 2
    assert "systemctl restart b" not in machine.calls("systemctl")


@pytest.mark.parametrize("kind", ["groups", "users", "sources"])
def test_groups_users_and_sources_are_reasons_to_restart_too(machine, monkeypatch, kind):
    monkeypatch.setenv("RUNNING", "a")
    service = {"systemd": {"a": {"ensureRunning": "true", kind: ["name"]}}}
    machine.cfn_init["services"](service, {kind: {"name"}})
    assert "systemctl restart a" in machine.calls("systemctl")


def test_a_service_that_does_not_start_is_an_error(machine):
    machine.stub("systemctl", "exit 1")
    with pytest.raises(machine.error, match="systemctl start a ended with 1"):
        machine.apply(services={"systemd": {"a": {"ensureRunning": "true"}}})


@pytest.mark.parametrize("config", [{"sources": {"/a": "https://example.com/a.tar.gz"}}, {"command": {}}])
def test_what_is_not_modelled_is_an_error(machine, config):
    with pytest.raises(machine.error, match="config takes"):
        machine.apply(**config)


def test_what_it_does_goes_to_its_log_and_errors_to_standard_error(machine, capfd, monkeypatch):
    program = machine.cfn_init["main"].__globals__
    broken = {"config": {"commands": {"1": {"command": "echo the reason; exit 3"}}}}
    monkeypatch.setitem(program, "fetch_metadata", lambda _: {"configSets": {"default": ["config"]}, **broken})
    monkeypatch.setattr("sys.argv", ["cfn-init", "-v", "--region", "r", "-s", "s", "-r", "g"])
    handlers = program["logging"].getLogger().handlers[:]
    program["logging"].getLogger().handlers.clear()
    try:
        assert program["main"]() == 1
    finally:
        program["logging"].getLogger().handlers[:] = handlers
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.startswith("Error occurred during build: command 1 ended with 3")
    assert "the reason" in (machine.root / "cfn-init.log").read_text()


@pytest.fixture
def dnf(tmp_path, monkeypatch):
    """The lab's dnf on a machine with one package of a program of its own, and the real list of packages."""
    rootfs = BIN.parents[2]
    for name in ("etc/openclaw-lab/packages", "opt/aws/amazon-cloudwatch-agent/bin/CWAGENT_VERSION"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(rootfs / name, tmp_path / name)
    control = tmp_path / "opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl"
    (control.parent / f"{control.name}.not-installed").touch()
    (tmp_path / "etc/openclaw-lab/switches").mkdir()
    monkeypatch.setenv("LAB_ROOT", str(tmp_path))
    run = runpy.run_path(str(BIN / "cfn-init"))["run"]

    def dnf(*arguments: str) -> bool:
        return run([str(rootfs / "usr/bin/dnf"), *arguments]).returncode == 0

    dnf.root, dnf.control = tmp_path, control
    return dnf


def test_dnf_makes_a_program_appear_when_its_package_is_installed(dnf):
    assert not dnf("-C", "-y", "list", "installed", "amazon-cloudwatch-agent")
    assert dnf("-C", "-y", "--showduplicates", "list", "available", "amazon-cloudwatch-agent")
    assert not dnf.control.exists()
    assert dnf("-y", "install", "amazon-cloudwatch-agent")
    assert dnf.control.exists()
    assert dnf("list", "installed", "amazon-cloudwatch-agent")


def test_dnf_does_not_find_what_the_repositories_lack(dnf):
    (dnf.root / "etc/openclaw-lab/switches/absent-packages").write_text("cryptsetup amazon-cloudwatch-agent\n")
    assert not dnf("-y", "install", "amazon-cloudwatch-agent")
    assert not dnf("list", "available", "amazon-cloudwatch-agent")
    assert not dnf.control.exists()
    assert dnf("list", "installed", "jq")


def test_dnf_installs_the_agent_that_the_repositories_have(dnf):
    (dnf.root / "etc/openclaw-lab/switches/agent-version").write_text("1.300069.1\n")
    assert dnf("-y", "install", "amazon-cloudwatch-agent")
    assert (dnf.control.parent / "CWAGENT_VERSION").read_text() == "1.300069.1\n"
