"""Which engine's backups this deployment believes: noted in Parameter Store, where no writer of the bucket can say it.

The machine notes its own engine at its first boot, and after a deploy that changed `backup` when the new engine holds a
backup. Until then, what the former engine left is read beside.
"""

from __future__ import annotations

from openclaw.aws.client import Aws
from openclaw.settings import ENGINES, Settings
from openclaw.system.errors import Refused

NAME = "backup-engine"


class EngineRecord:
    def __init__(self, settings: Settings, aws: Aws):
        self.settings, self.aws = settings, aws
        self.path = f"{settings.parameter_path}/{NAME}"
        # What this volume knows to be noted: a look costs a request.
        self.local = settings.var / "backup-engine"

    def recorded(self) -> str:
        """Empty if nothing is recorded. @raises Refused if the value is not an engine"""
        found = self.aws.parameter(NAME) or ""
        if found and found not in ENGINES[:2]:
            raise Refused(f"the parameter {self.path} must be one of {', '.join(ENGINES[:2])}, got {found[:80]!r}")
        return found

    def believed(self) -> list[str]:
        """This machine's engine, and the former one where `backup` has changed."""
        return list(dict.fromkeys(filter(None, (self.settings.backup, self.recorded()))))

    def note(self) -> None:
        """This machine's engine has what this deployment would start from."""
        if self.local.exists() and self.local.read_text() == self.settings.backup:
            return
        if self.recorded() != self.settings.backup:
            self.aws.note_parameter(NAME, self.settings.backup)
        self.local.write_text(self.settings.backup)
