"""The two numbers that put backups in order, whatever any clock says: the lease's generation, and within it the count
of one machine's backups."""

from __future__ import annotations

from openclaw.system import documents

LAST = 1 << 31
NUMBER = documents.whole(1, LAST)
