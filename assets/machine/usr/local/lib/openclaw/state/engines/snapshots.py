"""Snapshots in a restic repository: atomic, deduplicated, encrypted, verified when read."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable
from urllib.parse import quote

from .. import log, programs
from ..errors import Damaged, StateError, Unavailable
from ..progress import EVERY_SECONDS, Progress
from ..settings import ROOTS
from ..staging import Staged
from .base import Engine, Facts, Pushed, Snapshot

PREFIX = "snapshots/"
TOOLS = "openclaw-tools.service"
PASSWORD = "restic-password"  # noqa: S105 (a parameter's name)
# restic beside OpenClaw on a small machine: with its own defaults a backup of 100,000 files takes twice the memory.
SMALL = {"GOGC": "10", "GOMEMLIMIT": "40MiB", "RESTIC_READ_CONCURRENCY": "1", "RESTIC_PACK_SIZE": "4"}
NO_REPOSITORY, LOCKED, WRONG_PASSWORD, ENDED = 10, 11, 12, 124
# restic's words for data that is there and wrong, or should be there and is not.
_DAMAGE = re.compile(
    r"ciphertext verification failed|hash (?:mismatch|does not match)|not found in (?:index|repository)|"
    r"(?:specified key|file) does not exist|invalid data returned|wrong hash|zstd",
    re.IGNORECASE,
)


class Snapshots(Engine):
    name = "snapshots"
    _healed = False

    def push(self, staged: Staged, facts: Facts) -> Pushed:
        """@raises Damaged when the repository has to be healed first"""
        tags = {
            "generation": str(facts.generation),
            "sequence": str(facts.sequence),
            "instance": facts.instance,
            "image": facts.image,
            "openclaw": facts.openclaw or "",
        }
        tags.update({f"user_version:{path}": str(version) for path, version in _authoritative(staged.databases)})
        arguments = ["backup", "--host", "openclaw", "--group-by", "host", "--no-scan", "--json"]
        for name, value in tags.items():
            # restic separates tags by commas.
            arguments += ["--tag", f"{quote(name, safe=':/._-')}={quote(value, safe=':/._-@')}"]
        if self._healed:
            # The parent snapshot may name what is gone now.
            arguments.append("--force")
        result = self._restic([*arguments, "--", *ROOTS], cwd=staged.tree, create=True, progress="sending")
        if result.code != 0:
            raise self._failure("backup", result)
        summary = _messages(result.out, "summary")[-1]
        return Pushed(summary["snapshot_id"], summary.get("data_added_packed", summary["data_added"]))

    def stands(self, snapshot_id: str) -> bool:
        return self.aws.size(f"{PREFIX}snapshots/{snapshot_id}") is not None

    def list(self) -> list[Snapshot]:
        if not self._is_initialised():
            return []
        result = self._restic(["snapshots", "--json", "--no-lock"])
        if result.code == NO_REPOSITORY:
            return []
        if result.code != 0:
            raise self._failure("snapshots", result)
        return sorted((self._snapshot(found) for found in json.loads(result.out) or []), key=lambda one: one.order)

    def pull(self, snapshot: Snapshot, target: Path, paths: Sequence[str] = ()) -> None:
        chosen = [option for path in paths for option in ("--include", "/" + _literal(path))]
        command = ["restore", snapshot.id, "--target", str(target), "--no-lock", "--json", *chosen]
        result = self._restic(command, progress="fetching")
        if result.code != 0:
            raise self._failure(f"restore of {snapshot.id[:8]}", result)

    def prune(self, remove: Sequence[Snapshot]) -> None:
        if not remove:
            return
        result = self._restic(["forget", "--prune", "--quiet", *(snapshot.id for snapshot in remove)])
        if result.code != 0:
            raise self._failure("prune", result)

    def heal(self) -> None:
        """Deduplication would build on a damaged pack for ever: finds the bad ones and drops them."""
        result = self._restic(["check", "--read-data", "--quiet"])
        if result.code == 0:
            return
        packs = sorted(set(re.findall(r"\b(?:pack|data/)\W*([0-9a-f]{64})\b", result.err + result.out)))
        log.say(f"repairing the repository: {len(packs)} damaged packs")
        # The last one frees the snapshots of what they name in vain, without which nothing can be thinned out.
        for command in (["repair", "packs", *packs], ["repair", "index"], ["repair", "snapshots", "--forget"]):
            if command[-1] != "packs":
                # repair packs leaves what it could save in the working directory.
                repaired = self._restic(command, cwd=self.settings.var)
                if repaired.code != 0:
                    raise self._failure(" ".join(command[:2]), repaired)
        for saved in self.settings.var.glob("pack-*"):
            saved.unlink()
        self._healed = True

    def verify(self) -> None:
        result = self._restic(["check", "--quiet"])
        if result.code != 0:
            raise self._failure("check", result)

    def _snapshot(self, found: dict[str, Any]) -> Snapshot:
        tags = dict(tag.partition("=")[::2] for tag in found.get("tags") or [])
        summary = found.get("summary") or {}
        return Snapshot(
            engine=self.name,
            id=found["id"],
            time=_time(found["time"]),
            generation=int(tags.get("generation", 0)),
            sequence=int(tags.get("sequence", 0)),
            files=summary.get("total_files_processed", 0),
            bytes=summary.get("total_bytes_processed", 0),
            instance=tags.get("instance", ""),
            image=tags.get("image", ""),
            openclaw=tags.get("openclaw") or None,
            partial="repaired" in tags,
        )

    def _restic(
        self, arguments: list[str], cwd: Path | None = None, create: bool = False, progress: str = ""
    ) -> programs.Result:
        env = {
            "RESTIC_REPOSITORY": f"s3:{self._endpoint()}/{self.aws.bucket}/{PREFIX.rstrip('/')}",
            "RESTIC_PASSWORD": self._password(create),
            "RESTIC_CACHE_DIR": str(self.settings.var / "restic-cache"),
            "RESTIC_PROGRESS_FPS": str(1 / EVERY_SECONDS),
            **SMALL,
        }
        _await_restic()
        shown = _shown(Progress(progress)) if progress else None

        def run() -> programs.Result:
            return programs.run(["restic", *arguments], self.settings.engine_timeout_seconds, env, cwd, shown)

        result = run()
        if result.code == NO_REPOSITORY and create:
            self._initialise(env)
            result = run()
        if result.code == LOCKED:
            # We hold this machine's lock and the bucket's lease: whoever made that lock is gone.
            log.say("removing the lock of a run that was killed")
            programs.run(["restic", "unlock", "--remove-all", "--quiet"], 120, env=env)
            result = run()
        return result

    def _initialise(self, env: dict[str, str]) -> None:
        """Also after an attempt that was cut off between restic's key and its configuration."""
        keys = [key for key, _ in self.aws.list(PREFIX)]
        if any(not key.startswith(f"{PREFIX}keys/") for key in keys):
            raise Damaged(
                f"s3://{self.aws.bucket}/{PREFIX} holds data but no restic configuration ({PREFIX}config): bring it "
                "back from the bucket's older versions"
            )
        self.aws.delete(keys)
        result = programs.run(["restic", "init", "--quiet"], 300, env=env)
        if result.code != 0:
            raise self._failure("init", result)

    def _is_initialised(self) -> bool:
        return self.aws.holds(PREFIX)

    def _password(self, create: bool) -> str:
        password = self.aws.parameter(PASSWORD)
        if password is not None:
            return password
        path = f"{self.settings.parameter_path}/{PASSWORD}"
        if not create or self._is_initialised():
            raise StateError(
                f"the parameter {path} is gone, but s3://{self.aws.bucket}/{PREFIX} was encrypted with it: put the "
                f"old value back (aws ssm put-parameter --type SecureString --name {path} --value …), no other opens it"
            )
        self.aws.create_secret(PASSWORD, secrets.token_urlsafe(32))
        made = self.aws.parameter(PASSWORD)
        if made is None:
            raise Unavailable(f"the parameter {path} was made but cannot be read yet")
        return made

    def _endpoint(self) -> str:
        given = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        return given or f"https://s3.{self.settings.region}.amazonaws.com"

    def _failure(self, what: str, result: programs.Result) -> StateError:
        words = _errors(result) or result.last_words or f"exit status {result.code}"
        if result.code == WRONG_PASSWORD:
            return StateError(f"{self.settings.parameter_path}/{PASSWORD} does not open the repository: {words}")
        if result.code != ENDED and _DAMAGE.search(f"{result.err}\n{result.out}"):
            return Damaged(f"restic {what}: {words}")
        return Unavailable(f"restic {what}: {words}")


