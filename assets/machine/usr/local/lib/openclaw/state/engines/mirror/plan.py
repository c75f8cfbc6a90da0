"""What a push of the mirror sends, and what its manifest will say."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from openclaw.state.engines.mirror import manifest
from openclaw.state.engines.mirror.manifest import Item


@dataclass
class Plan:
    tree: Path
    # By path.
    items: dict[str, Item] = field(default_factory=dict)
    # By key.
    send: dict[str, Path] = field(default_factory=dict)
    # Keys of objects whose versions only S3 knows.
    unversioned: set[str] = field(default_factory=set)
    bytes: int = 0

    def put(self, item: Item, sha256: str, md5: str, is_there: bool = False) -> None:
        """@param is_there the current object is what would be sent"""
        self.items[item.path] = manifest.with_object(item, sha256, md5, "")
        self.unversioned.add(item.key)
        if not is_there:
            self.send[item.key] = self.tree / item.path
            self.bytes += item.size

    def materialize_hard_links(self) -> None:
        """A link to a file that is not sent becomes a file of its own."""
        for item in [one for one in self.items.values() if one.kind == "hardlink" and one.target not in self.items]:
            path = self.tree / item.path
            file = manifest.place(replace(item, kind="file", target="", size=path.stat().st_size))
            self.put(file, *manifest.digests(path))
