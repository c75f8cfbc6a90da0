"""The shell programs for the operator and for these tests, as shellcheck sees them."""

import pathlib
import re
import subprocess

import pytest

REPOSITORY = pathlib.Path(__file__).parents[2]
FOR_TESTS = ["test/ensure-programs", "test/install-packages", "test/lab/ensure-docker"]
FINDINGS = [f"findings/{path.name}" for path in (REPOSITORY / "findings").iterdir() if path.suffix != ".md"]
PROGRAMS = [f"bin/{path.name}" for path in (REPOSITORY / "bin").iterdir() if path.suffix in ("", ".sh")]


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_an_array_that_may_be_empty_is_no_unbound_variable_to_the_bash_of_macos(name):
    """Before bash 4.4, `"${paths[@]}"` of an empty array ends a program under `set -u`."""
    text = (REPOSITORY / name).read_text()
    for line in text.splitlines():
        for array in re.findall(r'"\$\{(\w+)\[@\]\}"', line):
            assert f"${{{array}[@]+" in line or f'{array}=("' in text, line


@pytest.mark.parametrize("name", sorted(PROGRAMS) + FOR_TESTS + sorted(FINDINGS))
def test_shellcheck_has_nothing_to_say(name):
    command = ["shellcheck", "--external-sources", name]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
