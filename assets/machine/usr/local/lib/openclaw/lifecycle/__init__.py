"""The machine's ends and moves: the watch for a notice, the drain, the record for the next machine."""
