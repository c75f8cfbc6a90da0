"""backup=snapshots: snapshots in a restic repository."""
