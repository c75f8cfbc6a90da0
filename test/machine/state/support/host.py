"""The directories of a machine, for the staging alone: no cloud, no processes."""

import os
import shutil
import signal
from pathlib import Path

from machine.state.support.machine import Machine, make_parents
from openclaw.settings import Settings
from openclaw.state.databases import page_log
from openclaw.state.databases.sqlite import Databases
from openclaw.state.staging.staged import Staged
from openclaw.state.staging.staging import Staging
from openclaw.state.staging.tree import StagedTree


class Host(Machine):
    def __init__(self, directory: Path):
        self.directory, self.data, self.var = directory, directory / "data", directory / "var"
        for name in (".openclaw", "workspace", "auth-profile-secrets"):
            make_parents(self.data / name)

    @property
    def settings(self) -> Settings:
        # Staging looks at two of them.
        return Settings(**{**dict.fromkeys(Settings.__dataclass_fields__), "data": self.data, "var": self.var})

    def stage(self) -> "tuple[Staged, set[str]]":
        """What it says, and the names of the files and databases."""
        with Staging(self.settings, logs=True).refreshed() as staged:
            names = {entry.path for entry in staged.index.entries() if entry.kind in ("file", "database")}
            return staged, names

    def stage_killed_before(self, step: str) -> None:
        """A run that dies where it would begin a step of the staged tree."""
        child = os.fork()
        if not child:
            setattr(StagedTree, step, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
            self.stage()
        os.waitpid(child, 0)

    @property
    def staged(self) -> Path:
        return self.var / "staging" / "tree"

    def restored(self, database: str) -> Path:
        """The staged database, with its log, as a restore would bring it."""
        tree = self.directory / "restored"
        shutil.rmtree(tree, ignore_errors=True)
        shutil.copytree(self.staged, tree, symlinks=True)
        with Databases(self.var) as databases:
            page_log.fold(tree, databases)
        return tree / database
