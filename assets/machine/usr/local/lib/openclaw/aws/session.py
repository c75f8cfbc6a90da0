"""botocore as our programs start it, in half of its own time and memory, with our retries, and its errors as ours."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
from collections.abc import Iterator
from typing import Any

# What botocore loads stays: to look through it for garbage again and again takes an eighth of a start.
gc.set_threshold(20_000)

from botocore.config import Config  # noqa: E402 (after the threshold)
from botocore.exceptions import ClientError  # noqa: E402
from botocore.session import Session, get_session  # noqa: E402

from openclaw.aws import retries  # noqa: E402
from openclaw.aws.errors import AwsError  # noqa: E402
from openclaw.system.errors import StateError  # noqa: E402

# EC2 and Parameter Store by what is asked of them: botocore's own models take 30 MB and a quarter of a second to read.
MODELS = os.path.join(os.path.dirname(__file__), "models")


# One for all clients: they share what it has read, and half of the memory.
@functools.cache
def _session() -> Session:
    session = get_session()
    session.set_config_variable("data_path", MODELS)
    parsers = session.get_component("response_parser_factory")
    session.register_component("response_parser_factory", retries.Parsers(parsers))
    return session


def new_client(service: str, region: str) -> Any:
    config = Config(connect_timeout=10, read_timeout=60, retries=retries.OFF)
    client = _session().create_client(service, region_name=region, config=config)
    retries.install(client)
    return client


@contextlib.contextmanager
def aws_errors(service: str, operation: str) -> Iterator[None]:
    """For one call and the reading of its answer. @raises AwsError for whatever is raised within

    Whatever: of an answer that is not in its usual form, botocore raises parser errors and KeyErrors, which have no
    class in common with its own.
    """
    try:
        yield
    except StateError:
        raise
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise AwsError(str(code), f"aws {service} {operation}: {error}") from error
    except Exception as error:
        if isinstance(error, OSError) and not isinstance(error, (ConnectionError, TimeoutError)):
            # Of this machine: a full disk, say.
            raise
        raise AwsError("", f"aws {service} {operation}: {type(error).__name__}: {error}") from error
