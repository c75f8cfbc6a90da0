"""What we say of an AWS service's API is what botocore says of it."""

import json
from pathlib import Path

import pytest
from botocore.session import get_session

MODELS = Path(__file__).parents[3] / "assets/machine/usr/local/lib/openclaw/aws/models"
OURS = sorted(MODELS.glob("*/*/service-2.json"))


def assert_part_of(ours, theirs, where):
    if not isinstance(ours, dict):
        assert ours == theirs, where
        return
    for name, value in ours.items():
        assert name in theirs, f"{where}.{name}"
        assert_part_of(value, theirs[name], f"{where}.{name}")


@pytest.mark.parametrize("path", OURS, ids=[path.parts[-3] for path in OURS])
def test_a_model_is_a_part_of_botocores(path):
    service, version = path.parts[-3:-1]
    theirs = get_session().get_component("data_loader").load_service_model(service, "service-2", version)
    assert_part_of(json.loads(path.read_text()), theirs, service)


def test_they_are_there():
    assert [path.parts[-3] for path in OURS] == ["ec2", "ssm"]
