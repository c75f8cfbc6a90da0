"""Files, locks, processes and the journal: nothing here knows AWS or OpenClaw."""
