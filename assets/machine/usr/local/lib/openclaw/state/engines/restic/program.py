"""restic as a program: where its repository is, how it is run here, what its exit statuses and its words mean."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
from pathlib import Path
from typing import Any, Callable
from urllib.parse import unquote

from openclaw.aws import instance
from openclaw.aws.client import Aws
from openclaw.settings import Settings
from openclaw.state.engines.restic import locks, tags
from openclaw.state.guards import vanished
from openclaw.system import journal, processes
from openclaw.system.errors import Damaged, Locked, NoSpace, Refused, StateError, Unavailable
from openclaw.system.progress import EVERY_SECONDS, Progress

PREFIX = "snapshots/"
TOOLS = "openclaw-tools.service"
# The snapshots' tag with the name that restic's locks know the machine by.
HOST_TAG = "host"
PASSWORD = "restic-password"  # noqa: S105 (a parameter's name)
# restic beside OpenClaw on a small machine: with its own defaults a backup of 100,000 files takes twice the memory.
SMALL = {"GOGC": "10", "GOMEMLIMIT": "40MiB", "RESTIC_READ_CONCURRENCY": "1", "RESTIC_PACK_SIZE": "4"}
# restic's exit statuses (cmd/restic/main.go; a panic is 2, a signal below 0).
FAILED, INCOMPLETE = 1, 3
NO_REPOSITORY, LOCKED, WRONG_PASSWORD = 10, 11, 12
# restic's words, as of 0.19.1, for data that is there and wrong, or should be there and is not. From internal/: crypto,
# repository, repository/pack, repository/index, checker, data/tree.go, restorer, backend/s3; and S3's own.
_DAMAGE = re.compile(
    "|".join(
        (
            r"ciphertext (?:verification failed|too short)",
            r"invalid data returned",
            r"(?:decrypting|decompressing) blob \S+ from pack \S+ failed",
            r"hash (?:mismatch|does not match)|wrong (?:hash|data returned)|decompression failed",
            r"invalid (?:blob length|header, too short)|overlapping blobs|parseHeaderEntry|unexpected pack id",
            r"Unknown blob|not found in (?:index|repository)|is not contained in index",
            r"specified key does not exist|pack \S+: does not exist|pack is empty or not indexed",
            # Then the next pull does without the cache.
            r"cached file \S+ is (?:truncated|too short)",
            r"restic-file-too-short|requested range (?:is not|cannot be) satisfi|unexpected file size",
            r"pack header size (?:does not match|mismatch)|index for pack contains gaps",
            r"index is not complete|packs from index missing|pack size does not match calculated size",
            r"config or key \S+ is damaged|error decoding tree|failed to decode tree|nodes are not ordered",
            r"Dir without subtree|has nil blob list|has null ID|has no subtree|subtree id is null",
        )
    ),
    re.IGNORECASE,
)
# The kernel's words, Go's and restic's for what says nothing about the store, whatever else was said beside it.
_DISK_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_OF_THE_MACHINE = re.compile(
    r"input/output error|read-only file system|cannot allocate memory|"
    r"out of memory|too many open files|device or resource busy|resource temporarily unavailable|"
    r"Detected data corruption while",
    re.IGNORECASE,
)


class Restic:
    def __init__(self, settings: Settings, aws: Aws):
        self.settings, self.aws = settings, aws

    def run(
        self,
        arguments: list[str],
        cwd: Path | None = None,
        create: bool = False,
        progress: str = "",
        lock_wait_seconds: int = 0,
    ) -> processes.Result:
        """@param lock_wait_seconds for how long another process's lock is waited for

        @raises Locked where it is still held then
        """
        env = {
            "RESTIC_REPOSITORY": f"s3:{self._endpoint()}/{self.aws.bucket}/{PREFIX.rstrip('/')}",
            "RESTIC_PASSWORD": self._password(create),
            "RESTIC_CACHE_DIR": str(self.settings.var / "restic-cache"),
            "RESTIC_PROGRESS_FPS": str(1 / EVERY_SECONDS),
            **SMALL,
        }
        _await_restic()
        shown = _shown(Progress(progress)) if progress else None

        def attempt(*options: str) -> processes.Result:
            command = ["restic", *options, *arguments]
            return processes.run(command, self.settings.engine_timeout_seconds, env, cwd, shown)

        result = attempt()
        if result.code == NO_REPOSITORY and create:
            self._initialise(env)
            result = attempt()
        if _is_locked(result):
            self._remove_stale_locks(env)
            result = attempt("--retry-lock", f"{lock_wait_seconds}s")
        if _is_locked(result):
            held = "; ".join(map(str, self._locks(env).values())) or result.last_words
            raise Locked(f"the restic repository is locked by {held}")
        return result

    def _remove_stale_locks(self, env: dict[str, str]) -> None:
        instances = self._instances(env)
        for key, lock in self._locks(env).items():
            reason = lock.why_stale(instances.get(lock.host, ()), self._is_gone)
            if reason:
                journal.say(f"removing the lock of process {lock.pid} on {lock.host}: {reason}")
                self.aws.delete([key])

    def _is_gone(self, instance_id: str) -> bool:
        try:
            return instance.is_gone(self.aws, instance_id)
        except Unavailable:
            return False

    def _locks(self, env: dict[str, str]) -> dict[str, locks.Lock]:
        """By key. One that cannot be read was written by nobody who still refreshes it, once it is old."""
        found: dict[str, locks.Lock] = {}
        for key, _ in list(self.aws.list(f"{PREFIX}locks/")):
            lock_id = key.rpartition("/")[2]
            said = processes.run(["restic", "cat", "lock", lock_id, "--no-lock", "--quiet"], 120, env=env)
            try:
                found[key] = locks.parse(lock_id, said.out)
            except (ValueError, LookupError, TypeError):
                written = self.aws.last_modified(key)
                if written:
                    found[key] = locks.Lock(lock_id, written, "an unknown host (the lock cannot be read)", 0)
        return found

    def _instances(self, env: dict[str, str]) -> dict[str, set[str]]:
        """Instances of this deployment by the host name under which they have backed up."""
        said = processes.run(["restic", "snapshots", "--json", "--no-lock"], 300, env=env)
        found: dict[str, set[str]] = {}
        for one in json.loads(said.out) or [] if said.ok else []:
            told = tags.parse(one.get("tags"))
            if told.get(HOST_TAG) and told.get("instance"):
                found.setdefault(unquote(told[HOST_TAG]), set()).add(unquote(told["instance"]))
        return found

    def _initialise(self, env: dict[str, str]) -> None:
        """Also after an attempt that was cut off between restic's key and its configuration."""
        self.aws.delete(self.require_unborn())
        result = processes.run(["restic", "init", "--quiet"], 300, env=env)
        if result.code != 0:
            raise self.failure("init", result)

    def require_unborn(self) -> list[str]:
        """The keys that a cut-off attempt to make it has left.

        @raises Damaged when a repository is there without its configuration, Refused when all of one was deleted
        """
        keys = [key for key, _ in self.aws.list(PREFIX)]
        commands = vanished.undelete(self.settings, self.aws, PREFIX.rstrip("/"))
        if any(not key.startswith(f"{PREFIX}keys/") for key in keys):
            raise Damaged(
                f"s3://{self.aws.bucket}/{PREFIX} holds data but no restic configuration ({PREFIX}config): bring it "
                f"back from the bucket's older versions. {commands}"
            )
        if vanished.made(self.aws, vanished.CONFIG):
            # Another configuration would make what was deleted unreadable for good.
            raise Refused(f"the restic repository in s3://{self.aws.bucket}/{PREFIX} was deleted. {commands}")
        return keys

    def is_initialised(self) -> bool:
        return self.aws.holds(PREFIX)

    def _password(self, create: bool) -> str:
        password = self.aws.parameter(PASSWORD)
        if password is not None:
            return password
        path = f"{self.settings.parameter_path}/{PASSWORD}"
        if not create or self.is_initialised():
            raise StateError(
                f"the parameter {path} is gone, but s3://{self.aws.bucket}/{PREFIX} was encrypted with it: put the "
                f"old value back (aws ssm put-parameter --type SecureString --name {path} --value …), no other opens it"
            )
        self.aws.create_parameter(PASSWORD, secrets.token_urlsafe(32))
        made = self.aws.parameter(PASSWORD)
        if made is None:
            raise Unavailable(f"the parameter {path} was made but cannot be read yet")
        return made

    def _endpoint(self) -> str:
        """As botocore has it: China's and the Sovereign Cloud's regions have domains of their own."""
        given = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        return given or str(self.aws.client("s3").meta.endpoint_url)

    def failure(self, what: str, result: processes.Result) -> StateError:
        words = _errors(result) or result.last_words or f"exit status {result.code}"
        if result.code == WRONG_PASSWORD:
            return StateError(f"{self.settings.parameter_path}/{PASSWORD} does not open the repository: {words}")
        said = f"{result.err}\n{result.out}"
        if _DISK_FULL.search(said):
            return NoSpace(f"restic {what}: {words}")
        if _OF_THE_MACHINE.search(said):
            return StateError(f"restic {what}: {words}")
        # `snapshots` ends well where it has left out what it cannot read.
        has_judged = result.code in (0, FAILED, INCOMPLETE)
        if has_judged and _DAMAGE.search(said):
            return Damaged(f"restic {what}: {words}")
        return Unavailable(f"restic {what}: {words}")


