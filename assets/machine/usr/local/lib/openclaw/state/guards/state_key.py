"""The key that the mirror's manifests and the last machine's record are signed with, and since when they are.

Whoever can write to the bucket can write these too; the key is in Parameter Store. The machine makes it once. What was
written before there was one is believed until the first signed manifest is stored, which is noted in Parameter Store.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from pathlib import Path

from openclaw.aws.client import Aws
from openclaw.settings import Settings
from openclaw.system.errors import StateError, Unavailable

NAME, SIGNED_FROM = "state-key", "state-signed-from"
# In tmpfs, for the drain, which has no time to ask: the name below /run/openclaw. Beside it, where this boot has made
# the key, a note: the last machine's record cannot be signed then.
LOCAL, MADE = "state-key", "state-key-made"
_KEY = re.compile(r"[!-~]{32,256}")


class StateKey:
    def __init__(self, settings: Settings, aws: Aws):
        self.settings, self.aws = settings, aws
        self._value = ""
        self._mark: str | None = None
        self._is_new = False

    def value(self) -> str:
        """@raises StateError where it is gone, or is none"""
        self._value = self._value or self._fetch()
        return self._value

    def mark(self) -> str:
        """Generation, sequence and time of the first signed manifest, as its name begins; empty where none is noted."""
        if self._mark is None:
            self._mark = self.aws.parameter(SIGNED_FROM) or ""
        return self._mark

    def note_signed(self, mark: str) -> None:
        """Once and for ever: the machine has no right to change it."""
        if not self.mark():
            self.aws.create_parameter(SIGNED_FROM, mark, "String")
            self._mark = None

    def keep_for_the_drain(self) -> None:
        path = Path(self.settings.run) / LOCAL
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{LOCAL}.new")
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as stream:
            stream.write(self.value())
        os.replace(new, path)
        if self._is_new:
            path.with_name(MADE).touch()

    def _fetch(self) -> str:
        path = f"{self.settings.parameter_path}/{NAME}"
        found = self.aws.parameter(NAME)
        if found is None:
            if self.mark():
                raise StateError(
                    f"the parameter {path} is gone, but what s3://{self.aws.bucket}/mirror/ holds was signed with it: "
                    f"put the old value back (aws ssm put-parameter --type SecureString --name {path} --value …)"
                )
            self._is_new = self.aws.create_parameter(NAME, secrets.token_urlsafe(32))
            found = self.aws.parameter(NAME)
            if found is None:
                raise Unavailable(f"the parameter {path} was made but cannot be read yet")
        if not _KEY.fullmatch(found):
            raise StateError(f"the parameter {path} must be 32 to 256 printable characters; put the old value back")
        return found
