"""Trees such as an agent with a shell leaves behind, for Hypothesis; what a backup of one has to bring back."""

import contextlib
import os
import shutil
import socket
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from machine.state.support import schedules
from machine.state.support.machine import NODE
from openclaw.state.databases.connection import SIDECARS, is_database
from openclaw.state.openclaw_data import exclusions
from openclaw.state.openclaw_data.layout import ROOTS, is_openclaw_database
from openclaw.system import files

# What the reader takes of a path.
MOST_PATH_BYTES = 3800
# What SQLite takes of one, with the name of its log.
MOST_OF_DATABASE_BYTES = 500


@dataclass(frozen=True)
class File:
    content: bytes
    # Before the content.
    hole: int
    mode: int
    owner: int
    mtime_ns: int


@dataclass(frozen=True)
class Link:
    leads_to: bytes


@dataclass(frozen=True)
class HardLink:
    """To one of the files that are there already."""

    number: int


@dataclass(frozen=True)
class Database:
    beginning: str
    steps: tuple[str, ...]
    # Whether its user still has it open, with all in the log.
    is_open: bool


@dataclass(frozen=True)
class Special:
    kind: str


@dataclass(frozen=True)
class Directory:
    mode: int
    inside: Mapping[bytes, Any]


@dataclass(frozen=True)
class Deep:
    """Directories in one another, all of this name."""

    name: bytes
    depth: int


_ODD_NAMES = (
    *(b"notes.db" + suffix for suffix in (b"", b"-wal", b"-shm", b"-journal")),
    *(b"state", b"agents", b"main", b"agent", b"openclaw.sqlite", b"openclaw-agent.sqlite"),
    *(b"cache", b"tmp", b"logs", b"a.pid", b"a.lock.sqlite", b"a.migrated", b"a.pre-startup-migration-1.bak"),
    *(b"page-logs.json", b".folding", b".fetched", b"database", b"new"),
    *(b"-n", b"line\nbreak", b"\x1b[31m", b"%41", b"A", b"*", b"[a]", b"\\", b"\xff\xfe", b"e\xcc\x81", b"n" * 255),
)
_names = st.one_of(
    st.sampled_from(_ODD_NAMES),
    st.binary(min_size=1, max_size=8).filter(lambda name: name not in (b".", b"..") and not {0, 47} & set(name)),
)
_modes = st.sampled_from((0o600, 0o644, 0o700, 0o755, 0o400, 0o000, 0o200, 0o4755, 0o2755, 0o1777, 0o666))
_files = st.builds(
    File,
    content=st.one_of(
        st.binary(max_size=40), st.sampled_from((b"SQLite format 3\0", b"SQLite format 3\0" + b"x" * 3000, b"y" * 9000))
    ),
    hole=st.sampled_from((0, 0, 0, 1 << 16, 1 << 30)),
    mode=_modes,
    owner=st.sampled_from((NODE, NODE, NODE, 0)),
    mtime_ns=st.sampled_from((0, 1, -1_000_000_000, 1_700_000_000_123_456_789, 4_000_000_000_000_000_000)),
)
_databases = st.builds(
    Database,
    beginning=schedules.beginnings,
    steps=st.lists(schedules.steps, max_size=4).map(tuple),
    is_open=st.booleans(),
)
_links = st.builds(Link, st.sampled_from((b".", b"..", b"nowhere", b"/etc/shadow", b"notes.db", b"\xff", b"t" * 300)))
_deep = st.builds(Deep, st.sampled_from((b"d", b"n" * 255)), st.integers(1, 400)).filter(
    lambda deep: deep.depth * (len(deep.name) + 1) < MOST_PATH_BYTES + 100
)


def _directory(pool: list[bytes], inside: st.SearchStrategy) -> st.SearchStrategy:
    modes = st.sampled_from((0o700, 0o700, 0o755, 0o500, 0o000, 0o300, 0o600, 0o2775))
    return st.builds(Directory, modes, st.dictionaries(st.sampled_from(pool), inside, max_size=5))


