"""What lies below the three roots, as root gets to know of it: from the reader, by descriptor, and never by a path."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from openclaw.state.openclaw_data.layout import OWNER
from openclaw.state.staging import reader
from openclaw.system import unprivileged
from openclaw.system.errors import Refused, StateError
from openclaw.system.status import Status

# For one answer of a few hundred entries, on a disk that does much else.
ANSWER_SECONDS = 300
_ROOT = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Found(NamedTuple):
    path: str
    status: Status
    # Of a link.
    leads_to: str


@dataclass
class Batch:
    """Some entries of a walk; what could not be read, with the reason."""

    found: list[Found] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)


class Opened(NamedTuple):
    """A regular file, open for reading; what stands beside it with a name of SQLite's."""

    descriptor: int
    status: os.stat_result
    beside: Mapping[str, Status] = {}


class Mounts:
    def __init__(self, roots: Mapping[str, Path]):
        """@raises Refused when a root is missing or a link"""
        self._process = unprivileged.Process("openclaw.state.staging.reader", OWNER)
        with contextlib.ExitStack() as stack:
            opened, missing = [], []
            for root in roots.values():
                try:
                    opened.append(os.open(root, _ROOT))
                    stack.callback(os.close, opened[-1])
                except OSError as error:
                    if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                        raise
                    missing.append(str(root))
            if missing:
                raise Refused(
                    f"nothing is backed up: {', '.join(missing)} is missing or a link, and an absent source is never "
                    "pushed"
                )
            self._ask(reader.ROOTS + b"\0".join(map(os.fsencode, roots)), opened)

    def __enter__(self) -> Mounts:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.close()

    def walk(self) -> Iterator[Batch]:
        """Directories before what they hold. A batch can be opened until the next one is asked for."""
        request = reader.WALK
        while True:
            batch = self._batch(request)
            if not batch.found and not batch.faults:
                return
            yield batch
            request = reader.NEXT

    def _batch(self, request: bytes) -> Batch:
        answer = self._ask(request)
        found, faults = reader.COUNTS.unpack_from(answer)
        end = reader.COUNTS.size + found * reader.ENTRY.size
        texts = iter(os.fsdecode(answer[end:]).split("\0"))
        numbers = [Status(*one) for one in reader.ENTRY.iter_unpack(answer[reader.COUNTS.size : end])]
        paths = [next(texts) for _ in numbers]
        entries = zip(paths, numbers)
        return Batch(
            [Found(path, one, next(texts) if stat.S_ISLNK(one.st_mode) else "") for path, one in entries],
            [(next(texts), next(texts)) for _ in range(faults)],
        )

    def open(self, numbers: Sequence[int]) -> Iterator[tuple[int, Opened | OSError]]:
        """Of the current batch; each is closed when the next one is asked for."""
        for start in range(0, len(numbers), unprivileged.MOST_DESCRIPTORS):
            some = numbers[start : start + unprivileged.MOST_DESCRIPTORS]
            answer, received = self._ask_for_files(reader.OPEN + b"".join(map(reader.INDEX.pack, some)))
            with _closing(received):
                descriptors = iter(received)
                for number, (code,) in zip(some, reader.ERROR.iter_unpack(answer)):
                    yield number, (_failure(code) if code else _opened(next(descriptors, -1)))

    @contextlib.contextmanager
    def look(self, path: str) -> Iterator[Opened]:
        """@raises OSError where it cannot be read, FileNotFoundError where there is no such file any more"""
        answer, received = self._ask_for_files(reader.LOOK + os.fsencode(path))
        with _closing(received):
            (code,) = reader.ERROR.unpack_from(answer)
            if code:
                raise _failure(code)
            beside = map(Status._make, reader.ENTRY.iter_unpack(answer[reader.ERROR.size :]))
            names = (os.fsdecode(suffix) for suffix in reader.SIDECARS)
            present = {name: status for name, status in zip(names, beside) if status.st_mode}
            yield _opened(received[0] if received else -1)._replace(beside=present)

    def _ask(self, request: bytes, descriptors: Sequence[int] = ()) -> bytes:
        answer, received = self._ask_for_files(request, descriptors)
        unprivileged.close_all(received)
        return answer

    def _ask_for_files(self, request: bytes, descriptors: Sequence[int] = ()) -> tuple[bytes, list[int]]:
        try:
            return self._process.ask(request, ANSWER_SECONDS, descriptors)
        except unprivileged.Lost as error:
            raise StateError(f"the process that reads the mounts gave no answer: {error}") from error


def _opened(descriptor: int) -> Opened:
    """@raises StateError unless it is a regular file: root copies from nothing else"""
    status = os.fstat(descriptor) if descriptor >= 0 else None
    if status is None or not stat.S_ISREG(status.st_mode):
        raise StateError("the process that reads the mounts answered with something that is not a regular file")
    return Opened(descriptor, status)


def _failure(code: int) -> OSError:
    return OSError(code, os.strerror(code))


@contextlib.contextmanager
def _closing(descriptors: Sequence[int]) -> Iterator[None]:
    try:
        yield
    finally:
        unprivileged.close_all(descriptors)
