"""docs/model: each safeguard of the model is left out in one run, explained, and in the code where it is said to be."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
MODEL = REPOSITORY / "docs/model"
MACHINE = REPOSITORY / "assets/machine"
TEXT, CHECK, README = ((MODEL / name).read_text() for name in ("Lease.tla", "check", "README.md"))
SAFEGUARDS = sorted(set(re.findall(r'With\("(\w+)"\)', TEXT)))
ROWS = dict(re.findall(r"^\| `(\w+)` +\| (.*?) +\| `\w+` +\|$", README, re.MULTILINE))


def test_every_safeguard_is_left_out_once_and_explained():
    assert sorted(re.findall(r"^breaks (\w+) ", CHECK, re.MULTILINE)) == SAFEGUARDS == sorted(ROWS)


def test_every_property_is_checked_and_explained():
    defined = set(re.findall(r"^(\w+) == ", TEXT.rpartition("* properties *")[2], re.MULTILINE))
    helpers = {"Serves", "UsedUp", "OutOfGenerations"}
    explained = set(re.findall(r"^\| `(\w+)` ", README.partition("## What each")[0], re.MULTILINE))
    assert explained == defined - helpers
    assert all(name in CHECK for name in explained)


@pytest.mark.parametrize("safeguard", SAFEGUARDS)
def test_the_code_has_what_the_model_names(safeguard):
    named = re.findall(r"`([^`]+)`", ROWS[safeguard])
    code = "\n".join(path.read_text() for path in (MACHINE / "usr/local/lib/openclaw").rglob("*.py"))
    for name in named:
        last = name.rpartition(".")[2]
        is_unit = name.endswith(".service") and (MACHINE / "etc/systemd/system" / name).exists()
        assert is_unit or name.startswith("openclaw-state ") or f"def {last}(" in code, name
