"""Who may write, and what this volume may do."""