def _states(pool: list[bytes]) -> st.SearchStrategy:
    special = st.builds(Special, st.sampled_from(("pipe", "socket")))
    hard = st.builds(HardLink, st.integers(0, 9))
    leaf = st.one_of(_files, _files, _databases, _databases, _links, hard, special, _deep)
    node = st.recursive(leaf, lambda inside: _directory(pool, inside), max_leaves=8)
    state = st.fixed_dictionaries({root: st.dictionaries(st.sampled_from(pool), node, max_size=4) for root in ROOTS})
    return st.lists(state, min_size=1, max_size=3)


# One tree after the other, with names in common.
lives = st.lists(_names, min_size=2, max_size=7, unique=True).flatmap(_states)


class Laid:
    """Lays trees below three roots, each over the former one."""

    def __init__(self, data: Path):
        self.data = data
        self.open: list[sqlite3.Connection] = []

    def lay(self, state: Mapping[str, Mapping[bytes, Any]]) -> None:
        self.close()
        names: list[bytes] = []
        for root, inside in state.items():
            self._fill(os.fsencode(self.data / root), inside, names)

    def close(self) -> None:
        for database in self.open:
            database.close()
        self.open.clear()

    def _fill(self, directory: bytes, inside: Mapping[bytes, Any], names: list[bytes]) -> None:
        for name in set(os.listdir(directory)) - set(inside):
            remove(os.path.join(directory, name))
        for name, node in inside.items():
            self._put(os.path.join(directory, name), node, names)

    def _put(self, path: bytes, node: Any, names: list[bytes]) -> None:
        if isinstance(node, Directory):
            if not os.path.isdir(path) or os.path.islink(path):
                remove(path)
                os.mkdir(path)
                os.chown(path, NODE, NODE)
            self._fill(path, node.inside, names)
            os.chmod(path, node.mode)
            return
        is_kept = isinstance(node, Database) and is_database(os.fsdecode(path)) and not os.path.islink(path)
        if not is_kept:
            remove(path)
        if isinstance(node, File):
            self._put_file(path, node)
            names.append(path)
        elif isinstance(node, Link):
            os.symlink(node.leads_to, path)
            os.lchown(path, NODE, NODE)
        elif isinstance(node, HardLink):
            if names:
                os.link(names[node.number % len(names)], path, follow_symlinks=False)
        elif isinstance(node, Database):
            self._put_database(path, node, is_kept)
            names.append(path)
        elif isinstance(node, Deep):
            self._put_deep(path, node)
        elif node.kind == "pipe":
            os.mkfifo(path)
        else:
            _make_socket(path)

    def _put_file(self, path: bytes, node: File) -> None:
        with open(path, "wb") as stream:
            stream.truncate(node.hole)
            stream.seek(node.hole)
            stream.write(node.content)
        os.chown(path, node.owner, node.owner)
        os.chmod(path, node.mode)
        os.utime(path, ns=(node.mtime_ns, node.mtime_ns))

    def _put_database(self, path: bytes, node: Database, is_kept: bool) -> None:
        """What SQLite does not let it do, because of what lies there, is not done."""
        if not is_kept:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            os.chown(path, NODE, NODE)
        with contextlib.suppress(sqlite3.Error):
            database = schedules.connect(os.fsdecode(path))
            self.open.append(database)
            if not is_kept:
                database.executescript(node.beginning)
            for step in node.steps:
                schedules.run(database, step)
            if not node.is_open:
                database.close()

    def _put_deep(self, path: bytes, node: Deep) -> None:
        above = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            for name in (os.path.basename(path), *[node.name] * node.depth):
                os.mkdir(name, 0o700, dir_fd=above)
                os.chown(name, NODE, NODE, dir_fd=above)
                below = os.open(name, os.O_RDONLY, dir_fd=above)
                os.close(above)
                above = below
        finally:
            os.close(above)


def remove(path: bytes) -> None:
    files.remove_tree(Path(os.fsdecode(path)))


def _make_socket(path: bytes) -> None:
    """By a short name: that of a socket has 107 bytes at most."""
    directory = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            short = f"/proc/self/fd/{directory}/s"
            bound.bind(short)
            os.rename(short, path)
    finally:
        os.close(directory)


