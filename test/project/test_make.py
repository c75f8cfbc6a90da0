"""What make runs, seen by runners that note how they were called and fail where they are told to."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
MAKEFILE = REPOSITORY / "Makefile"

RUNNER = """#!/usr/bin/env bash
line=${0##*/}
for argument; do line+=" [$argument]"; done
printf '%s\\n' "$line" >>calls
[[ -z ${FAIL:-} || $line != *"$FAIL"* ]] || exit 1
"""
RUNNERS = ("jest", "oxlint", "prettier", "cdk", "tsc", "tsx")
PYTHON_RUNNERS = ("python", "ruff", "mypy", "cfn-lint", "check-jsonschema", "zizmor")
STAMPS = ("node_modules/.package-lock.json", ".venv/.installed")

# A part of the call by which each part of the tests is known.
PARTS = {
    "types": "tsc [--noEmit]",
    "mypy": "mypy",
    "oxlint": "oxlint",
    "prettier": "prettier [--check]",
    "ruff": "ruff [check]",
    "ruff format": "ruff [format] [--check]",
    "check-jsonschema": "check-jsonschema [",
    "zizmor": "zizmor [",
    "unit": "jest",
    "template": "cdk [synth]",
    "cfn-lint": "cfn-lint [",
    "shell": "[test/bin] [test/lab/tests] [test/machine]",
    "aws": "[test/aws]",
    "state": "[pytest] [test/machine/state]",
    "boot": "[test/boot]",
}


class Project:
    """A folder with the Makefile and runners that only tell."""

    def __init__(self, root: Path):
        self.root = root
        shutil.copy(MAKEFILE, root)
        self._put("test/ensure-programs")
        for name in RUNNERS:
            self._put(f"node_modules/.bin/{name}")
        for name in PYTHON_RUNNERS:
            self._put(f".venv/bin/{name}")
        self._put("bin/node")
        for name in ("package-lock.json", "test/requirements.txt"):
            (root / name).touch()
        for name in STAMPS:
            (root / name).touch()

    def _put(self, name: str, more: str = "") -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(RUNNER + more)
        path.chmod(0o755)

    def forget_what_is_installed(self) -> None:
        for name in STAMPS:
            (self.root / name).unlink()
        self._put("bin/npm", f"touch {STAMPS[0]}\n")
        self._put("bin/python3")
        self._put(".venv/bin/pip")

    def make(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": f"{self.root}/bin:{os.environ['PATH']}", "HOME": str(self.root), **environment}
        return subprocess.run(["make", *arguments], cwd=self.root, env=env, capture_output=True, text=True, check=False)

    @property
    def calls(self) -> list[str]:
        calls = (self.root / "calls").read_text().splitlines() if (self.root / "calls").exists() else []
        return [call for call in calls if not call.startswith("ensure-programs")]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_variable_that_nothing_reads_is_refused_with_those_that_are(project: Project):
    result = project.make("deploy", "STAK=prod", "AZ=me-central-1a")
    assert result.returncode != 0
    assert "unknown variable STAK='prod': allowed are" in result.stderr
    assert {"REGION", "AZ", "FILES", "K"} <= set(result.stderr.split())
    assert project.calls == []


def test_every_variable_that_the_help_names_is_allowed_and_no_other(project: Project):
    named = set(re.findall(r"\b([A-Z][A-Z_]*)=", project.make("help").stdout))
    assert {"AZ", "STACK", "REGION", "FILES", "K", "CRASH_SEED"} <= named
    result = project.make("help", *(f"{name}=x" for name in named))
    assert (result.returncode, result.stderr) == (0, "")
    refused = project.make("help", "X=y").stderr
    assert set(refused.split("allowed are ")[1].split(".  Stop")[0].split()) == named


@pytest.mark.parametrize("part", PARTS)
def test_all_tests_run_every_part_once_and_fail_with_it(project: Project, part: str):
    result = project.make("test", FAIL=PARTS[part])
    assert result.returncode != 0
    assert [call for call in project.calls if PARTS[part] in call] != []


def test_all_tests_pass_when_every_part_has_passed(project: Project):
    result = project.make("test")
    assert (result.returncode, result.stderr) == (0, "")
    for part, call in PARTS.items():
        assert (part, len([line for line in project.calls if call in line])) == (part, 1)


def test_no_part_of_the_tests_is_told_of_others_jobs(project: Project):
    result = project.make("--jobs", "4", "check")
    assert (result.returncode, result.stderr) == (0, "")


def test_chosen_files_go_to_their_runners(project: Project):
    files = "test/lib/network.test.ts test/machine/test_units.py"
    assert project.make("test", f"FILES={files}", 'K=it\'s a "name"').returncode == 0
    assert sorted(project.calls) == [
        'jest [--testNamePattern] [it\'s a "name"] [test/lib/network.test.ts]',
        'python [-m] [pytest] [-k] [it\'s a "name"] [test/machine/test_units.py]',
    ]


@pytest.mark.parametrize("failing", ["jest", "python"])
def test_chosen_files_fail_with_either_runner(project: Project, failing: str):
    assert project.make("test", "FILES=test/lib/a.test.ts test/bin/test_a.py", FAIL=failing).returncode != 0


def test_a_tier_takes_files_and_a_name(project: Project):
    assert project.make("unit", "FILES=test/lib/a.test.ts", "K=b").returncode == 0
    assert project.make("test-state", "K=lease").returncode == 0
    assert project.calls == [
        "jest [--testNamePattern] [b] [test/lib/a.test.ts]",
        "python [-m] [pytest] [-k] [lease] [test/machine/state] [--numprocesses] [4] [--dist] [worksteal]",
    ]


@pytest.mark.parametrize("target", ["check", "test"])
def test_a_name_without_files_is_refused_where_it_would_choose_nothing(project: Project, target: str):
    result = project.make(target, "K=lease")
    assert result.returncode != 0
    assert "K='lease' needs FILES=" in result.stderr
    assert project.calls == []


def test_the_slow_validation_of_a_template_is_for_ci_and_deploys(project: Project):
    project.make("template")
    project.make("template", CI="true")
    mine, ci = [call for call in project.calls if call.startswith("cdk")]
    assert "[--no-validation]" in mine
    assert "validation" not in ci


@pytest.mark.parametrize("jobs", [(), ("--jobs", "4")])
def test_a_fresh_clone_is_set_up_once(project: Project, jobs: tuple[str, ...]):
    project.forget_what_is_installed()
    result = project.make(*jobs, "lint", "shell", "unit", "test-state")
    assert (result.returncode, result.stderr) == (0, "")
    assert len([call for call in project.calls if call.startswith("npm [ci]")]) == 1
    assert len([call for call in project.calls if call.startswith("pip [install]")]) == 1


@pytest.mark.parametrize("failing", ["npm", "pip", "ensure-programs"])
def test_nothing_runs_where_the_set_up_has_failed(project: Project, failing: str):
    project.forget_what_is_installed()
    result = project.make("check", FAIL=failing)
    assert result.returncode != 0
    assert [call for call in project.calls if call.startswith(RUNNERS)] == []
