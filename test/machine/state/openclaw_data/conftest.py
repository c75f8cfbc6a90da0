"""The process that reads databases, with a directory of its own."""

import pytest
from openclaw.state.databases.sqlite import Databases


@pytest.fixture
def databases(tmp_path):
    with Databases(tmp_path / "var") as process:
        yield process