def _await_restic() -> None:
    """A new machine's restore runs beside the unit that installs restic; what is installed was verified."""
    if shutil.which("restic") is None:
        result = programs.run(["systemctl", "start", TOOLS], 1800)
        if result.code != 0:
            raise Unavailable(f"restic is not here: {TOOLS}, which installs it, failed: {result.last_words}")


def _shown(progress: Progress) -> Callable[[str], None]:
    """What to do with each line of restic's output, to show how far it is."""

    def show(line: str) -> None:
        for status in _messages(line, "status"):
            files = status.get("files_done", status.get("files_restored", 0))
            size = status.get("bytes_done", status.get("bytes_restored", 0))
            # A backup has not counted its files before, and says 0 all along.
            progress.at(files, size, status.get("percent_done") or None)

    return show


def _messages(text: str, kind: str) -> list[dict[str, Any]]:
    lines = (json.loads(line) for line in text.splitlines() if line.startswith("{"))
    return [line for line in lines if line.get("message_type") == kind]


def _errors(result: programs.Result) -> str:
    try:
        found = _messages(result.err, "error") + _messages(result.err, "exit_error")
    except ValueError:
        return ""
    said = [line.get("message") or line.get("error", {}).get("message", "") for line in found]
    return " | ".join(said[:2])


def _authoritative(databases: dict[str, int]) -> list[tuple[str, int]]:
    """OpenClaw's own; a workspace may hold any number of others."""
    return [(path, version) for path, version in databases.items() if path.startswith(".openclaw/")][:40]


def _literal(path: str) -> str:
    return re.sub(r"([\\*?\[])", r"\\\1", path)


def _time(text: str) -> datetime:
    """restic writes nanoseconds, which Python 3.9 does not read."""
    whole, offset = re.fullmatch(r"(\d+-\d+-\d+T\d+:\d+:\d+)(?:\.\d+)?(Z|[+-]\d+:\d+)", text).groups()
    return datetime.fromisoformat(whole + offset.replace("Z", "+00:00")).astimezone(timezone.utc)
