"""Parameter Store through botocore, which starts in a third of the AWS CLI's time."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from typing import Any

from openclaw.aws.errors import AwsError
from openclaw.aws.session import aws_errors, new_client

_client = functools.cache(new_client)


def _ask(operation: str, region: str, **request: Any) -> dict[str, Any]:
    """@param region by default that of the environment @raises AwsError"""
    with aws_errors("ssm", operation):
        client = _client("ssm", region or os.environ["AWS_REGION"])
        answer: dict[str, Any] = getattr(client, operation)(**request)
        return answer


def get(name: str, region: str = "") -> str | None:
    """A parameter's value, decrypted, or None where there is no such parameter. @raises AwsError"""
    try:
        with aws_errors("ssm", "get_parameter"):
            value: str = _ask("get_parameter", region, Name=name, WithDecryption=True)["Parameter"]["Value"]
            return value
    except AwsError as error:
        if error.code == "ParameterNotFound":
            return None
        raise


def below(path: str) -> Iterator[dict[str, Any]]:
    """All parameters directly below a path as Parameter Store describes them, page by page. @raises AwsError"""
    request: dict[str, Any] = {"Path": path, "WithDecryption": True}
    while True:
        answer = _ask("get_parameters_by_path", "", **request)
        yield from answer.get("Parameters", [])
        if not answer.get("NextToken"):
            return
        request["NextToken"] = answer["NextToken"]


def put(name: str, value: str, kind: str, overwrite: bool = False, region: str = "") -> bool:
    """False where there is one already and it is not to be overwritten. @raises AwsError

    @param kind String or SecureString
    """
    try:
        _ask("put_parameter", region, Name=name, Type=kind, Value=value, Overwrite=overwrite)
    except AwsError as error:
        if error.code == "ParameterAlreadyExists" and not overwrite:
            return False
        raise
    return True
