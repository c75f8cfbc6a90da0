"""The few AWS calls that the state needs, through botocore: one start of Python for all of them."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.config import Config

from openclaw.aws import parameter_store
from openclaw.aws.errors import AwsError
from openclaw.aws.session import aws_errors, new_session
from openclaw.settings import Settings
from openclaw.system.documents import LIMIT

ABSENT = {"404", "NoSuchKey", "NotFound"}
# 409: two conditional writes at once; S3 asks for another try.
LOST_RACE = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}


# One for all clients: they share what it has read, and half of the memory.
_session = functools.cache(new_session)


@functools.cache
def _client(service: str, region: str, account: str) -> Any:
    retries = {"mode": "standard", "total_max_attempts": int(os.environ.get("AWS_MAX_ATTEMPTS", "4"))}
    config = Config(connect_timeout=10, read_timeout=60, retries=retries)
    client = _session().create_client(service, region_name=region, config=config)
    if service == "s3" and account:
        client.meta.events.register("provide-client-params.s3.*", functools.partial(_name_owner, account))
    return client


def _name_owner(account: str, params: dict[str, Any], model: Any, **_: object) -> dict[str, Any] | None:
    """Whoever gets hold of the bucket's name in another account reads and serves nothing: S3 answers 403.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """
    if "ExpectedBucketOwner" in model.input_shape.members:
        return {"ExpectedBucketOwner": account, **params}
    return None


@dataclass(frozen=True)
class Change:
    """A version of an object, or a delete marker; `at` is S3's own clock."""

    key: str
    at: datetime
    is_latest: bool
    is_deletion: bool


class Aws:
    def __init__(self, settings: Settings):
        self.settings = settings
        self.bucket = settings.bucket

    def client(self, service: str) -> Any:
        return _client(service, self.settings.region, self.settings.account)

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """@raises AwsError, whatever went wrong on the way"""
        with aws_errors(service, operation):
            answer: dict[str, Any] = getattr(self.client(service), operation)(**parameters)
            return answer

    def pages(self, service: str, operation: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        with aws_errors(service, operation):
            yield from self.client(service).get_paginator(operation).paginate(**parameters)

    def get(self, key: str, limit: int = LIMIT) -> tuple[bytes, str] | None:
        """Body and ETag, or None where there is no such object (a bucket that is missing is an error).

        @param limit in bytes; of a larger object comes one byte more, which no parser of ours takes
        """
        try:
            with aws_errors("s3", "get_object"):
                answer = self.client("s3").get_object(Bucket=self.bucket, Key=key)
                with contextlib.closing(answer["Body"]) as body:
                    # Only a read to the end notices a body that was cut off.
                    small = answer["ContentLength"] <= limit
                    return body.read() if small else body.read(limit + 1), answer["ETag"]
        except AwsError as error:
            if error.code in ABSENT:
                return None
            raise

    def size(self, key: str) -> int | None:
        """None where there is no such object."""
        head = self._head(key)
        return head["ContentLength"] if head else None

    def last_modified(self, key: str) -> datetime | None:
        """None where there is no such object."""
        head = self._head(key)
        return head["LastModified"] if head else None

    def _head(self, key: str) -> dict[str, Any] | None:
        try:
            with aws_errors("s3", "head_object"):
                head: dict[str, Any] = self.client("s3").head_object(Bucket=self.bucket, Key=key)
                return head
        except AwsError as error:
            if error.code in ABSENT:
                return None
            raise

    def put(self, key: str, body: bytes, if_match: str = "", if_absent: bool = False) -> str:
        """The new ETag. @raises AwsError with a code of LOST_RACE or ABSENT when the condition does not hold."""
        condition = {"If-Match": if_match} if if_match else {"If-None-Match": "*"} if if_absent else {}

        def add_condition(request: Any, **_: Any) -> None:
            for name, value in condition.items():
                request.headers[name] = value
            # What is put here is small: asking first costs a round trip for nothing.
            del request.headers["Expect"]

        # Amazon Linux's botocore is older than S3's conditional writes and knows no parameter for them.
        events, event = self.client("s3").meta.events, "before-sign.s3.PutObject"
        events.register(event, add_condition)
        try:
            with aws_errors("s3", "put_object"):
                etag: str = self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)["ETag"]
                return etag
        finally:
            events.unregister(event, add_condition)

    def delete(self, keys: list[str]) -> None:
        # XML, in which many are named at once, has no control characters.
        odd = {key for key in keys if not key.isprintable()}
        for key in odd:
            self.call("s3", "delete_object", Bucket=self.bucket, Key=key)
        keys = [key for key in keys if key not in odd]
        for start in range(0, len(keys), 1000):
            batch = {"Objects": [{"Key": key} for key in keys[start : start + 1000]], "Quiet": True}
            answer = self.call("s3", "delete_objects", Bucket=self.bucket, Delete=batch)
            for fault in answer.get("Errors", [])[:1]:
                raise AwsError(fault.get("Code", ""), f"delete of {fault.get('Key')}: {fault.get('Message')}")

    def list(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Key and ETag of each current object under prefix."""
        for found in self._listed("list_objects_v2", "Contents", prefix):
            yield found["Key"], found["ETag"].strip('"')

    def holds(self, prefix: str) -> bool:
        """Whether there is any current object under prefix."""
        answer = self.call("s3", "list_objects_v2", Bucket=self.bucket, Prefix=prefix, MaxKeys=1)
        return bool(answer.get("Contents"))

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Key and bytes of each current object under prefix."""
        for found in self._listed("list_objects_v2", "Contents", prefix):
            yield found["Key"], found["Size"]

    def history(self, prefix: str) -> Iterator[Change]:
        """Each version and each delete marker that there is under prefix."""
        for page in self.pages("s3", "list_object_versions", Bucket=self.bucket, Prefix=prefix):
            for field in ("Versions", "DeleteMarkers"):
                for found in page.get(field, []):
                    is_deletion = field == "DeleteMarkers"
                    yield Change(found["Key"], found["LastModified"], found["IsLatest"], is_deletion)

    def versions(self, prefix: str) -> Iterator[tuple[str, str, str, bool]]:
        """Key, version, ETag and whether it is the current one."""
        for found in self._listed("list_object_versions", "Versions", prefix):
            yield found["Key"], found["VersionId"], found["ETag"].strip('"'), found["IsLatest"]

    def _listed(self, operation: str, field: str, prefix: str) -> Iterator[dict[str, Any]]:
        for page in self.pages("s3", operation, Bucket=self.bucket, Prefix=prefix):
            yield from page.get(field, [])

    def parameter(self, name: str) -> str | None:
        """@param name below this deployment's path"""
        return parameter_store.get(self._parameter_path(name), self._ask)

    def note_parameter(self, name: str, value: str) -> None:
        """What is no secret, over what was there."""
        parameter_store.put(self._parameter_path(name), value, "String", overwrite=True, ask=self._ask)

    def create_parameter(self, name: str, value: str, kind: str = "SecureString") -> bool:
        """False when somebody else made it first."""
        return parameter_store.put(self._parameter_path(name), value, kind, ask=self._ask)

    def _parameter_path(self, name: str) -> str:
        return f"{self.settings.parameter_path}/{name}"

    def _ask(self, operation: str, **request: Any) -> dict[str, Any]:
        """With the patience of all calls here: a drain has no half minute to spare."""
        return self.call("ssm", operation, **request)
