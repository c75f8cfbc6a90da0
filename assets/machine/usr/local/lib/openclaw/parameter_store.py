"""Parameter Store through botocore, which starts in a third of the AWS CLI's time."""

import functools
import os
import time

from aws_session import new_session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from messages import log

RETRY_DELAY = float(os.environ.get("OPENCLAW_RETRY_DELAY", "1"))
ATTEMPTS = 6
# These answers stay the same however often one asks.
FINAL = {"ParameterNotFound", "ParameterAlreadyExists", "ValidationException"}


class AwsError(Exception):
    """`code` is the service's error code, or None where no service answered."""

    def __init__(self, error):
        super().__init__(str(error))
        self.code = error.response["Error"]["Code"] if isinstance(error, ClientError) else None


@functools.cache
def _client():
    config = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 1})
    return new_session().create_client("ssm", region_name=os.environ["AWS_REGION"], config=config)


def _ask(operation, **request):
    """One call, tried again with growing pauses unless the answer is final. @raises AwsError"""
    delay = RETRY_DELAY
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return getattr(_client(), operation)(**request)
        except (BotoCoreError, ClientError) as error:
            fault = AwsError(error)
            if fault.code in FINAL or attempt == ATTEMPTS:
                raise fault from error
            log(f"attempt {attempt} of {ATTEMPTS}: {error}")
        time.sleep(delay)
        delay *= 2
    raise AssertionError("unreachable")


def get(name):
    """A parameter's value, decrypted, or None where there is no such parameter. @raises AwsError"""
    try:
        return _ask("get_parameter", Name=name, WithDecryption=True)["Parameter"]["Value"]
    except AwsError as error:
        if error.code == "ParameterNotFound":
            return None
        raise


def below(path):
    """All parameters directly below a path as Parameter Store describes them, page by page. @raises AwsError"""
    request = {"Path": path, "WithDecryption": True}
    while True:
        answer = _ask("get_parameters_by_path", **request)
        yield from answer["Parameters"]
        if not answer.get("NextToken"):
            return
        request["NextToken"] = answer["NextToken"]


def put(name, value, kind, overwrite=False):
    """False where there is one already and it is not to be overwritten. @raises AwsError"""
    try:
        _ask("put_parameter", Name=name, Type=kind, Value=value, Overwrite=overwrite)
    except AwsError as error:
        if error.code == "ParameterAlreadyExists" and not overwrite:
            return False
        raise
    return True
