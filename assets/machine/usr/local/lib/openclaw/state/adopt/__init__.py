"""The state of another install, taken over from its archive."""
