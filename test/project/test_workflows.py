"""What holds for the workflows beyond what the linters of workflows look at (`make lint`)."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((REPOSITORY / ".github/workflows").glob("*.yml"))
BIN = REPOSITORY / ".venv/bin"


def read(path: Path) -> dict:
    # YAML 1.1 takes the key `on` for true.
    return {"on" if key is True else key: value for key, value in yaml.safe_load(path.read_text()).items()}


def lint(path: Path) -> int:
    command = [BIN / "zizmor", "--quiet", "--offline", "--persona", "pedantic", path]
    return subprocess.run(command, capture_output=True, check=False).returncode


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_a_commit_with_its_version_beside_it(path: Path):
    used = re.findall(r"uses: (.*)", path.read_text())
    assert used != []
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    ("pattern", "instead"),
    [
        (r"@[0-9a-f]{40} # v\S+", "@v1"),
        (r"permissions: \{\}", "permissions: write-all"),
        (r"on:\n  pull_request:", "on:\n  pull_request_target:"),
        (r"persist-credentials: false", "fetch-depth: 1"),
    ],
)
def test_the_linter_would_notice(path: Path, pattern: str, instead: str, tmp_path: Path):
    text, count = re.subn(pattern, instead, path.read_text(), count=1)
    assert count == 1
    workflows = tmp_path / ".github/workflows"
    workflows.mkdir(parents=True)
    (workflows / path.name).write_text(path.read_text())
    assert lint(workflows) == 0
    (workflows / path.name).write_text(text)
    assert lint(workflows) != 0


def test_the_tests_may_read_the_repository_and_nothing_else():
    workflow = read(REPOSITORY / ".github/workflows/check.yml")
    [job] = workflow["jobs"].values()
    assert (workflow["permissions"], job["permissions"]) == ({}, {"contents": "read"})
    assert any(".ci/run" in step.get("run", "") for step in job["steps"])


def test_a_fork_gets_no_comparison():
    [job] = read(REPOSITORY / ".github/workflows/diff.yml")["jobs"].values()
    assert "github.event.pull_request.head.repo.full_name == github.repository" in job["if"]
    assert "vars.OPENCLAW_DEPLOYMENTS &&" in job["if"]
    assert job["permissions"] == {"contents": "read", "id-token": "write", "pull-requests": "write"}
