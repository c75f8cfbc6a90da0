"""Which OpenClaw wrote the data, and whether the one in this machine's image can read it.

Of the image: what the pull read in it (/run/openclaw/image.json), else its tag where that is a whole version. Of the
data: the version recorded with the snapshot or the archive, the one in the state database (schema_meta.app_version),
the schema of each database (user_version), and what OpenClaw notes in openclaw.json (meta.lastTouchedVersion).
Where the schemas of both are known they decide: 2026.9.1-beta.1 has older ones than 2026.8.1. OpenClaw itself ends
with 1, and so for ever, on a configuration that a newer one has written, whatever the schemas are.
"""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path
from typing import NamedTuple

from openclaw.settings import Settings
from openclaw.state.databases.sqlite import Databases, Unreadable, is_database
from openclaw.state.openclaw_data.layout import STATE_DATABASE
from openclaw.system import files, journal
from openclaw.system.errors import Refused, Unavailable

_VERSION = r"\d{4}\.\d{1,2}\.\d{1,3}(?:[-.](?:alpha|beta|rc)[-.]?\d*|-\d{1,3}(?![\w.]))?"
_TAG = re.compile(rf":v?({_VERSION})(?=[-@]|$)")
_WHOLE = re.compile(rf"v?({_VERSION})")
_PARTS = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:[-.](?:(alpha|beta|rc)[-.]?)?(\d*))?")
_TOUCHED = re.compile(rf"""["']?lastTouchedVersion["']?\s*:\s*["']v?({_VERSION})["']""".encode())
# Of a configuration; a file of any size may have its name.
_MOST_BYTES = 16 << 20
_AGENTS = "*/agent/openclaw-agent.sqlite"
_PAUSE_SECONDS = 0.5
# They sort after alpha, beta and rc.
_RELEASE, _CORRECTION = "|", "~"


class Schemas(NamedTuple):
    """PRAGMA user_version of the state database, and the highest of the agents'; None where there is none."""

    state: int | None
    agent: int | None


# As the npm packages of these versions were seen to write them.
_SCHEMAS = {
    "2026.6.6": Schemas(1, None),
    "2026.8.1-beta.1": Schemas(6, 16),
    "2026.8.1": Schemas(15, 19),
    "2026.9.1-beta.1": Schemas(12, 17),
    "2026.9.1": Schemas(15, 19),
    "2026.9.2": Schemas(15, 19),
    "2026.9.4": Schemas(17, 19),
    "2026.9.5": Schemas(17, 21),
    "2026.9.6": Schemas(18, 23),
}


def of_image(reference: str) -> str | None:
    """By its tag, where that is a whole version; `:2026.9`, a branch or a digest alone says nothing."""
    found = _TAG.search(reference)
    return found[1] if found else None


def whole(text: object) -> str | None:
    """The version that a text is; None for any other text."""
    found = _WHOLE.fullmatch(text.strip()) if isinstance(text, str) else None
    return found[1] if found else None


def of_machine(settings: Settings, wait_seconds: float = 0) -> str | None:
    """Of OpenClaw in the image that this machine runs; None where the image has none.

    @param wait_seconds how long the pull, which goes on beside a restore, may take if the tag is not a version
    @raises Unavailable where it is not known by then
    """
    path, until = settings.run / "image.json", time.monotonic() + wait_seconds
    while not path.exists():
        by_tag = of_image(settings.image)
        if by_tag:
            return by_tag
        if time.monotonic() >= until:
            raise Unavailable(f"which OpenClaw {settings.image} holds is known only when openclaw-image has pulled it")
        time.sleep(_PAUSE_SECONDS)
    noted = files.read_json(path)
    return whole(noted.get("version")) if isinstance(noted, dict) else None


def refuse_newer(tree: Path, recorded: str | None, settings: Settings, databases: Databases) -> None:
    """@param recorded with the snapshot or the archive
    @raises Refused naming both versions when the data is newer than the image, Unavailable as of_machine"""
    touched, schemas = _touched(tree), _schemas(tree)
    wrote = max(
        filter(None, (whole(recorded), _app_version(tree / STATE_DATABASE, databases))), key=_order, default=None
    )
    if not (wrote or touched or any(schemas)):
        return
    newest = max(filter(None, (wrote, touched)), key=_order, default=None)
    data = f"OpenClaw {newest}" if newest else f"an OpenClaw with the schemas {schemas.state} and {schemas.agent}"
    machine = of_machine(settings, settings.image_wait_seconds)
    if machine is None:
        journal.say(f"the data was written by {data}; the image {settings.image} has no version to compare it with")
        return
    if _is_configuration_newer(touched, machine) or _is_data_newer(wrote, schemas, machine):
        raise Refused(
            f"the data was written by {data}, the image is OpenClaw {machine} ({settings.image}): an older OpenClaw "
            f"cannot read it; deploy image {newest or 'of that one'} or newer, or restore a snapshot from before the "
            "upgrade"
        )


def _is_configuration_newer(touched: str | None, machine: str) -> bool:
    """As OpenClaw itself decides: a prerelease reads the configuration of its release, and that of a correction."""
    if touched is None:
        return False
    written, ours = _order(touched), _order(machine)
    return written > ours and (written[:3] != ours[:3] or written[3] not in (_RELEASE, _CORRECTION))


def _is_data_newer(wrote: str | None, schemas: Schemas, machine: str) -> bool:
    known = _SCHEMAS.get(machine)
    if known and any(schemas):
        return any(found is not None and found > (of_image or 0) for found, of_image in zip(schemas, known))
    return wrote is not None and _order(wrote) > _order(machine)


def _order(version: str) -> tuple[int, int, int, str, int]:
    """A prerelease (-beta.1) comes before its release, a correction (-1) after it."""
    parts = _PARTS.match(version)
    if parts is None:
        raise ValueError(f"a version must be like 2026.9.1 or 2026.9.1-beta.1, got {version!r}")
    year, month, patch, stage, number = parts.groups()
    rank = stage or (_CORRECTION if number else _RELEASE)
    return int(year), int(month), int(patch), rank, int(number or 0)


def _touched(tree: Path) -> str | None:
    path = tree / ".openclaw/openclaw.json"
    if path.is_symlink() or not path.is_file():
        return None
    with path.open("rb") as stream:
        found = _TOUCHED.search(stream.read(_MOST_BYTES))
    return found[1].decode() if found else None


def _schemas(tree: Path) -> Schemas:
    agents = [_user_version(path) for path in (tree / ".openclaw/agents").glob(_AGENTS)]
    return Schemas(_user_version(tree / STATE_DATABASE), max(filter(None, agents), default=None))


def _user_version(path: Path) -> int | None:
    """From the header (https://www.sqlite.org/fileformat.html): it needs no SQLite. 0 says nothing."""
    if path.is_symlink() or not is_database(path):
        return None
    with path.open("rb") as stream:
        return int.from_bytes(stream.read(64)[60:64], "big") or None


def _app_version(path: Path, databases: Databases) -> str | None:
    if path.is_symlink() or not is_database(path):
        return None
    query = "SELECT app_version FROM schema_meta WHERE meta_key = 'primary'"
    with contextlib.suppress(Unreadable):
        return whole(databases.value(path, "schema_meta", query))
    return None
