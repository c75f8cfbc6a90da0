"""What this machine asks of AWS."""
