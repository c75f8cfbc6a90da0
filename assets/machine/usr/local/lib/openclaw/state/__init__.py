"""OpenClaw's durable state on this machine: staging, backup, restore, lease. Python 3.9, with botocore alone."""
