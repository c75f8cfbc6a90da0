"""This machine's own id and deployment, and whether another one still runs."""

from __future__ import annotations

import functools
import hashlib
import os
from typing import TYPE_CHECKING

from openclaw.aws.errors import AwsError
from openclaw.aws.metadata import Metadata
from openclaw.system import documents
from openclaw.system.errors import Unavailable

if TYPE_CHECKING:
    from openclaw.aws.client import Aws

ID = documents.text(r"i-[0-9a-f]{8,17}", "an instance id like i-0123456789abcdef0")
GONE = {"terminated", "stopped"}
GROUP_TAG = "aws:autoscaling:groupName"


@functools.cache
def own_id() -> str:
    """The instance id. @raises Unavailable when the metadata service does not tell"""
    given = os.environ.get("OPENCLAW_INSTANCE_ID")
    if given:
        return given
    try:
        found = Metadata().get("instance-id")
    except Unavailable as error:
        raise Unavailable(f"the metadata service does not tell this instance's id: {error}") from error
    if not found:
        raise Unavailable("the metadata service knows no id of this instance")
    return found


def own_id_or_empty() -> str:
    """Empty when the metadata service does not tell."""
    try:
        return own_id()
    except Unavailable:
        return ""


def deployment() -> str:
    """The same value on all machines of one deploy: user data contains a fingerprint of the cfn-init metadata, which
    includes the launch settings. Empty when the metadata service does not tell."""
    try:
        user_data = Metadata().get("user-data", directory="")
    except Unavailable:
        return ""
    return hashlib.sha256(user_data.encode()).hexdigest()[:16] if user_data else ""


def is_gone(aws: Aws, instance: str) -> bool:
    """Whether EC2 says that this instance can write no more. @raises AwsError when EC2 does not answer"""
    return all(state in GONE for state, _ in _described(aws, instance))


def runs_in_group(aws: Aws, instance: str, group: str) -> bool:
    """Whether EC2 says that this instance is there and that the Auto Scaling group launched it: nobody else can set a
    tag whose name begins with aws:.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html
    @raises AwsError when EC2 does not answer
    """
    return any(state not in GONE and tags.get(GROUP_TAG) == group for state, tags in _described(aws, instance))


def _described(aws: Aws, instance: str) -> list[tuple[str, dict[str, str]]]:
    """State and tags, of none where there is no such instance."""
    try:
        answer = aws.call("ec2", "describe_instances", InstanceIds=[instance])
    except AwsError as error:
        if error.code in ("InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"):
            return []
        raise
    try:
        found = [one for reservation in answer["Reservations"] for one in reservation["Instances"]]
        return [(one["State"]["Name"], {tag["Key"]: tag["Value"] for tag in one.get("Tags", [])}) for one in found]
    except (LookupError, TypeError, AttributeError) as error:
        raise AwsError("", f"EC2's answer about {instance} is not in its usual form: {error!r}") from error
