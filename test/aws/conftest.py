"""One local AWS, bootstrapped once, for all tests here; the app is synthesized once for each way it is deployed."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aws.cdk import Cdk
from aws.stand_in import StandIn
from lab.aws.server import LocalAws


def pytest_configure(config: pytest.Config) -> None:
    # As in lab.aws.call: moto warns of the error codes that all services share.
    config.addinivalue_line("filterwarnings", r"ignore:Exception\(AwsError\)")


LOOPBACK = ("127.0.0.1", 0)


@pytest.fixture(scope="session")
def aws() -> Iterator[LocalAws]:
    with LocalAws(http=LOOPBACK, plain=LOOPBACK) as aws:
        yield aws


@pytest.fixture(scope="session")
def client(aws: LocalAws) -> Callable[..., Any]:
    """Clients of the operator."""
    return aws.client_factory()


@pytest.fixture(scope="session")
def cdk(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Cdk:
    cdk = Cdk(aws.url, aws.region, tmp_path_factory.mktemp("home"))
    # Outside the app's directory: bootstrapping must not synthesize it.
    cdk.ok("bootstrap", "--app", "", f"aws://{aws.account}/{aws.region}")
    return cdk


@pytest.fixture(scope="session")
def assembly(cdk: Cdk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cdk.synth(tmp_path_factory.mktemp("dev") / "cdk.out")


@pytest.fixture(scope="session")
def deployed(cdk: Cdk, aws: LocalAws, assembly: Path) -> Iterator[StandIn]:
    """The stack of the default configuration, deployed; its machine's part is played all the time."""
    with StandIn(aws, "openclaw-dev") as machine:
        result = cdk.deploy(assembly)
        assert result.returncode == 0, result.stdout
        machine.deployment = result.stdout
        yield machine
    assert machine.faults == []


@pytest.fixture(scope="session")
def machine(deployed: StandIn) -> Callable[..., Any]:
    """Clients with the credentials of the deployed instance."""
    [instance] = deployed.instances()
    return deployed.credentials(instance)
