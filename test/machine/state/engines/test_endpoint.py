"""Where the repository is: S3's address in the region's own partition."""

from types import SimpleNamespace

import pytest
from openclaw.aws.client import Aws
from openclaw.state.engines.restic.program import Restic


@pytest.mark.parametrize(
    ("region", "address"),
    [
        ("me-central-1", "https://s3.me-central-1.amazonaws.com"),
        ("cn-north-1", "https://s3.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "https://s3.us-gov-west-1.amazonaws.com"),
    ],
)
def test_each_region_has_its_partitions_address(monkeypatch, region, address):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    settings = SimpleNamespace(region=region, bucket="bucket", account="123456789012")
    assert Restic(settings, Aws(settings))._endpoint() == address
