"""Moves a verified tree into place. Every step is a rename; a journal lets a later boot finish what was begun."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openclaw.settings import Settings
from openclaw.state.databases import sqlite
from openclaw.system import files, journal, processes
from openclaw.system.errors import Refused
from openclaw.system.links import is_behind_link

KEPT_ASIDES = 3


class Swap:
    def __init__(self, settings: Settings):
        self.settings = settings
        self.home = settings.var / "restore"
        self.tree = self.home / "tree"
        self.journal = settings.var / "restore-journal.json"
        self.asides = settings.var / "aside"

    def fresh_tree(self) -> Path:
        self.discard()
        self.tree.mkdir(mode=0o700, parents=True)
        return self.tree

    def discard(self) -> None:
        files.remove_tree(self.home)

    def begin(self, paths: Sequence[str], facts: dict[str, Any]) -> None:
        """From here on the move is finished, by this process or a later boot.

        @param paths below the data directory
        @raises Refused when one of them is behind a link
        """
        data = self.settings.data
        behind = [path for path in paths if is_behind_link(data / path, data)]
        if behind:
            self.discard()
            raise Refused(f"{data / behind[0]} is behind a link; what is there is left alone: remove the link first")
        blocked = [above for path in paths if (above := self.file_above(path))]
        if blocked:
            self.discard()
            raise Refused(f"{blocked[0]} is not a directory, and something has to come in below it: move it away first")
        # The content must be on the disk before its names are; one call for the file system, not one for each file.
        synced = processes.run(["sync", "--file-system", str(self.tree)], 600)
        if synced.code != 0:
            raise OSError(f"sync --file-system {self.tree}: {synced.last_words}")
        aside = self.asides / time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        files.write_json(self.journal, {"paths": list(paths), "aside": str(aside), "facts": facts})

    def file_above(self, path: str) -> Path | None:
        """What stands in the way of making this path's directories."""
        above = [self.settings.data / parent for parent in Path(path).parents]
        return next((one for one in above if os.path.lexists(one) and not one.is_dir()), None)

    def unfinished(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = files.read_json(self.journal)
        return found

    def finish(self) -> dict[str, Any]:
        """Moves what is not moved yet; returns the facts given to begin."""
        journal: dict[str, Any] = files.read_json(self.journal)
        aside = Path(journal["aside"])
        for path in journal["paths"]:
            source = self.tree / path
            # Absent: an earlier attempt moved it already.
            if os.path.lexists(source):
                self._replace(path, source, aside)
        return {**journal["facts"], "aside": str(aside) if aside.exists() else None}

    def close(self) -> None:
        files.remove(self.journal)
        self.discard()
        kept = sorted(self.asides.iterdir()) if self.asides.is_dir() else []
        for old in kept[:-KEPT_ASIDES]:
            files.remove_tree(old)

    def _replace(self, path: str, source: Path, aside: Path) -> None:
        live = self.settings.data / path
        _make_parents(self.settings.data, live.parent)
        has_sidecars = sqlite.is_database(source) or sqlite.is_database(live)
        for name in (path, *(f"{path}{suffix}" for suffix in sqlite.SIDECARS if has_sidecars)):
            self._keep_aside(self.settings.data / name, aside / name)
        os.rename(source, live)
        files.sync_directory(live.parent)

    def _keep_aside(self, live: Path, target: Path) -> None:
        if not os.path.lexists(live):
            return
        if files.is_directory(live) and not any(live.iterdir()):
            live.rmdir()
            return
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.path.lexists(target):
            # An attempt cut off between the two renames kept the former one; this is a leftover of the cut itself.
            journal.say(f"{live} appeared during the restore; it is kept as {target}.later")
            target = target.with_name(target.name + ".later")
        os.rename(live, target)
        files.sync_directory(target.parent)


def _make_parents(data: Path, directory: Path) -> None:
    """With the owner of the directory above: what OpenClaw cannot enter would be no restore."""
    if directory.is_dir():
        return
    _make_parents(data, directory.parent)
    above = directory.parent.stat()
    directory.mkdir(mode=0o700)
    os.chown(directory, above.st_uid, above.st_gid)
