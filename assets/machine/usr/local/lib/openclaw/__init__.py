"""What runs on the machine: backups and restores of OpenClaw's state, the machine's ends, secrets and images."""
