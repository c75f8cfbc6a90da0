"""One deployed machine for all of this tier: the lab comes up once, and the tests walk through the machine's life."""

import json
import urllib.request

import pytest
from lab import cloud, control, settings
from lab.deployment import Deployment

from .looking import SECRETS


class Emulator:
    """What the local AWS was asked, and what it shall get wrong."""

    def __init__(self, endpoint: str):
        self.endpoint = endpoint

    def _call(self, method: str, path: str, body: dict | None = None):
        request = urllib.request.Request(
            f"{self.endpoint}/lab/{path}", method=method, data=json.dumps(body).encode() if body else None
        )
        answer = urllib.request.urlopen(request, timeout=10).read()
        return json.loads(answer) if answer else None

    def requests(self) -> list[dict]:
        return self._call("GET", "requests")["requests"]

    def told(self, instance_id: str) -> list[str]:
        """The subjects of what a machine wrote to the topic."""
        mine = [one for one in self.requests() if one["who"].endswith(f"/{instance_id}") and one["status"] == 200]
        return [one["subject"] for one in mine if one["call"] == "sns:Publish"]

    def denials(self) -> list[str]:
        """Every call that IAM refused, but for the CDK's own: it asks CloudTrail why a deploy failed."""
        log = (settings.LOGS / "cloud.log").read_text().splitlines()
        return [line for line in log if "denied:" in line and "cloudtrail" not in line]

    def fail(self, service: str, operation: str, status: int = 403) -> None:
        """Every call of this operation fails, until `heal`."""
        self._call("POST", "faults", {"service": service, "operation": operation, "status": status, "times": -1})

    def heal(self) -> None:
        self._call("DELETE", "faults")


@pytest.fixture(scope="session")
def deployment() -> Deployment:
    if cloud.running():
        pytest.fail("the lab runs already, perhaps a demo: end it first (python -m lab down)")
    try:
        deployment, _ = control.up("boot")
        for name, value in SECRETS.items():
            deployment.put_secret(f"env/{name}", value)
        deployment.deploy()
        yield deployment
    finally:
        control.down()


@pytest.fixture(scope="session")
def emulator(deployment) -> Emulator:
    return Emulator(deployment.endpoint)


@pytest.fixture
def machine(deployment):
    """The machine that runs now, with OpenClaw ready."""
    return deployment.wait_ready()
