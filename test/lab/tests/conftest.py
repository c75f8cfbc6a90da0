"""One local AWS for the tests of the lab itself."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from lab.aws.server import LocalAws


def pytest_configure(config: pytest.Config) -> None:
    # As in lab.aws.call: moto warns of the error codes that all services share.
    config.addinivalue_line("filterwarnings", r"ignore:Exception\(AwsError\)")


@pytest.fixture(scope="session")
def aws() -> Iterator[LocalAws]:
    with LocalAws() as aws:
        yield aws


@pytest.fixture(scope="session")
def client(aws: LocalAws) -> Callable[..., Any]:
    """Clients of the operator."""
    return aws.client_factory()
