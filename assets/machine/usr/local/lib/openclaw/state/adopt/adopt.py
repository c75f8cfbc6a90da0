"""The state of an existing install, from an archive of `openclaw backup create`, laid out as this machine keeps it.

The archive's manifest.json (https://docs.openclaw.ai/cli/backup) says what lay where; read of schema version 1.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from openclaw.aws.client import Aws
from openclaw.aws.transfers import Wanted, fetch
from openclaw.settings import Settings
from openclaw.state.adopt.archive import unpack
from openclaw.state.databases.sqlite import Databases, Unreadable, is_database
from openclaw.state.openclaw_data import exclusions, leases, verify
from openclaw.state.openclaw_data.layout import (
    OWNER,
    ROOTS,
    SEEN,
    STATE_DATABASE,
    is_openclaw_database,
    seen_by_openclaw,
)
from openclaw.system import files, journal
from openclaw.system.errors import Refused
from openclaw.system.files import require_space

PREFIX = "adopt/"
NOT_AN_ARCHIVE = "this is not an archive of 'openclaw backup create'"
# By the manifest's kind of an asset. OpenClaw lists apart what does not lie in its state directory.
PLACES = {
    "state": ".openclaw",
    "workspace": "workspace",
    "config": ".openclaw/openclaw.json",
    "credentials": ".openclaw/credentials",
}


@dataclass(frozen=True)
class Asset:
    kind: str
    source: str
    name: str


@contextlib.contextmanager
def fetched(settings: Settings, aws: Aws, given: str) -> Iterator[Path]:
    """The file of this path, or of this name below adopt/ in the bucket. @raises Refused when there is none"""
    if "/" in given:
        if not Path(given).is_file():
            raise Refused(f"{given} is not a file on this machine")
        yield Path(given)
        return
    key, scratch = PREFIX + given, settings.var / "adopt"
    size = aws.size(key)
    if size is None:
        raise Refused(f"s3://{aws.bucket}/{key} does not exist; a file on this machine is named with its directory")
    scratch.mkdir(mode=0o700, exist_ok=True)
    try:
        require_space(size, scratch)
        if not any(fetch(aws, [Wanted(key, scratch / given)])):
            raise Refused(f"s3://{aws.bucket}/{key} went away")
        yield scratch / given
    finally:
        files.remove_tree(scratch)


def lay_out(archive: Path, tree: Path, databases: Databases) -> tuple[str | None, int]:
    """Fills the empty directory tree; returns the version of OpenClaw that made the archive, and how many databases.

    @raises Refused, Damaged
    """
    scratch = tree / ".archive"
    scratch.mkdir(mode=0o700)
    links = unpack(archive, scratch)
    version, assets, aliases = _manifest(scratch)
    places = _places(assets)
    # The workspace out of the state directory, that into its place, then what comes into it.
    for name, place in sorted(places.items(), key=lambda one: (one[1].count("/"), -len(one[0]))):
        if (tree / place).exists():
            raise Refused(f"the archive holds two of {place}: remove the one that is not in use, make it again")
        if (scratch / name).exists():
            os.rename(scratch / name, tree / place)
    files.remove_tree(scratch)
    for name in exclusions.DIRECTORIES:
        # No backup keeps them.
        files.remove_tree(tree / ".openclaw" / name)
    if not any(stat.S_ISREG(status.st_mode) for _, status in files.walk(tree / ".openclaw")):
        raise Refused("the archive holds no file of OpenClaw's state")
    checked = verify.verify(tree, databases)
    _rename_paths(tree, assets, aliases, databases)
    _require_jobs(tree, databases)
    # Only now, so that nothing above is done through one.
    _make_links(tree, places, links)
    _set_attributes(tree)
    return version, checked


def _manifest(scratch: Path) -> tuple[str | None, list[Asset], dict[str, str]]:
    """Version, assets, and places below the tree by other names that they had. It is the last thing in an archive."""
    found = list(scratch.glob("*/manifest.json"))
    if len(found) != 1:
        raise Refused(
            f"this is not an archive of 'openclaw backup create': it holds {len(found)} manifest.json, not one"
        )
    try:
        manifest = json.loads(found[0].read_bytes())
        schema, windows = manifest["schemaVersion"], manifest.get("platform") == "win32"
        assets = [Asset(one["kind"], one["sourcePath"], one["archivePath"]) for one in manifest["assets"]]
        version = manifest.get("runtimeVersion")
        aliases = _aliases(manifest.get("paths", {}), assets)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Refused(
            f"this is not an archive of 'openclaw backup create': its manifest.json says {error!r}"
        ) from error
    if schema != 1 or windows:
        what = "was made on Windows" if windows else f"has a manifest of schema version {schema}"
        raise Refused(f"the archive {what}: only version 1 from Linux and macOS is understood")
    return version, assets, aliases


def _aliases(paths: dict[str, Any], assets: list[Asset]) -> dict[str, str]:
    """Where ~/.openclaw is a link, an asset has the real path; the configuration and the databases have the link's, in
    which the manifest names the configuration and the workspaces."""
    aliases = {}
    kinds = [asset.kind for asset in assets]
    configuration, workspaces = paths.get("configPath"), paths.get("workspaceDirs", [])
    if isinstance(configuration, str) and "config" not in kinds:
        aliases[os.path.dirname(configuration)] = PLACES["state"]
    if isinstance(workspaces, list) and len(workspaces) == kinds.count("workspace") == 1:
        aliases[str(workspaces[0])] = PLACES["workspace"]
    # A shorter one would begin half of all paths.
    return {name: place for name, place in aliases.items() if name.startswith("/") and name.count("/") > 1}


def _places(assets: list[Asset]) -> dict[str, str]:
    """Place below the tree, by name in the archive. @raises Refused unless each asset has a place of its own"""
    places: dict[str, str] = {}
    for asset in assets:
        place = PLACES.get(asset.kind)
        if place is None or place in places.values():
            raise Refused(
                f"this machine has no place for the {asset.kind} {asset.source}: move it into the state directory "
                "and make the archive again"
            )
        if any(part in ("", ".", "..") for part in asset.name.split("/")):
            raise Refused(f"the archive is not safe: {asset.name!r} is not a path below its own directory")
        places[asset.name] = place
    state = next((name for name, place in places.items() if place == ".openclaw"), None)
    if state is None:
        raise Refused("the archive holds no state directory: make it without --only-config")
    if "workspace" not in places.values():
        places[f"{state}/workspace"] = "workspace"
    return places


def _make_links(tree: Path, places: dict[str, str], links: dict[str, str]) -> None:
    for name, pointee in links.items():
        above = max((known for known in places if f"{name}/".startswith(f"{known}/")), key=len, default=None)
        if above is None:
            continue
        path = places[above] + name[len(above) :]
        leads_to = os.path.normpath(seen_by_openclaw(path).parent / pointee)
        if path in ROOTS or pointee.startswith("/") or not f"{leads_to}/".startswith(f"{SEEN}/"):
            journal.say(f"left out, for it leads out of the state: {path} -> {pointee}")
            continue
        if any((tree / parent).is_symlink() for parent in PurePosixPath(path).parents) or os.path.lexists(tree / path):
            raise Refused(f"the archive is not safe: {name!r} is in it twice")
        (tree / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.symlink(pointee, tree / path)


def _set_attributes(tree: Path) -> None:
    """As OpenClaw has them: its own, private but for the workspace."""
    for root in tree.iterdir():
        allowed = 0o755 if root.name == "workspace" else 0o700
        root.chmod(allowed)
        os.chown(root, OWNER, OWNER)
        for path, status in files.walk(root):
            os.chown(path, OWNER, OWNER, follow_symlinks=False)
            if not stat.S_ISLNK(status.st_mode):
                least = 0o700 if stat.S_ISDIR(status.st_mode) else 0o600
                os.chmod(path, status.st_mode & allowed | least)


def _rename_paths(tree: Path, assets: list[Asset], aliases: dict[str, str], databases: Databases) -> None:
    """Absolute paths are part of the data: under their former ones, cron jobs would be there and never run."""
    moved = {**aliases, **{asset.source: PLACES[asset.kind] for asset in assets}}
    # The longest first: one may begin with another.
    for old in sorted(moved, reverse=True):
        new = str(seen_by_openclaw(moved[old]))
        if old == new:
            continue
        count = _rename_in_config(tree / PLACES["config"], old, new)
        for path in verify.databases_in(tree / ".openclaw"):
            if is_openclaw_database(str(path.relative_to(tree))):
                count += _rename_stores(databases, path, old, new)
        if count:
            journal.say(f"{old} is {new} here: {count} mentions of it renamed")


def _require_jobs(tree: Path, databases: Databases) -> None:
    """@raises Refused where there are cron jobs and OpenClaw would find none of them"""
    database = tree / STATE_DATABASE
    if not is_database(database):
        return
    try:
        store = leases.store_elsewhere(databases, database, str(SEEN))
    except Unreadable as error:
        raise Refused(f"{database.name} of the archive cannot be read: {error}") from error
    if store:
        raise Refused(
            f"the archive's cron jobs belong to {store}, a path that its manifest does not name: run OpenClaw by its "
            "real path, not through a link, and make the archive again"
        )


def _rename_stores(databases: Databases, path: Path, old: str, new: str) -> int:
    try:
        return leases.rename_stores(databases, path, old, new)
    except Unreadable as error:
        raise Refused(f"{path.name} of the archive cannot be changed: {error}") from error


def _rename_in_config(config: Path, old: str, new: str) -> int:
    """By text: it is JSON with comments, written by people."""
    if not config.is_file():
        return 0
    mention = rb"""(?<=["'])%s(?=[/"'])""" % re.escape(old.encode())
    text, count = re.subn(mention, lambda _: new.encode(), config.read_bytes())
    if count:
        config.write_bytes(text)
    return count