def _is_locked(result: processes.Result) -> bool:
    return result.code == LOCKED or (result.code == FAILED and "invalid lock file" in result.err)


def _await_restic() -> None:
    """A new machine's restore runs beside the unit that installs restic; what is installed was verified."""
    if shutil.which("restic") is None:
        result = processes.run(["systemctl", "start", TOOLS], 1800)
        if result.code != 0:
            raise Unavailable(f"restic is not here: {TOOLS}, which installs it, failed: {result.last_words}")


def _shown(progress: Progress) -> Callable[[str], None]:
    """What to do with each line of restic's output, to show how far it is."""

    def show(line: str) -> None:
        with contextlib.suppress(ValueError):
            for status in messages(line, "status"):
                files = status.get("files_done", status.get("files_restored", 0))
                size = status.get("bytes_done", status.get("bytes_restored", 0))
                # A backup has not counted its files before, and says 0 all along.
                progress.at(files, size, status.get("percent_done") or None)

    return show


def messages(text: str, kind: str) -> list[dict[str, Any]]:
    lines = (json.loads(line) for line in text.splitlines() if line.startswith("{"))
    return [line for line in lines if line.get("message_type") == kind]


def _errors(result: processes.Result) -> str:
    try:
        found = messages(result.err, "error") + messages(result.err, "exit_error")
    except ValueError:
        return ""
    said = [line.get("message") or line.get("error", {}).get("message", "") for line in found]
    return " | ".join(said[:2])
