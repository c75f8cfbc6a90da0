"""What AWS's refusals and silences are to the callers."""

from __future__ import annotations

from openclaw.system.errors import Unavailable


class AwsError(Unavailable):
    """`code` is the service's error code, or empty where no service answered in its usual form."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code
