"""Somebody's .tar.gz unpacked as a stream: nothing in it leaves the directory, fills the disk or is followed."""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from openclaw.system.errors import Damaged, Refused
from openclaw.system.files import require_space

FAULTS = (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile)


def unpack(archive: Path, target: Path) -> dict[str, str]:
    """Files and directories; returns the symbolic links, not made yet, as text by their names in the archive.

    @raises Refused if it is not an archive or not safe, Damaged if it is not as it was written
    """
    links: dict[str, str] = {}
    with gzip.open(archive) as stream:
        try:
            # Closed with its stream.
            opened = tarfile.open(fileobj=stream, mode="r|")  # noqa: SIM115
        except FAULTS as error:
            raise Refused(f"{archive.name} is not a .tar.gz archive ({error})") from error
        try:
            for member in _members(opened):
                path = target / _safe_name(member)
                if member.issym():
                    links[member.name] = member.linkname
                elif member.isdir():
                    path.mkdir(mode=0o700, parents=True, exist_ok=True)
                    path.chmod(member.mode & 0o777)
                else:
                    _write(opened, member, path)
            # The checksum stands at the very end.
            while stream.read(1 << 20):
                pass
        except FAULTS as error:
            raise Damaged(f"{archive.name} is damaged or was cut off ({error})") from error
    return links


def _members(opened: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while True:
        member = opened.next()
        if member is None:
            return
        yield member
        # It would remember them all.
        opened.members = []  # type: ignore[attr-defined] # typeshed does not tell of it


def _safe_name(member: tarfile.TarInfo) -> str:
    if any(part in ("", ".", "..") for part in member.name.split("/")):
        raise Refused(f"the archive is not safe: {member.name!r} is not a path below its own directory")
    if not (member.isreg() or member.isdir() or member.issym()):
        raise Refused(f"the archive is not safe: {member.name!r} is neither file, directory nor symbolic link")
    return member.name


def _write(opened: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    require_space(member.size, path.parent)
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as stream:
            # None only if it is not a file.
            shutil.copyfileobj(cast(IO[bytes], opened.extractfile(member)), stream, 1 << 20)
    except (FileExistsError, IsADirectoryError) as error:
        raise Refused(f"the archive is not safe: {member.name!r} is in it twice") from error
    path.chmod(member.mode & 0o777)
    os.utime(path, (member.mtime, member.mtime))
