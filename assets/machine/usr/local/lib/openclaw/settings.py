"""Names and places of this deployment: /etc/openclaw/machine.env, overridden by the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from openclaw.state.openclaw_data.layout import ROOTS
from openclaw.system.errors import Refused

ENGINES = ("snapshots", "mirror", "off")


@dataclass(frozen=True)
class Settings:
    stack: str
    region: str
    parameter_path: str
    image: str
    backup: str
    bucket: str
    # Owner of the bucket, 12 digits; empty where it is not known.
    account: str
    # Auto Scaling group that this machine is one of.
    group: str
    metric_namespace: str
    # lean or full: what of the metrics goes to CloudWatch, and who tells of faults.
    observability: str
    # ARN of the topic by which people are told.
    alarm_topic: str
    data: Path
    var: Path
    run: Path
    lock_wait_seconds: int
    lease_wait_seconds: int
    lease_ending_wait_seconds: int
    engine_timeout_seconds: int
    image_wait_seconds: int
    keep_hourly: int
    keep_daily: int
    keep_weekly: int

    @property
    def roots(self) -> dict[str, Path]:
        return {name: self.data / name for name in ROOTS}


def machine_env(path: Path) -> dict[str, str]:
    """NAME=value lines, without quotes or comments."""
    if not path.exists():
        return {}
    pairs = (line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    return {name.strip(): value for name, value in pairs}


def load() -> Settings:
    """@raises Refused naming every setting that is missing or out of range."""
    path = Path(os.environ.get("OPENCLAW_MACHINE_ENV", "/etc/openclaw/machine.env"))
    env = {**machine_env(path), **os.environ}
    faults = [f"{name} is not set in {path}" for name in ("STACK", "AWS_REGION", "BACKUP") if not env.get(name)]
    backup = env.get("BACKUP", "")
    if backup and backup not in ENGINES:
        faults.append(f"BACKUP must be one of {', '.join(ENGINES)}, got {backup!r}")
    if backup in ENGINES[:2] and not env.get("STATE_BUCKET"):
        faults.append(f"STATE_BUCKET is empty, but BACKUP={backup} needs a bucket")
    if faults:
        raise Refused("; ".join(faults))
    # For every child: the CLI and restic look these up by themselves.
    os.environ.setdefault("AWS_DEFAULT_REGION", env["AWS_REGION"])
    return Settings(
        stack=env["STACK"],
        region=env["AWS_REGION"],
        parameter_path=env.get("PARAMETER_PATH", f"/openclaw/{env['STACK']}"),
        image=env.get("IMAGE", ""),
        backup=backup,
        bucket=env.get("STATE_BUCKET", ""),
        account=env.get("ACCOUNT_ID", ""),
        group=env.get("GROUP_NAME", f"openclaw-{env['STACK']}"),
        metric_namespace=env.get("METRIC_NAMESPACE", f"OpenClaw/{env['STACK']}"),
        observability=env.get("OBSERVABILITY", "full"),
        alarm_topic=env.get("ALARM_TOPIC", ""),
        data=Path(env.get("OPENCLAW_DATA", "/opt/openclaw")),
        var=Path(env.get("OPENCLAW_VAR", "/var/lib/openclaw")),
        run=Path(env.get("OPENCLAW_RUN", "/run/openclaw")),
        lock_wait_seconds=int(env.get("BACKUP_LOCK_WAIT_SECONDS", "300")),
        lease_wait_seconds=int(env.get("LEASE_WAIT_SECONDS", "150")),
        # Longer than a drain may take (openclaw-drain.service).
        lease_ending_wait_seconds=int(env.get("LEASE_ENDING_WAIT_SECONDS", "960")),
        engine_timeout_seconds=int(env.get("BACKUP_TIMEOUT_SECONDS", "3600")),
        # Less than systemd gives a restore; a pull that takes longer is waited for by the next attempt.
        image_wait_seconds=int(env.get("IMAGE_WAIT_SECONDS", "600")),
        keep_hourly=int(env.get("BACKUP_KEEP_HOURLY", "24")),
        keep_daily=int(env.get("BACKUP_KEEP_DAILY", "7")),
        keep_weekly=int(env.get("BACKUP_KEEP_WEEKLY", "4")),
    )


def require_backups(settings: Settings) -> None:
    """@raises Refused where this deployment keeps none"""
    if settings.backup == "off":
        raise Refused("BACKUP=off: this deployment keeps no backups")
