import pytest
from machine.programs.imds import Imds


@pytest.fixture
def imds():
    service = Imds()
    service.values["instance-id"] = "i-0aaaaaaaaaaaaaaa1"
    yield service
    service.close()
