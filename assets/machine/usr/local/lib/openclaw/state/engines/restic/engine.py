"""Snapshots in a restic repository: atomic, deduplicated, encrypted, verified when read."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from openclaw.aws.client import Aws
from openclaw.settings import Settings
from openclaw.state.databases import page_log
from openclaw.state.databases.sqlite import Databases
from openclaw.state.engines.base import Engine, PushResult, Snapshot, SnapshotMetadata
from openclaw.state.engines.restic import locks, tags
from openclaw.state.engines.restic.program import HOST_TAG, INCOMPLETE, NO_REPOSITORY, PREFIX, Restic, messages
from openclaw.state.openclaw_data.layout import ROOTS
from openclaw.state.staging.staged import Staged
from openclaw.system import journal, processes
from openclaw.system.errors import Damaged, Unavailable

# restic's own tag, and ours.
REPAIRED, REFUSED = "repaired", "refused"
# What is said where an index file is damaged or lost.
_BAD_INDEX = re.compile(r"index/[0-9a-f]{10}|Unknown blob|not found in (?:index|repository)")


class Snapshots(Engine):
    name = "snapshots"
    stores_blocks = True
    _repaired = False

    def __init__(self, settings: Settings, aws: Aws):
        super().__init__(settings, aws)
        self.restic = Restic(settings, aws)
        # For what has to be done now, somebody else's work on the repository is waited for.
        self._patience = settings.lock_wait_seconds

    def push(self, staged: Staged, metadata: SnapshotMetadata) -> PushResult:
        """@raises Damaged when the repository has to be repaired first"""
        described = {
            "generation": str(metadata.generation),
            "sequence": str(metadata.sequence),
            "instance": metadata.instance,
            HOST_TAG: locks.host_name(),
            "image": metadata.image,
            "openclaw": metadata.openclaw or "",
            "files": str(staged.files),
            "bytes": str(staged.bytes),
        }
        described.update({f"user_version:{path}": str(version) for path, version in _authoritative(staged.databases)})
        arguments = ["backup", "--host", "openclaw", "--group-by", "host", "--no-scan", "--json"]
        for name, value in described.items():
            # restic separates tags by commas.
            arguments += ["--tag", f"{quote(os.fsencode(name), safe=':/._-')}={quote(value, safe=':/._-@')}"]
        if metadata.set_aside:
            arguments += ["--tag", REFUSED, "--tag", f"offers={metadata.offers}"]
        if self._repaired:
            # The parent snapshot may name what is gone now.
            arguments.append("--force")
        page_log.write_list(staged.tree, staged.databases)
        result = self.restic.run(
            [*arguments, "--", *ROOTS, page_log.LIST],
            cwd=staged.tree,
            create=True,
            progress="sending",
            lock_wait_seconds=self._patience,
        )
        if result.code == INCOMPLETE:
            # restic has stored what it could read, as the newest snapshot.
            made = [one["snapshot_id"] for one in messages(result.out, "summary")]
            journal.say(f"forgetting the incomplete snapshot {', '.join(made)}")
            self.restic.run(["forget", "--quiet", *made])
        if result.code != 0:
            raise self.restic.failure("backup", result)
        summary = messages(result.out, "summary")[-1]
        return PushResult(summary["snapshot_id"], summary.get("data_added_packed", summary["data_added"]))

    def has_snapshot(self, snapshot_id: str) -> bool:
        return self.aws.size(f"{PREFIX}snapshots/{snapshot_id}") is not None

    def list(self) -> list[Snapshot]:
        if not self.restic.is_initialised():
            return []
        result = self.restic.run(["snapshots", "--json", "--no-lock"])
        if result.code == NO_REPOSITORY:
            self.restic.require_unborn()
            return []
        if result.code != 0:
            raise self.restic.failure("snapshots", result)
        found = [self._snapshot(one) for one in json.loads(result.out) or []]
        self._require_all(found, result)
        return sorted(found, key=lambda one: one.order)

    def _require_all(self, found: Sequence[Snapshot], result: processes.Result) -> None:
        """restic leaves out what it cannot read, and ends well. @raises Unavailable unless that is damaged for good"""
        stored = {key.rpartition("/")[2] for key, _ in self.aws.list(f"{PREFIX}snapshots/")}
        # Whatever else lies there is none of restic's.
        stored = {name for name in stored if re.fullmatch("[0-9a-f]{64}", name)}
        missing = sorted(stored - {one.id for one in found})
        if not missing:
            return
        failure = self.restic.failure("snapshots", result)
        if not isinstance(failure, Damaged):
            raise failure
        self.unreadable = missing
        for name in missing:
            journal.record("snapshots", result=failure.result, snapshot=name, error=str(failure))

    def pull(
        self, snapshot: Snapshot, target: Path, databases: Databases, paths: Sequence[str] = (), anew: bool = False
    ) -> None:
        wanted = [f"/{_literal(path)}{suffix}" for path in paths for suffix in ("", page_log.SUFFIX)]
        # What says which of the logs are ours.
        wanted += [f"/{page_log.LIST}"] if paths else []
        chosen = [option for path in wanted for option in ("--include", path)]
        command = ["restore", snapshot.id, "--target", str(target), "--sparse", "--no-lock", "--json", *chosen]
        command += ["--no-cache"] if anew else []
        result = self.restic.run(command, progress="fetching")
        if anew and result.code != 0 and _BAD_INDEX.search(result.err):
            # Without it no snapshot comes in; the packs' own headers have all that it says.
            journal.say("the repository's index does not name all that is needed: it is made again from the packs")
            repaired = self.restic.run(["repair", "index"], lock_wait_seconds=self._patience)
            if repaired.code != 0:
                raise self.restic.failure("repair index", repaired)
            result = self.restic.run(command, progress="fetching")
        if result.code != 0:
            raise self.restic.failure(f"restore of {snapshot.id[:8]}", result)
        page_log.fold(target, databases)

    def prune(self, remove: Sequence[Snapshot]) -> None:
        if not remove:
            return
        result = self.restic.run(["forget", "--prune", "--quiet", *(snapshot.id for snapshot in remove)])
        if result.code != 0:
            raise self.restic.failure("prune", result)
        # restic ends well even where it was not allowed to remove them.
        left = {one.id for one in self.list()} & {one.id for one in remove}
        if left:
            raise Unavailable(f"restic prune: {len(left)} snapshots are still there: {result.last_words}")

    def repair(self) -> None:
        """Deduplication would build on a damaged pack for ever: finds the bad ones and drops them."""
        result = self.restic.run(["check", "--read-data", "--quiet"], lock_wait_seconds=self._patience)
        if result.code == 0:
            return
        failure = self.restic.failure("check", result)
        if not isinstance(failure, Damaged):
            raise failure
        named = set(re.findall(r"\b(?:pack|data/)\W*([0-9a-f]{64})\b", result.err + result.out))
        # `repair packs` fails for one that is gone; of that one, the index is repaired.
        packs = sorted(name for name in named if self.aws.size(f"{PREFIX}data/{name[:2]}/{name}") is not None)
        journal.say(f"repairing the repository: {len(packs)} damaged packs, {len(named) - len(packs)} lost ones")
        # The last one frees the snapshots of what they name in vain, without which nothing can be thinned out.
        for command in (["repair", "packs", *packs], ["repair", "index"], ["repair", "snapshots", "--forget"]):
            if command[-1] != "packs":
                # repair packs leaves what it could save in the working directory.
                repaired = self.restic.run(command, cwd=self.settings.var, lock_wait_seconds=self._patience)
                if repaired.code != 0:
                    raise self.restic.failure(" ".join(command[:2]), repaired)
        for saved in self.settings.var.glob("pack-*"):
            saved.unlink()
        self._repaired = True

    def verify(self) -> None:
        # The machine writes, locks too, only where its own engine does.
        locking = [] if self.settings.backup == self.name else ["--no-lock"]
        result = self.restic.run(["check", "--quiet", *locking], lock_wait_seconds=self._patience)
        if result.code != 0:
            raise self.restic.failure("check", result)

    def _snapshot(self, found: dict[str, Any]) -> Snapshot:
        told = tags.parse(found.get("tags"))
        return Snapshot(
            engine=self.name,
            id=found["id"],
            time=locks.time_of(found["time"]),
            generation=tags.number(told, "generation"),
            sequence=tags.number(told, "sequence"),
            files=tags.amount(told, "files"),
            bytes=tags.amount(told, "bytes"),
            instance=tags.instance(told),
            image=tags.image(told),
            openclaw=tags.openclaw(told),
            offers=tags.amount(told, "offers"),
            set_aside=not told.keys().isdisjoint({REPAIRED, REFUSED}),
        )


def _authoritative(databases: dict[str, int]) -> list[tuple[str, int]]:
    """OpenClaw's own; a workspace may hold any number of others."""
    return [(path, version) for path, version in databases.items() if path.startswith(".openclaw/")][:40]


def _literal(path: str) -> str:
    return re.sub(r"([\\*?\[])", r"\\\1", path)
