"""The shell programs that these tests are set up with, as shellcheck sees them."""

import pathlib
import subprocess

import pytest

REPOSITORY = pathlib.Path(__file__).parents[2]
PROGRAMS = ["test/ensure-programs", "test/install-packages", "test/lab/ensure-docker"]
FINDINGS = [f"findings/{path.name}" for path in (REPOSITORY / "findings").iterdir() if path.suffix != ".md"]


@pytest.mark.parametrize("name", PROGRAMS + sorted(FINDINGS))
def test_shellcheck_has_nothing_to_say(name):
    command = ["shellcheck", "--external-sources", name]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
