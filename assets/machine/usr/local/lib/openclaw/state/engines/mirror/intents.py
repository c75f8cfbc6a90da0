"""What a run of the mirror is about to change: ETag by key of what it sends, null for what it deletes.

The object is signed; what is not the key of a mirrored file is left out, whoever wrote it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from openclaw.state.openclaw_data.layout import ROOTS
from openclaw.system import documents, signing

KIND = "intent"
# In bytes: it names every object of a first backup.
LIMIT = 256 << 20
# Where a version that knows of no signature finds the name of an object that is not there.
_SIGNATURE = ""
_FILES = tuple(f"mirror/{root}/" for root in ROOTS)


def pack(changes: Mapping[str, str | None], name: str, key: str) -> bytes:
    return json.dumps({**changes, _SIGNATURE: signing.of(key, KIND, changes, name)}).encode("ascii")


def unpack(body: bytes, name: str, key: str, unsigned: bool = False) -> dict[str, str | None]:
    """@param unsigned whether one that is from before there was a key is taken too

    @raises documents.Malformed
    """
    value = documents.load(body, LIMIT)
    if not isinstance(value, dict):
        raise documents.Malformed(f"it must be an object of ETags by key, got {documents.shown(value)}")
    given = value.pop(_SIGNATURE, None)
    if (given is None and not unsigned) or (
        given is not None and not signing.is_same(given, signing.of(key, KIND, value, name))
    ):
        raise documents.Malformed("it is not signed with this deployment's key")
    return {
        known: etag
        for known, etag in value.items()
        if known.startswith(_FILES) and (etag is None or isinstance(etag, str))
    }