def walk(root: str) -> Iterator[tuple[str, os.stat_result]]:
    """Path below the root and status; not of what is too deep to be named."""
    for path, status in files.walk(Path(root)):
        yield os.path.relpath(path, root), status


@dataclass
class Seen:
    """What lies at a path."""

    kind: str
    status: os.stat_result
    content: Any = None
    # The content of a database; the first of a file's names.
    rows: Any = None

    @property
    def attributes(self) -> tuple[int, int, int]:
        return stat.S_IMODE(self.status.st_mode), self.status.st_uid, self.status.st_gid


def look(data: Path, scratch: Path) -> dict[str, Seen]:
    """All that is below the roots, as a restore could bring it."""
    seen: dict[str, Seen] = {}
    for root in ROOTS:
        _see(data, root, seen, scratch)
    return seen


def _see(data: Path, root: str, seen: dict[str, Seen], scratch: Path) -> None:
    pending = [root]
    while pending:
        path = pending.pop()
        status = os.lstat(data / path)
        if stat.S_ISDIR(status.st_mode):
            seen[path] = Seen("directory", status)
            inside = (f"{path}/{name}" for name in os.listdir(data / path))
            pending += [one for one in inside if len(os.fsencode(one)) <= MOST_PATH_BYTES]
        elif stat.S_ISLNK(status.st_mode):
            seen[path] = Seen("link", status, os.readlink(data / path))
        elif stat.S_ISREG(status.st_mode):
            rows = rows_of(data / path, path, scratch) if is_database(data / path) else None
            seen[path] = Seen("file", status, _content(data / path), rows)
        else:
            seen[path] = Seen("special", status)


def _content(path: Path) -> tuple[int, bytes]:
    """Bytes in all, and the first and last of them: no hole is read."""
    size = path.stat().st_size
    with open(path, "rb") as stream:
        first = stream.read(1 << 20)
        stream.seek(max(0, size - 10_000))
        return size, first + stream.read()


def rows_of(database: Path, name: str, scratch: Path) -> "list[str] | None":
    """What SQLite reads in a database with all that lies beside it; None where it reads none."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    for suffix in ("", "-wal", "-journal"):
        beside = Path(f"{database}{suffix}")
        if os.path.lexists(beside):
            if not stat.S_ISREG(beside.lstat().st_mode):
                return None
            if beside.stat().st_size < 1 << 26:
                shutil.copyfile(beside, scratch / f"copy{suffix}")
    try:
        with contextlib.closing(sqlite3.connect(scratch / "copy")) as copy:
            if is_openclaw_database(name):
                # No machine is to find the former one's.
                with contextlib.suppress(sqlite3.Error):
                    copy.execute("DELETE FROM state_leases")
            return list(copy.iterdump())
    except (sqlite3.Error, UnicodeDecodeError):
        return None


def is_expected(path: str, one: Seen, seen: Mapping[str, Seen], now: float) -> bool:
    """Whether it belongs into a backup."""
    parts = path.split("/")
    above = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    if one.kind == "special" or any(map(exclusions.is_excluded, above)):
        return False
    if exclusions.is_old_migration_copy(path, one.status, now):
        return False
    return not is_sidecar(path, one, seen)


def is_sidecar(path: str, one: Seen, seen: Mapping[str, Seen]) -> bool:
    beside = (path[: -len(suffix)] for suffix in SIDECARS if path.endswith(suffix))
    return one.kind != "directory" and any(
        name in seen and seen[name].kind == "file" and seen[name].rows is not None for name in beside
    )


def may_be_read(path: str, seen: Mapping[str, Seen]) -> bool:
    """By OpenClaw's own user."""
    parts = path.split("/")
    for end in range(1, len(parts)):
        if not _allows(seen["/".join(parts[:end])], 0o5):
            return False
    one = seen[path]
    return one.kind == "link" or _allows(one, 0o5 if one.kind == "directory" else 0o4)


def _allows(one: Seen, wanted: int) -> bool:
    shift = 6 if one.status.st_uid == NODE else 3 if one.status.st_gid == NODE else 0
    return one.status.st_mode >> shift & wanted == wanted
