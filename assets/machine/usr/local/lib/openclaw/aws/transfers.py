"""Files sent to the bucket and fetched from it, many at a time and of any size, by s3transfer, as the AWS CLI does."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, TypeVar

from botocore.exceptions import ResponseStreamingError
from s3transfer.exceptions import RetriesExceededError
from s3transfer.futures import TransferFuture
from s3transfer.manager import TransferManager
from s3transfer.subscribers import BaseSubscriber

from openclaw.aws import retries
from openclaw.aws.client import ABSENT, Aws
from openclaw.aws.errors import AwsError
from openclaw.aws.session import aws_errors
from openclaw.system.progress import Progress

NO_VERSION = {*ABSENT, "NoSuchVersion", "InvalidArgument", "MethodNotAllowed", "405"}
# Each transfer that is not waited for yet takes memory.
BATCH = 1000
T = TypeVar("T")


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


def send(aws: Aws, sources: dict[str, Path], check: Callable[[], object]) -> dict[str, Stored]:
    """Uploads each path to its key; returns what S3 made of it.

    @param check is called before each batch; what it raises ends the upload
    """
    progress, files, size = Progress("sending"), 0, 0
    with _noting_what_is_stored(aws) as stored, TransferManager(aws.client("s3")) as manager:
        for batch in _batches(sources.items()):
            check()
            for transfer in [manager.upload(str(path), aws.bucket, key) for key, path in batch]:
                _wait_for(transfer)
                files, size = files + 1, size + transfer.meta.size
                progress.at(files, size, files / len(sources))
    return stored


@contextlib.contextmanager
def _noting_what_is_stored(aws: Aws) -> Iterator[dict[str, Stored]]:
    """s3transfer keeps S3's answers to itself, and asking for the versions afterwards lists all of the bucket."""
    stored: dict[str, Stored] = {}

    def remember_key(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        context["openclaw_key"] = params["Key"]

    def note(parsed: dict[str, Any], context: dict[str, Any], **_: object) -> None:
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
                    done = _fetched(manager, aws.bucket, one, transfer)
                except AwsError as error:
                    if error.code not in NO_VERSION:
                        raise
                else:
                    SparseFile(one.target).end_at(done.meta.size)
                    files, size = files + 1, size + done.meta.size
                    progress.at(files, size, files / len(wanted))
                    yield one


def _fetched(manager: TransferManager, bucket: str, wanted: Wanted, transfer: TransferFuture) -> TransferFuture:
    """The transfer that succeeded. Amazon Linux's s3transfer does not ask again for a body that was cut off."""
    for attempts in itertools.count(1):
        try:
            _wait_for(transfer)
            return transfer
        except AwsError as error:
            cut_off = isinstance(error.__cause__, ResponseStreamingError)
            pause = retries.pause_after(attempts) if cut_off else None
            if pause is None:
                raise
        time.sleep(pause)
        transfer = _download(manager, bucket, wanted)
    raise AssertionError("unreachable")


def _download(manager: TransferManager, bucket: str, wanted: Wanted) -> TransferFuture:
    which = {"VersionId": wanted.version} if wanted.version else {}
    known = [_Known(wanted)] if wanted.etag else []
    return manager.download(bucket, wanted.key, SparseFile(wanted.target), which, known)


class SparseFile:
    """A file in which blocks of zeros become holes, as s3transfer writes to it: parts in any order, and again after a
    fault. Open only while it writes: a thousand are on their way at once."""

    BLOCK = 4096

    def __init__(self, path: Path):
        self._path, self._at = path, 0

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """@raises ValueError for anything but an offset from the beginning"""
        if whence != os.SEEK_SET:
            raise ValueError(f"whence must be os.SEEK_SET, got {whence}")
        self._at = offset
        return offset

    def tell(self) -> int:
        return self._at

    def write(self, data: bytes) -> int:
        with self._opened() as fd:
            # Nearly always there is none.
            step = self.BLOCK if _ZEROS in data else max(1, len(data))
            for start in range(0, len(data), step):
                self._write_block(fd, self._at + start, data[start : start + step])
        self._at += len(data)
        return len(data)

    def _write_block(self, fd: int, at: int, block: bytes) -> None:
        # What a broken try has left there has to go.
        if block == _ZEROS[: len(block)] and not os.pread(fd, len(block), at).strip(b"\0"):
            return
        while block:
            written = os.pwrite(fd, block, at)
            at, block = at + written, block[written:]

    def end_at(self, size: int) -> None:
        with self._opened() as fd:
            os.ftruncate(fd, size)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield fd
        finally:
            os.close(fd)


_ZEROS = bytes(SparseFile.BLOCK)


class _Known(BaseSubscriber):  # type: ignore[misc] # s3transfer brings no types along
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


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(itertools.islice(rest, BATCH)):
        yield batch
