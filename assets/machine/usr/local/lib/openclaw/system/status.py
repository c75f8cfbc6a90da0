"""A file's status, as the kernel tells it or as another process has told it."""

from __future__ import annotations

import os
from typing import NamedTuple, Union


class Status(NamedTuple):
    """Named as in os.stat_result, of which it has what is kept."""

    st_mode: int
    st_uid: int
    st_gid: int
    st_nlink: int
    st_dev: int
    st_ino: int
    st_size: int
    st_mtime_ns: int
    st_ctime_ns: int


AnyStatus = Union[os.stat_result, Status]
