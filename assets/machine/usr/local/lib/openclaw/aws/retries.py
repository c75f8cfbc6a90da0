"""When a call of AWS is tried again, whichever botocore makes it.

Its own rules differ: 1.33, which Amazon Linux brings, waits for seconds; 1.44 waits for a third of one in all, and
gives a client a budget of tries that an outage uses up for good. So ours answer its question after each try, and its
own are off: up to ATTEMPTS tries, whose pauses double from half a second on, each by chance between half of that and
all of it; 15 s in all. A call that has failed for SECONDS is not tried again. What is tried again is the request with
its answer, but for a body that is read piece by piece: its reader has to ask for it anew. An answer that nobody can
parse is tried again, too; of botocore's own, 1.44 does that for S3 and 1.33 not at all.
"""

from __future__ import annotations

import functools
import os
import random
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import HTTPClientError, IncompleteReadError
from botocore.parsers import ResponseParserError

ATTEMPTS = int(os.environ.get("AWS_MAX_ATTEMPTS", "6"))
# Before the second try; at most PAUSE * 2**(ATTEMPTS - 2) before the last.
PAUSE = float(os.environ.get("OPENCLAW_RETRY_DELAY", "0.5"))
SECONDS = 60
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
THROTTLED = {
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
    "EC2ThrottledException",
}
TRANSIENT = {
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    # Parameter Store's: what a new role may do arrives late, and this is what a new machine asks first.
    "AccessDeniedException",
}
_BEGUN = "openclaw_failing_since"
_UNPARSED = "openclaw_unparsed"


def install(client: Any) -> None:
    """On a client that was made with OFF and Parsers."""
    client.meta.events.register("needs-retry", _pause_before_next)


# For botocore's Config.
OFF = {"mode": "standard", "total_max_attempts": 1}


class Parsers:
    """In the place of a session's factory of parsers: botocore asks nobody what to do about an error of theirs, but
    about what they have parsed."""

    def __init__(self, factory: Any):
        self._factory = factory

    def create_parser(self, protocol: str) -> Any:
        parser = self._factory.create_parser(protocol)
        parser.parse = functools.partial(_parse, parser.parse)
        return parser


def _parse(parse: Callable[..., dict[str, Any]], response: dict[str, Any], shape: Any) -> dict[str, Any]:
    try:
        return parse(response, shape)
    except ResponseParserError as error:
        # Below its first line is the whole answer.
        return {_UNPARSED: ResponseParserError(str(error).partition("\n")[0])}


def _pause_before_next(
    response: tuple[Any, dict[str, Any]] | None,
    attempts: int,
    caught_exception: Exception | None,
    request_dict: dict[str, Any],
    operation: Any,
    **_: object,
) -> float | None:
    """Seconds, or None where the call has come to its end, well or not.

    @raises IncompleteReadError where that is an answer that was cut off: 1.44 does not notice by itself
    @raises ResponseParserError where it is one that nobody could parse
    """
    no_answer: Exception | None = None
    if response:
        no_answer = response[1].get(_UNPARSED)
        if not operation.has_streaming_output and request_dict["method"] != "HEAD":
            no_answer = _cut_off(response[0]) or no_answer
    failed = may_pass(caught_exception) if response is None else no_answer or _is_passing(response[0], response[1])
    if not failed:
        return None
    since = request_dict["context"].setdefault(_BEGUN, time.monotonic())
    seconds = pause_after(attempts)
    if seconds is None or time.monotonic() + seconds - since > SECONDS:
        if no_answer:
            raise no_answer
        return None
    return seconds


def _cut_off(answer: Any) -> IncompleteReadError | None:
    announced = answer.headers.get("Content-Length", "")
    got = len(answer.content)
    if not announced.isdigit() or int(announced) == got:
        return None
    return IncompleteReadError(actual_bytes=got, expected_bytes=int(announced))


def pause_after(attempts: int) -> float | None:
    """Seconds after so many tries that failed, or None where there is no other."""
    return PAUSE * 2 ** (attempts - 1) * random.uniform(0.5, 1) if attempts < ATTEMPTS else None  # noqa: S311


def may_pass(error: BaseException | None) -> bool:
    """Whether nobody answered: no connection, one that was cut off, or none in time."""
    return isinstance(error, (HTTPClientError, IncompleteReadError, ConnectionError, TimeoutError))


def _is_passing(answer: Any, parsed: dict[str, Any]) -> bool:
    code = parsed.get("Error", {}).get("Code")
    return answer.status_code >= 500 or answer.status_code == 429 or code in THROTTLED | TRANSIENT
