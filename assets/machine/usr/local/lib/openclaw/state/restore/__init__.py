"""A restore: at a boot, by name, as a drill."""
