"""What the operator's tool accepts of a restore is what the machine accepts: both are held to requests.json.

test/lib/operator/state/request.test.ts holds the tool to it, and to what is sent for each.
"""

import json
import pathlib
import sys

import pytest

REPOSITORY = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY / "assets/machine/usr/local/lib"))

from openclaw.state import cli  # noqa: E402
from openclaw.state.restore import request  # noqa: E402
from openclaw.system.errors import Refused  # noqa: E402

TABLE = json.loads((REPOSITORY / "test/bin/requests.json").read_text())


def as_object(asked):
    """As the tool writes it to restore.json."""
    at = {"at": asked["at"].replace(" ", "T") + "Z"} if "at" in asked else {}
    return {**asked, **at}


@pytest.mark.parametrize("asked", TABLE["accepted"], ids=str)
def test_the_machine_takes_the_object(asked):
    found = request._parse(as_object(asked), "etag")
    assert found.snapshot == asked.get("snapshot", "")


@pytest.mark.parametrize("asked", TABLE["refused"], ids=str)
def test_the_machine_refuses_the_object(asked):
    with pytest.raises((Refused, ValueError)):
        request._parse(as_object(asked), "etag")


@pytest.mark.parametrize("asked", TABLE["accepted"], ids=str)
def test_the_machine_reads_the_arguments_as_they_are_meant(asked):
    """`--` before a snapshot, after the paths, as lib/operator/state/request.ts has them."""
    at = ["--at", asked["at"]] if "at" in asked else []
    paths = ["--paths", *asked["paths"]] if "paths" in asked else []
    snapshot = ["--", asked["snapshot"]] if "snapshot" in asked else []
    given = cli._parser().parse_args(["restore", *at, *paths, *snapshot])
    assert (given.snapshot, given.paths) == (asked.get("snapshot", ""), asked.get("paths", []))
    assert (given.at is None) == ("at" not in asked)


def test_the_machine_takes_an_archive_whose_name_looks_like_an_option():
    assert cli._parser().parse_args(["adopt", "--", "-x.tar.gz"]).archive == "-x.tar.gz"
