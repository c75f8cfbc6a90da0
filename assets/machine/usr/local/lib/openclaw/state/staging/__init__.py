"""The staged copy of the state, which a backup pushes."""
