"""A backup: stage, guard, push, prune."""
