"""What can go wrong, by what has to happen next."""

from __future__ import annotations


class StateError(Exception):
    """A failure that a later run may not have."""

    exit_code = 1
    # What the records say for `result`.
    result = "failure"


class Unavailable(StateError):
    """A service did not answer, or answered that we may not: nothing is known about the data."""

    result = "unavailable"


class Damaged(StateError):
    """What was fetched is provably not what was stored."""

    result = "damaged"


class Busy(StateError):
    """Another run holds the lock."""

    exit_code = 75
    result = "busy"


class Locked(StateError):
    """Somebody else works on the store."""

    exit_code = 75
    result = "busy"


class NoSpace(StateError):
    """The disk is full: what frees space, not time, changes that."""

    exit_code = 76


class Fenced(StateError):
    """Another machine is the writer now: this one neither writes nor serves."""

    exit_code = 77
    result = "fenced"


class Refused(StateError):
    """A guard said no; a person, not time, changes that."""

    exit_code = 78
    result = "refused"


class SetAside(Refused):
    """What a guard refused is in the bucket, apart from the backups."""

    exit_code = 79


def result_of(error: Exception) -> str:
    return getattr(error, "result", StateError.result)
