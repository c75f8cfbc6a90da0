"""The operator's shell programs, as shellcheck sees them."""

import pathlib
import subprocess

import pytest

BIN = pathlib.Path(__file__).parents[2] / "bin"
PROGRAMS = sorted(path.name for path in BIN.iterdir() if path.suffix in ("", ".sh"))


@pytest.mark.parametrize("name", PROGRAMS)
def test_shellcheck_has_nothing_to_say(name):
    command = ["shellcheck", "--external-sources", f"bin/{name}"]
    done = subprocess.run(command, cwd=BIN.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
