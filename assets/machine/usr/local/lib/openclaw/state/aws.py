"""The few AWS calls that the state needs, through the AWS CLI."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import programs
from .errors import Unavailable
from .settings import Settings

ABSENT = {"404", "NoSuchKey", "NotFound"}
# 409: two conditional writes at once; S3 asks for another try.
LOST_RACE = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}


class AwsError(Unavailable):
    """`code` is the service's error code, or empty where no service answered."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


class Aws:
    def __init__(self, settings: Settings):
        self.settings = settings
        self.bucket = settings.bucket

    def call(self, *arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
        env = {
            "AWS_PAGER": "",
            "AWS_RETRY_MODE": "standard",
            "AWS_MAX_ATTEMPTS": os.environ.get("AWS_MAX_ATTEMPTS", "4"),
        }
        options = ("--cli-connect-timeout", "10", "--cli-read-timeout", "60")
        result = programs.run(("aws", *arguments, *options), timeout, env=env, stdin=stdin)
        if result.code == 0:
            return result.out
        found = re.search(r"An error occurred \(([^)]+)\)", result.err)
        raise AwsError(found.group(1) if found else "", f"aws {' '.join(arguments[:2])}: {result.last_words}")

    def call_json(self, *arguments: str, **options: Any) -> Any:
        text = self.call(*arguments, "--output", "json", **options)
        return json.loads(text) if text.strip() else {}

    def get(self, key: str) -> tuple[bytes, str] | None:
        """Body and ETag, or None where there is no such object (a bucket that is missing is an error)."""
        with tempfile.TemporaryDirectory(dir=self._scratch()) as scratch:
            body = Path(scratch) / "body"
            try:
                answer = self.call_json("s3api", "get-object", "--bucket", self.bucket, "--key", key, str(body))
            except AwsError as error:
                if error.code in ABSENT:
                    return None
                raise
            return body.read_bytes(), answer["ETag"]

    def put(self, key: str, body: bytes, if_match: str = "", if_absent: bool = False) -> str:
        """The new ETag. @raises AwsError with a code of LOST_RACE or ABSENT when the condition does not hold."""
        condition = ("--if-match", if_match) if if_match else ("--if-none-match", "*") if if_absent else ()
        with tempfile.NamedTemporaryFile(dir=self._scratch()) as stream:
            stream.write(body)
            stream.flush()
            source = ("--bucket", self.bucket, "--key", key, "--body", stream.name)
            return self.call_json("s3api", "put-object", *source, *condition)["ETag"]

    def delete(self, keys: list[str]) -> None:
        for start in range(0, len(keys), 1000):
            batch = {"Objects": [{"Key": key} for key in keys[start : start + 1000]], "Quiet": True}
            with tempfile.NamedTemporaryFile("w", dir=self._scratch()) as stream:
                json.dump(batch, stream)
                stream.flush()
                answer = self.call_json(
                    "s3api", "delete-objects", "--bucket", self.bucket, "--delete", f"file://{stream.name}"
                )
            for fault in answer.get("Errors", [])[:1]:
                raise AwsError(fault.get("Code", ""), f"delete of {fault.get('Key')}: {fault.get('Message')}")

    def list(self, prefix: str, fields: str, most: int = 0) -> Iterator[list[str]]:
        """The current objects under prefix as lists of the named fields, e.g. "Key,ETag"."""
        limit = ("--max-items", str(most)) if most else ()
        yield from self.rows("list-objects-v2", prefix, f"Contents[].[to_string([{fields}])]", *limit)

    def rows(self, operation: str, prefix: str, query: str, *options: str) -> Iterator[list]:
        """Text output is written page by page, so that long listings need no memory; JSON in it keeps any key whole."""
        where = ("--bucket", self.bucket, "--prefix", prefix, "--query", query, "--output", "text")
        for line in self.call("s3api", operation, *where, *options, timeout=900).splitlines():
            # The CLI prints None for an empty page, and again for the token of a cut listing.
            if line.startswith("["):
                yield json.loads(line)

    def parameter(self, name: str) -> str | None:
        path = f"{self.settings.parameter_path}/{name}"
        try:
            answer = self.call_json("ssm", "get-parameter", "--name", path, "--with-decryption")
        except AwsError as error:
            if error.code == "ParameterNotFound":
                return None
            raise
        return answer["Parameter"]["Value"]

    def create_secret(self, name: str, value: str) -> bool:
        """False when somebody else made it first. The value goes by a pipe: argument lists are public."""
        path = f"{self.settings.parameter_path}/{name}"
        request = ("--name", path, "--type", "SecureString", "--value", "file:///dev/stdin", "--no-overwrite")
        try:
            self.call("ssm", "put-parameter", *request, stdin=value)
        except AwsError as error:
            if error.code == "ParameterAlreadyExists":
                return False
            raise
        return True

    def _scratch(self) -> Path:
        path = self.settings.var / "scratch"
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path
