"""The shell programs for the operator and for these tests, as shellcheck sees them."""

import pathlib
import subprocess

import pytest

REPOSITORY = pathlib.Path(__file__).parents[2]
FOR_TESTS = ["test/ensure-programs", "test/install-packages", "test/lab/ensure-docker"]
PROGRAMS = [f"bin/{path.name}" for path in (REPOSITORY / "bin").iterdir() if path.suffix in ("", ".sh")]


@pytest.mark.parametrize("name", sorted(PROGRAMS) + FOR_TESTS)
def test_shellcheck_has_nothing_to_say(name):
    command = ["shellcheck", "--external-sources", name]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
