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

from openclaw.aws.client import Aws
from openclaw.settings import Settings
from openclaw.state.guards import loss
from openclaw.system import journal, processes
from openclaw.system.errors import Damaged, Refused, StateError, Unavailable
from openclaw.system.progress import EVERY_SECONDS, Progress

PREFIX = "snapshots/"
TOOLS = "openclaw-tools.service"
PASSWORD = "restic-password"  # noqa: S105 (a parameter's name)
# restic beside OpenClaw on a small machine: with its own defaults a backup of 100,000 files takes twice the memory.
SMALL = {"GOGC": "10", "GOMEMLIMIT": "40MiB", "RESTIC_READ_CONCURRENCY": "1", "RESTIC_PACK_SIZE": "4"}
INCOMPLETE = 3
NO_REPOSITORY, LOCKED, WRONG_PASSWORD, ENDED = 10, 11, 12, 124
# restic's words for data that is there and wrong, or should be there and is not.
_DAMAGE = re.compile(
    r"ciphertext verification failed|hash (?:mismatch|does not match)|not found in (?:index|repository)|"
    r"(?:specified key|file) does not exist|invalid data returned|wrong hash",
    re.IGNORECASE,
)


class Restic:
    def __init__(self, settings: Settings, aws: Aws):
        self.settings, self.aws = settings, aws

    def run(
        self, arguments: list[str], cwd: Path | None = None, create: bool = False, progress: str = ""
    ) -> processes.Result:
        env = {
            "RESTIC_REPOSITORY": f"s3:{self._endpoint()}/{self.aws.bucket}/{PREFIX.rstrip('/')}",
            "RESTIC_PASSWORD": self._password(create),
            "RESTIC_CACHE_DIR": str(self.settings.var / "restic-cache"),
            "RESTIC_PROGRESS_FPS": str(1 / EVERY_SECONDS),
            **SMALL,
        }
        _await_restic()
        shown = _shown(Progress(progress)) if progress else None

        def attempt() -> processes.Result:
            return processes.run(["restic", *arguments], self.settings.engine_timeout_seconds, env, cwd, shown)

        result = attempt()
        if result.code == NO_REPOSITORY and create:
            self._initialise(env)
            result = attempt()
        if result.code == LOCKED:
            # We hold this machine's lock and the bucket's lease: whoever made that lock is gone.
            journal.say("removing the lock of a run that was killed")
            processes.run(["restic", "unlock", "--remove-all", "--quiet"], 120, env=env)
            result = attempt()
        return result

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
        commands = loss.undelete(self.settings, self.aws, PREFIX.rstrip("/"))
        if any(not key.startswith(f"{PREFIX}keys/") for key in keys):
            raise Damaged(
                f"s3://{self.aws.bucket}/{PREFIX} holds data but no restic configuration ({PREFIX}config): bring it "
                f"back from the bucket's older versions. {commands}"
            )
        if loss.made(self.aws, loss.CONFIG):
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
        given = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        return given or f"https://s3.{self.settings.region}.amazonaws.com"

    def failure(self, what: str, result: processes.Result) -> StateError:
        words = _errors(result) or result.last_words or f"exit status {result.code}"
        if result.code == WRONG_PASSWORD:
            return StateError(f"{self.settings.parameter_path}/{PASSWORD} does not open the repository: {words}")
        if "no space left on device" in result.err:
            return StateError(f"restic {what}: {words}")
        if result.code != ENDED and _DAMAGE.search(f"{result.err}\n{result.out}"):
            return Damaged(f"restic {what}: {words}")
        return Unavailable(f"restic {what}: {words}")


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
