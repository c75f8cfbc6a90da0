"""OpenClaw's durable state on this machine: staging, backup, restore, lease. Standard library only, Python 3.9."""
