"""Every shell file of the machine, and its user data, as shellcheck sees them."""

import os
import subprocess

import pytest
from machine.conftest import ASSETS


def is_shell(path):
    first = path.read_bytes().split(b"\n", 1)[0]
    return first in {b"#!/usr/bin/env bash", b"# shellcheck shell=bash"}


SHELL_FILES = sorted(
    os.path.relpath(path, ASSETS)
    for path in [ASSETS.parent / "user-data.sh", *ASSETS.rglob("*")]
    if path.is_file() and is_shell(path)
)


def test_the_programs_are_found():
    assert {"../user-data.sh", "usr/local/libexec/openclaw/install-tools"} <= set(SHELL_FILES)


@pytest.mark.parametrize("name", SHELL_FILES)
def test_shellcheck_has_nothing_to_say(name):
    done = subprocess.run(
        ["shellcheck", "--external-sources", ASSETS / name], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SHELL_FILES)
def test_a_program_stops_at_its_first_error(name):
    text = (ASSETS / name).read_text()
    assert "set -euo pipefail" in text or text.startswith("# shellcheck shell=bash")
