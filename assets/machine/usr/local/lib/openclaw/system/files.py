"""Files that are whole or absent after a power cut, and the disk's free space."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openclaw.system import journal
from openclaw.system.errors import Refused

# Left free for what else the machine writes meanwhile.
RESERVE_BYTES = 512 << 20


def sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        json.dump(value, stream, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(new, path)
    sync_directory(path.parent)


def note_json(path: str, value: Any) -> None:
    """For notes in /run, which no power cut outlives: one that cannot be written is said, and holds nothing up."""
    try:
        with open(f"{path}.new", "w", encoding="utf-8") as stream:
            json.dump(value, stream)
        os.replace(f"{path}.new", path)
    except OSError as error:
        journal.log(f"cannot write {path}: {error}")


def read_json(path: Path) -> Any:
    """None where there is no such file. @raises ValueError for what is not JSON"""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None


def read_json_object(path: str) -> dict[str, Any] | None:
    """None where there is none, or none that can be read."""
    try:
        with open(path, encoding="utf-8") as stream:
            value = json.load(stream)
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def write_text(path: str, text: str) -> None:
    """Whole or not at all to whoever reads meanwhile."""
    with open(f"{path}.new", "w", encoding="utf-8") as stream:
        stream.write(text)
    os.replace(f"{path}.new", path)


def remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
        sync_directory(path.parent)


def remove_tree(path: Path) -> None:
    """Whatever it is, if it is there; however deep: what recurses in Python ends a thousand directories down.

    @raises OSError
    """
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        try:
            path.unlink()
        except IsADirectoryError:
            try:
                path.rmdir()
            except OSError:
                # Here alone: the watcher, which runs all day, reads notes and would pay for it.
                from openclaw.system import processes  # noqa: PLC0415

                result = processes.run(["rm", "-rf", "--", str(path)], 3600)
                if not result.ok:
                    raise OSError(f"cannot remove {path}: {result.last_words}") from None


def is_directory(path: str | Path) -> bool:
    """Not a link to one. Path.is_dir() follows it, and raises for one that leads to what cannot be a name."""
    return _has_kind(path, stat.S_IFDIR)


def is_regular(path: str | Path) -> bool:
    """Not a link to such a file."""
    return _has_kind(path, stat.S_IFREG)


def _has_kind(path: str | Path, kind: int) -> bool:
    try:
        return stat.S_IFMT(os.lstat(path).st_mode) == kind
    except (FileNotFoundError, NotADirectoryError):
        return False


def walk(tree: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Path and status of all that lies below a directory of ours, if it is there; directories before what they hold.

    Follows no link, and does not recurse: how deep a tree is, others have decided.
    """
    pending = [str(tree)] if is_directory(tree) else []
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                yield entry.path, status
                if stat.S_ISDIR(status.st_mode):
                    pending.append(entry.path)


def require_space(size: int, directory: Path) -> None:
    """@param size in bytes @raises Refused unless so much can be had beside the reserve"""
    free = max(0, shutil.disk_usage(directory).free - RESERVE_BYTES)
    if size > free:
        raise Refused(f"{size} bytes more are needed and {free} can be had: deploy a larger rootVolumeSizeGib")


def require_room(size: int, directory: Path) -> None:
    """@param size in bytes @raises OSError, as a full disk would in the middle, unless there is so much"""
    free = shutil.disk_usage(directory).free
    if size > free:
        raise OSError(errno.ENOSPC, f"{size} bytes are to come in and {free} are free", str(directory))
