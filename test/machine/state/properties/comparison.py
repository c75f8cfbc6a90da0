"""What was there against what came back."""

import os
import time

from machine.state.support import trees
from openclaw.state.databases.sqlite import SIDECARS


def compare(before, after, named, above):
    """@param before, after: what lay below the data directory
    @param named what the log line names
    @param above bytes of the data directory's own path
    """

    def is_named(path):
        return any(path == one or path.startswith(f"{one}/") for one in named)

    for path in named:
        length = len(os.fsencode(path))
        if length >= trees.MOST_PATH_BYTES or before[path].kind == "special":
            continue
        is_long = before[path].rows is not None and above + length > trees.MOST_OF_DATABASE_BYTES
        assert is_long or not is_plain_database(path, before) or not trees.may_be_read(path, before), path
    expected = {path for path, one in before.items() if trees.is_expected(path, one, before, time.time())}
    assert {path for path in expected - set(after) if not is_named(path)} == set()
    assert {path for path in set(after) - expected if not is_named(path)} == set()
    for path in expected & set(after):
        if not is_named(path):
            same(path, before, after)
    names(before, after, {path for path in expected & set(after) if not is_named(path)})


def same(path, before, after):
    old, new = before[path], after[path]
    assert new.kind == old.kind, path
    assert new.attributes == old.attributes or old.kind == "link", path
    if old.rows is not None:
        assert new.rows == old.rows, path
    else:
        assert new.content == old.content, path
        # SQLite, which reads a database in there, makes and removes files beside it.
        has_database = any(one.rows is not None and os.path.dirname(name) == path for name, one in before.items())
        assert new.status.st_mtime_ns == old.status.st_mtime_ns or has_database, path
    if old.kind == "file" and old.status.st_size >= 1 << 30:
        assert new.status.st_blocks <= old.status.st_blocks + 64, f"{path} lost its holes"


def names(before, after, paths):
    """Of one file. A database is a copy of its own under each."""
    for seen in (before, after):
        files = [path for path in paths if seen[path].kind == "file" and before[path].rows is None]
        groups = {}
        for path in sorted(files):
            groups.setdefault((seen[path].status.st_dev, seen[path].status.st_ino), []).append(path)
        if seen is before:
            expected = sorted(groups.values())
        else:
            assert sorted(groups.values()) == expected


def is_plain_database(path, seen):
    """One that SQLite can read as it lies there, with nothing beside it that is not SQLite's."""
    if seen[path].kind != "file" or seen[path].rows is None:
        return True
    return not any(f"{path}{suffix}" in seen and seen[f"{path}{suffix}"].kind != "file" for suffix in SIDECARS)
