"""Parameter Store through botocore, which starts in a third of the AWS CLI's time."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Iterator
from typing import Any, Callable

from botocore.config import Config

from openclaw.aws.errors import AwsError
from openclaw.aws.session import aws_errors, new_session
from openclaw.system.journal import log

RETRY_DELAY = float(os.environ.get("OPENCLAW_RETRY_DELAY", "1"))
ATTEMPTS = 6
# One call of Parameter Store: operation and request to answer. @raises AwsError
Ask = Callable[..., "dict[str, Any]"]
# These answers stay the same however often one asks.
FINAL = {"ParameterNotFound", "ParameterAlreadyExists", "ValidationException"}


@functools.cache
def _client() -> Any:
    config = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 1})
    return new_session().create_client("ssm", region_name=os.environ["AWS_REGION"], config=config)


def _ask(operation: str, **request: Any) -> dict[str, Any]:
    """One call, tried again with growing pauses unless the answer is final. @raises AwsError"""
    delay = RETRY_DELAY
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with aws_errors("ssm", operation):
                answer: dict[str, Any] = getattr(_client(), operation)(**request)
                return answer
        except AwsError as error:
            if error.code in FINAL or attempt == ATTEMPTS:
                raise
            log(f"attempt {attempt} of {ATTEMPTS}: {error}")
        time.sleep(delay)
        delay *= 2
    raise AssertionError("unreachable")


def get(name: str, ask: Ask = _ask) -> str | None:
    """A parameter's value, decrypted, or None where there is no such parameter. @raises AwsError

    @param ask tries for half a minute, by default
    """
    try:
        with aws_errors("ssm", "get_parameter"):
            value: str = ask("get_parameter", Name=name, WithDecryption=True)["Parameter"]["Value"]
            return value
    except AwsError as error:
        if error.code == "ParameterNotFound":
            return None
        raise


def below(path: str) -> Iterator[dict[str, Any]]:
    """All parameters directly below a path as Parameter Store describes them, page by page. @raises AwsError"""
    request: dict[str, Any] = {"Path": path, "WithDecryption": True}
    while True:
        answer = _ask("get_parameters_by_path", **request)
        yield from answer.get("Parameters", [])
        if not answer.get("NextToken"):
            return
        request["NextToken"] = answer["NextToken"]


def put(name: str, value: str, kind: str, overwrite: bool = False, ask: Ask = _ask) -> bool:
    """False where there is one already and it is not to be overwritten. @raises AwsError

    @param kind String or SecureString
    """
    try:
        ask("put_parameter", Name=name, Type=kind, Value=value, Overwrite=overwrite)
    except AwsError as error:
        if error.code == "ParameterAlreadyExists" and not overwrite:
            return False
        raise
    return True
