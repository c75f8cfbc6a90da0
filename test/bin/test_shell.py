"""The shell programs that these tests are set up with, as shellcheck sees them."""

import pathlib
import subprocess

import pytest

REPOSITORY = pathlib.Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["test/ensure-programs", "test/install-packages", "test/lab/ensure-docker"])
def test_shellcheck_has_nothing_to_say(name):
    command = ["shellcheck", "--external-sources", name]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
