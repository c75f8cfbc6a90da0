"""backup=mirror: the staged tree as plain objects."""
