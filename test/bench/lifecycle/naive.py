"""What most do: let the service stop as long as it wants, then save. Put in the drain's place on one machine."""

from lab.machine import Machine

COMPARED = {"idle", "busy", "run-in-progress", "backup-running", "slow-s3", "s3-away", "large"}
DIRECTORY = "/etc/systemd/system/openclaw-drain.service.d"
# OpenClaw's own patience with a run in progress is 315 s.
DROP_IN = """[Service]
ExecStop=
ExecStop=/usr/bin/docker stop --time 330 openclaw-gateway
ExecStop=/usr/local/libexec/openclaw/backup --final
"""


def put_in_place(machine: Machine) -> None:
    """The machine goes with what this changes on it."""
    machine.execute("mkdir", "-p", DIRECTORY)
    machine.execute("sh", "-c", f"cat >{DIRECTORY}/naive.conf", stdin=DROP_IN)
    machine.execute("sh", "-c", "rm /etc/systemd/system/openclaw.service.d/drain.conf; systemctl daemon-reload")
