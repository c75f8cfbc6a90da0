"""The mirror's objects: listed, sent and fetched in bulk by `aws s3 cp`, one version at a time where it must be."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from .. import programs
from ..aws import Aws
from ..errors import Unavailable

ENVIRONMENT = {"AWS_PAGER": "", "AWS_RETRY_MODE": "standard"}


def digests(path: Path) -> tuple[str, str]:
    """SHA-256, and the MD5 that S3 shows as the ETag of an object sent in one part."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            sha256.update(block)
            md5.update(block)
    return sha256.hexdigest(), md5.hexdigest()


class Objects:
    def __init__(self, aws: Aws, timeout: float):
        self.aws = aws
        self.timeout = timeout

    def current(self, prefix: str) -> dict[str, str]:
        """ETag by key, of the current objects."""
        return dict(self.aws.list(prefix))

    def send(self, sources: dict[str, Path], scratch: Path) -> None:
        """Uploads each path to its key: a tree of hard links, so that one program sends them side by side."""
        shutil.rmtree(scratch, ignore_errors=True)
        try:
            for key, source in sources.items():
                target = scratch / key
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                os.link(source, target)
            self._copy(str(scratch), f"s3://{self.aws.bucket}/")
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def fetch_all(self, prefix: str, target: Path) -> None:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._copy(f"s3://{self.aws.bucket}/{prefix}", str(target))

    def fetch(self, key: str, target: Path, version: str = "") -> bool:
        """False where there is no such object or version."""
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.aws.download(key, target, version)

    def put_lines(self, key: str, lines: Iterable[str]) -> None:
        self.aws.put(key, json.dumps(sorted(lines)).encode("ascii"))

    def _copy(self, source: str, target: str) -> None:
        options = ("--recursive", "--no-follow-symlinks", "--only-show-errors", "--no-progress")
        result = programs.run(("aws", "s3", "cp", source, target, *options), self.timeout, env=ENVIRONMENT)
        if result.code != 0:
            raise Unavailable(f"aws s3 cp {source} {target}: {result.last_words}")
