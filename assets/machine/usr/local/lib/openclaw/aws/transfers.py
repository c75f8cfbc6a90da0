"""Files sent to the bucket and fetched from it, many at a time and of any size, by s3transfer, as the AWS CLI does."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from s3transfer.exceptions import RetriesExceededError
from s3transfer.futures import TransferFuture
from s3transfer.manager import TransferManager
from s3transfer.subscribers import BaseSubscriber

from openclaw.aws.client import ABSENT, Aws
from openclaw.aws.errors import AwsError
from openclaw.aws.session import aws_errors
from openclaw.system.progress import Progress

NO_VERSION = {*ABSENT, "NoSuchVersion", "InvalidArgument", "MethodNotAllowed", "405"}
# Each transfer that is not waited for yet takes memory.
BATCH = 1000


@dataclass(frozen=True)
class Stored:
    version: str
    etag: str


@dataclass(frozen=True)
class Wanted:
    key: str
    target: Path
    # Empty for the current one.
    version: str = ""
    # Known together, or S3 is asked for both first.
    size: int = 0
    etag: str = ""


def send(aws: Aws, sources: dict[str, Path]) -> dict[str, Stored]:
    """Uploads each path to its key; returns what S3 made of it."""
    progress, files, size = Progress("sending"), 0, 0
    with _noting_what_is_stored(aws) as stored, TransferManager(aws.client("s3")) as manager:
        for batch in _batches(sources.items()):
            for transfer in [manager.upload(str(path), aws.bucket, key) for key, path in batch]:
                _wait_for(transfer)
                files, size = files + 1, size + transfer.meta.size
                progress.at(files, size, files / len(sources))
    return stored


@contextlib.contextmanager
def _noting_what_is_stored(aws: Aws) -> Iterator[dict[str, Stored]]:
    """s3transfer keeps S3's answers to itself, and asking for the versions afterwards lists all of the bucket."""
    stored: dict[str, Stored] = {}

    def remember_key(params: dict, context: dict, **_: object) -> None:
        context["openclaw_key"] = params["Key"]

    def note(parsed: dict, context: dict, **_: object) -> None:
        if "VersionId" in parsed:
            stored[context["openclaw_key"]] = Stored(parsed["VersionId"], parsed["ETag"].strip('"'))

    events = aws.client("s3").meta.events
    handlers = [
        (f"{event}.s3.{operation}", handler)
        for operation in ("PutObject", "CompleteMultipartUpload")
        for event, handler in (("before-parameter-build", remember_key), ("after-call", note))
    ]
    for event, handler in handlers:
        events.register(event, handler)
    try:
        yield stored
    finally:
        for event, handler in handlers:
            events.unregister(event, handler)


def fetch(aws: Aws, wanted: Sequence[Wanted]) -> Iterator[Wanted]:
    """Yields those that are there now; the others do not exist."""
    progress, files, size = Progress("fetching"), 0, 0
    with TransferManager(aws.client("s3")) as manager:
        for batch in _batches(wanted):
            begun = [(one, _download(manager, aws.bucket, one)) for one in batch]
            for one, transfer in begun:
                try:
                    _wait_for(transfer)
                except AwsError as error:
                    if error.code not in NO_VERSION:
                        raise
                else:
                    files, size = files + 1, size + transfer.meta.size
                    progress.at(files, size, files / len(wanted))
                    yield one


def _download(manager: TransferManager, bucket: str, wanted: Wanted) -> TransferFuture:
    which = {"VersionId": wanted.version} if wanted.version else {}
    known = [_Known(wanted)] if wanted.etag else []
    return manager.download(bucket, wanted.key, str(wanted.target), which, known)


class _Known(BaseSubscriber):
    def __init__(self, wanted: Wanted):
        self.wanted = wanted

    def on_queued(self, future: TransferFuture, **_: object) -> None:
        future.meta.provide_transfer_size(self.wanted.size)
        # Amazon Linux's s3transfer neither knows nor needs it.
        if hasattr(future.meta, "provide_object_etag"):
            future.meta.provide_object_etag(f'"{self.wanted.etag}"')


def _wait_for(transfer: TransferFuture) -> None:
    with aws_errors("s3", "transfer"):
        try:
            transfer.result()
        except RetriesExceededError as error:
            raise error.last_exception from error


def _batches(items: Iterable) -> Iterator[list]:
    rest = iter(items)
    while batch := list(itertools.islice(rest, BATCH)):
        yield batch
