"""The staged tree as plain objects that anyone can read, and a manifest, written last, that makes them a backup.

Objects change one after another, so only a manifest says which versions belong together. What a cut-off run was about
to change stands in an intent; any other object that no manifest knows was put there by a person, and is left alone
until a boot takes it in.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Callable

from openclaw.aws import transfers
from openclaw.aws.client import Aws
from openclaw.aws.transfers import Stored
from openclaw.settings import Settings
from openclaw.state.databases.sqlite import Databases
from openclaw.state.engines.base import OBJECTS_ONLY, Engine, PushResult, Snapshot, SnapshotMetadata
from openclaw.state.engines.mirror import intents, manifest, names
from openclaw.state.engines.mirror import items as manifest_items
from openclaw.state.engines.mirror.manifest import Item
from openclaw.state.engines.mirror.plan import Plan
from openclaw.state.engines.mirror.tree import fetch_tree, plain_items
from openclaw.state.guards.lease import Lease
from openclaw.state.guards.state_key import StateKey
from openclaw.state.openclaw_data.layout import ROOTS
from openclaw.state.staging.staged import Staged
from openclaw.system import documents, files, journal
from openclaw.system.errors import Damaged, Refused, Unavailable

# So long after a lease was taken, requests of the machine before can still arrive: those of one batch, each of which is
# tried again by botocore until it gives up.
LATEST_SECONDS = 900


class Mirror(Engine):
    name = "mirror"

    def __init__(self, settings: Settings, aws: Aws):
        super().__init__(settings, aws)
        self.key = StateKey(settings, aws)
        self.lease = Lease(settings, aws)
        self._said: set[str] = set()

    @property
    def _home(self) -> Path:
        path = self.settings.var / "mirror"
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def push(self, staged: Staged, metadata: SnapshotMetadata) -> PushResult:
        listed = dict(self.aws.list("mirror/"))
        try:
            last = self._last_items(listed)
            ours = self._ours(listed, last)
        except Damaged as error:
            journal.say(f"{error}: uploading everything again")
            last, ours = {}, {key for key in listed if _is_content(key)}
        if metadata.set_aside:
            return self._push_aside(staged, metadata, last)
        plan = self._plan(staged, listed, last, ours)
        kept = {item.key for item in plan.items.values() if item.kind == "file"}
        drop = [key for key in ours if key not in kept and key in listed]
        if plan.send or drop:
            intent = f"{names.INTENTS}{metadata.generation:08d}-{metadata.sequence:08d}.json"
            to_come = {item.key: item.etag for item in plan.items.values() if item.key in plan.send}
            changes = {**dict.fromkeys(drop), **to_come}
            self.aws.put(intent, intents.pack(changes, intent, self.key.value()))
        stored = transfers.send(self.aws, plan.send, self.lease.check)
        if len(stored) < len(plan.unversioned):
            stored.update(self._stored(plan.unversioned))
        self._note_versions(plan.items, plan.unversioned, stored)
        if plan.send or drop:
            # Whoever is not the writer any more leaves its intent: by that the others know what it has changed.
            self.lease.check()
        self.aws.delete(drop)
        snapshot_id = self._commit(plan.items, staged, metadata)
        if plan.send or drop:
            self.aws.delete(self._done(metadata.generation, listed))
        files.remove(self._home / "taken-in.json")
        return PushResult(snapshot_id, plan.bytes)

    def _done(self, generation: int, listed: Iterable[str]) -> list[str]:
        """Keys of the intents that this backup has made good: of this generation, and those that it has seen of earlier
        ones, once nothing can arrive any more of what a machine before had on its way when it was fenced."""
        done = [key for key, _ in self.aws.list(f"{names.INTENTS}{generation:08d}-")]
        if time.time() - self.lease.path.stat().st_mtime > LATEST_SECONDS:
            done += [key for key in listed if key.startswith(names.INTENTS)]
        return list(dict.fromkeys(done))

    def _plan(self, staged: Staged, listed: dict[str, str], last: dict[str, Item], ours: set[str]) -> Plan:
        plan = Plan(staged.tree)
        for item, sha256, md5 in self._staged_items(staged):
            if item.kind != "file":
                plan.items[item.path] = item
                continue
            known, current = last.get(item.path), listed.get(item.key)
            if known and known.key == item.key and known.sha256 == sha256 and known.etag == current:
                plan.items[item.path] = manifest.with_object(item, sha256, known.etag, known.version)
            elif current in (None, md5) or item.key in ours or item.key.startswith(manifest.LONG):
                plan.put(item, sha256, md5, is_there=current == md5)
            else:
                journal.say(
                    f"s3://{self.aws.bucket}/{item.key} was put there by hand: it stays until a boot takes it in"
                )
                if known and known.kind == "file":
                    plan.items[item.path] = known
        plan.materialize_hard_links()
        return plan

    def _push_aside(self, staged: Staged, metadata: SnapshotMetadata, last: dict[str, Item]) -> PushResult:
        """To keys of its own: what is in the mirror, and what people see there, stays as it is."""
        plan, apart = Plan(staged.tree), f"aside/{metadata.generation:08d}-{metadata.sequence:08d}/"
        for item, sha256, md5 in self._staged_items(staged):
            plan.items[item.path] = item
            if item.kind != "file":
                continue
            known = last.get(item.path)
            if known and known.sha256 == sha256:
                kept = replace(item, stored=known.stored)
                plan.items[item.path] = manifest.with_object(kept, known.sha256, known.etag, known.version)
            else:
                plan.put(manifest.place(item, apart), sha256, md5)
        self._note_versions(plan.items, plan.unversioned, transfers.send(self.aws, plan.send, self.lease.check))
        return PushResult(self._commit(plan.items, staged, metadata), plan.bytes)

    def list(self) -> list[Snapshot]:
        found = self._known(key for key, _ in self.aws.list(names.PREFIX))
        if not found and self._put_by_hand()[0]:
            now = datetime.now(timezone.utc)
            found = [Snapshot(self.name, OBJECTS_ONLY, now, 0, 0, 0, 0, "", "", None)]
        return sorted(found, key=lambda one: one.order)

    def pull(
        self, snapshot: Snapshot, target: Path, databases: Databases, paths: Sequence[str] = (), anew: bool = False
    ) -> None:
        by_hand = snapshot.id == OBJECTS_ONLY
        items = list(plain_items(*self._put_by_hand()) if by_hand else self._items(snapshot))
        if paths:
            items = _chosen(items, paths)
        files.require_room(sum(self._sizes(items)), target)
        fetch_tree(self.aws, items, target)

    def prune(self, remove: Sequence[Snapshot]) -> None:
        """The objects' older versions end by the bucket's own lifecycle."""
        self.aws.delete([names.key_of(snapshot.id) for snapshot in remove if snapshot.id != OBJECTS_ONLY])

    def verify(self) -> None:
        snapshots = [one for one in self.list() if one.id != OBJECTS_ONLY and one.is_backup]
        if not snapshots:
            return
        stored = {(key, version) for key, version, _, _ in self.aws.versions("mirror/")}
        lost = [
            item.key
            for item in self._items(snapshots[-1])
            if item.kind == "file" and (item.key, item.version) not in stored
        ]
        if lost:
            raise Damaged(f"{len(lost)} object versions of {snapshots[-1].id} are gone, {lost[0]} among them")

    def import_uploads(self, into: Path, fits: Callable[[str], bool]) -> Sequence[str]:
        try:
            # Of its own generation, a machine that boots has made none yet.
            held = self.lease.held()
            put, paths = self._put_by_hand(held.generation if held else None)
        except Damaged as error:
            journal.say(f"nothing is taken in, for nobody knows what a person put there: {error}")
            return []
        items = [item for item in plain_items(put, paths) if item.kind != "file" or fits(item.path)]
        try:
            files.require_space(sum(self._sizes(items)), into)
        except Refused as error:
            journal.say(f"nothing is taken in of what a person put into the bucket: {error}")
            return []
        fetch_tree(self.aws, items, into)
        came_in = {item.key: item.etag for item in items if item.kind == "file"}
        files.write_json(self._home / "taking-in.json", {**self._taken(), **came_in})
        return [item.path for item in items if item.kind == "file"]

    def mark_imported(self) -> None:
        taking = files.read_json(self._home / "taking-in.json")
        if taking is not None:
            files.write_json(self._home / "taken-in.json", taking)
            files.remove(self._home / "taking-in.json")

    def _put_by_hand(self, below: int | None = None) -> tuple[dict[str, str], dict[str, str]]:
        """ETag by key of objects that a person uploaded: written neither by a finished backup nor by a cut-off one; and
        the paths of those keys that a backup has made of another text."""
        listed = dict(self.aws.list("mirror/"))
        last = self._last_items(listed, below)
        ours = self._ours(listed, last)
        put = {key: etag for key, etag in listed.items() if key not in ours and _root_of(key) in ROOTS}
        return put, {item.key: item.path for item in last.values() if item.kind == "file" and item.key in put}

    def _intent(self, key: str) -> dict[str, str | None]:
        found = self.aws.get(key, intents.LIMIT)
        try:
            return intents.unpack(found[0], key, self.key.value(), not self.key.mark()) if found else {}
        except documents.Malformed as error:
            self._say(f"s3://{self.aws.bucket}/{key} counts as none: {error}")
            return {}

    def _known(self, keys: Iterable[str]) -> Sequence[Snapshot]:
        """Of these keys those of manifests that this deployment wrote; those from before it signed them are known too,
        and once it has signed one, only a person who names it has it restored."""
        found, strange = [], 0
        for one in filter(None, map(names.snapshot_of, keys)):
            if names.is_marked(one, self.key.value()):
                found.append(one)
            elif not self.key.mark():
                found.append(replace(one, unsigned=True))
            elif names.is_before(one, self.key.mark()):
                found.append(replace(one, unsigned=True, only_by_name=True))
            else:
                strange += 1
        if strange:
            self._say(
                f"{strange} manifests below s3://{self.aws.bucket}/{names.PREFIX} count as none: their names are not "
                "marked with this deployment's key"
            )
        return found

    def _say(self, line: str) -> None:
        """Once in a run, which may look several times."""
        if line not in self._said:
            self._said.add(line)
            journal.say(line)

    def _sizes(self, items: Sequence[Item]) -> Iterator[int]:
        """In bytes; of what no manifest knows, S3 does."""
        wanted = {item.key for item in items if item.kind == "file" and not item.sha256}
        if wanted:
            yield from (size for key, size in self.aws.sizes("mirror/") if key in wanted)
        yield from (item.size for item in items if item.kind == "file" and item.sha256)

    def _taken(self) -> dict[str, str]:
        return files.read_json(self._home / "taken-in.json") or {}

    def _ours(self, listed: dict[str, str], last: dict[str, Item]) -> set[str]:
        """Keys whose current object a backup made, was about to change, or that a boot has taken in."""
        ours = {item.key for item in last.values() if item.kind == "file" and listed.get(item.key) in (item.etag, None)}
        for key in listed:
            if key.startswith(names.INTENTS):
                for name, etag in self._intent(key).items():
                    # Anything else was put there by a person since. A large object's is not a checksum.
                    if listed.get(name) in (etag, None) or "-" in listed[name]:
                        ours.add(name)
        ours.update(key for key, etag in self._taken().items() if listed.get(key) == etag)
        return ours

    def _staged_items(self, staged: Staged) -> Iterator[tuple[Item, str, str]]:
        """With the SHA-256 and the MD5 of a file; both are empty for anything else."""
        hardlinks: dict[tuple[int, int], str] = {}
        for entry in list(staged.index.entries()):
            item = manifest.describe(staged.tree, entry.path, hardlinks)
            sha256, md5 = entry.sha256, entry.md5
            if item.kind == "file" and (sha256 is None or md5 is None):
                sha256, md5 = manifest.digests(staged.tree / entry.path)
                staged.index.set_digests(entry.path, sha256, md5)
            yield item, sha256 or "", md5 or ""

    def _stored(self, keys: set[str]) -> dict[str, Stored]:
        """Those objects as they are in the bucket now."""
        versions = self.aws.versions("mirror/")
        return {key: Stored(version, etag) for key, version, etag, latest in versions if latest and key in keys}

    def _note_versions(self, items: dict[str, Item], keys: set[str], stored: dict[str, Stored]) -> None:
        missing = keys - stored.keys()
        if missing:
            raise Unavailable(f"{len(missing)} sent objects are not in the bucket, {min(missing)} among them")
        for item in [item for item in items.values() if item.kind == "file" and item.key in keys]:
            version, etag = stored[item.key].version, stored[item.key].etag
            if "-" not in etag and etag != item.etag:
                raise Unavailable(f"s3://{self.aws.bucket}/{item.key} is not what was sent: somebody else writes there")
            items[item.path] = manifest.with_object(item, item.sha256, etag, version)

    def _commit(self, items: dict[str, Item], staged: Staged, metadata: SnapshotMetadata) -> str:
        local = self._home / "manifest.new"
        key = self.key.value()
        snapshot_id = names.new_id(metadata, datetime.now(timezone.utc), staged.files, staged.bytes, key)
        manifest_items.write(local, snapshot_id, items.values(), key)
        self.aws.put(names.key_of(snapshot_id), local.read_bytes(), if_absent=True)
        local.unlink()
        self.key.note_signed(names.mark_of(snapshot_id))
        return snapshot_id

    def _last_items(self, listed: dict[str, str], below: int | None = None) -> dict[str, Item]:
        """@param below what is not of an earlier generation, somebody copied here from another bucket"""
        snapshots = [found for found in self._known(listed) if not found.set_aside]
        own = [one for one in snapshots if below is None or one.generation < below] or snapshots
        newest: Snapshot | None = max(own, key=lambda one: one.order, default=None)
        return {item.path: item for item in self._items(newest)} if newest else {}

    def _items(self, snapshot: Snapshot) -> Sequence[Item]:
        found = self.aws.get(names.key_of(snapshot.id), manifest_items.LIMIT)
        if found is None:
            raise Damaged(f"the manifest {snapshot.id} is gone")
        if len(found[0]) > manifest_items.LIMIT:
            raise Damaged(f"the manifest {snapshot.id} has more than {manifest_items.LIMIT} bytes")
        local = self._home / "manifest.fetched"
        local.write_bytes(found[0])
        try:
            return manifest_items.read(local, snapshot.id, self.key.value(), snapshot.unsigned)
        except (OSError, EOFError, ValueError, TypeError, zlib.error) as error:
            raise Damaged(f"the manifest {snapshot.id} cannot be read: {error}") from error


def _root_of(key: str) -> str:
    return key.split("/", 2)[1]


def _is_content(key: str) -> bool:
    return _root_of(key) in ROOTS or key.startswith(manifest.LONG)


def _chosen(items: Sequence[Item], paths: Sequence[str]) -> list[Item]:
    """Those at or below the paths; a hard link to what is not among them becomes a file of its own."""
    known = {item.path: item for item in items}
    chosen = {item.path: item for item in items if any(_is_within(item.path, path) for path in paths)}
    for item in [item for item in chosen.values() if item.kind == "hardlink" and item.target not in chosen]:
        chosen[item.path] = replace(known[item.target], path=item.path, stored=known[item.target].key)
    return list(chosen.values())


def _is_within(path: str, wanted: str) -> bool:
    return path == wanted or path.startswith(wanted.rstrip("/") + "/")
