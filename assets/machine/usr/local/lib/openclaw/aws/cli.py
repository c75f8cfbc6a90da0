"""The AWS CLI, for programs that must end in time whatever AWS does: a process can be killed."""

from __future__ import annotations

from openclaw.system.processes import Result, run_bounded


def aws(*arguments: str, seconds: float = 10) -> Result:
    """One call, which the CLI tries again by itself within the time."""
    options = ["--cli-connect-timeout", "3", "--cli-read-timeout", "8", "--output", "json"]
    return run_bounded(["aws", *arguments, *options], seconds)
