"""SQLite databases: copied while in use, and kept as a base with a log of pages."""
