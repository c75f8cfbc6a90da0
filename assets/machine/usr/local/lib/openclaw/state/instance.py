"""This machine's own id, and whether another one still runs."""

from __future__ import annotations

import functools
import os
import urllib.request

from .aws import Aws, AwsError
from .errors import Unavailable

GONE = {"terminated", "stopped"}


@functools.cache
def own_id() -> str:
    """The instance id, from the metadata service (IMDSv2)."""
    given = os.environ.get("OPENCLAW_INSTANCE_ID")
    if given:
        return given
    # Link-local http by definition, hence no audit of the scheme (S310).
    base = os.environ.get("OPENCLAW_IMDS", "http://169.254.169.254")
    token = urllib.request.Request(  # noqa: S310
        f"{base}/latest/api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "300"}
    )
    try:
        with urllib.request.urlopen(token, timeout=5) as answer:  # noqa: S310
            headers = {"X-aws-ec2-metadata-token": answer.read().decode()}
        request = urllib.request.Request(f"{base}/latest/meta-data/instance-id", headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return answer.read().decode()
    except OSError as error:
        raise Unavailable(f"the metadata service does not tell this instance's id: {error}") from error


def is_gone(aws: Aws, instance: str) -> bool:
    """Whether EC2 says that this instance can write no more. @raises AwsError when EC2 does not answer"""
    try:
        answer = aws.call("ec2", "describe_instances", InstanceIds=[instance])
    except AwsError as error:
        if error.code in ("InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"):
            return True
        raise
    found = [one for reservation in answer["Reservations"] for one in reservation["Instances"]]
    return all(one["State"]["Name"] in GONE for one in found)
