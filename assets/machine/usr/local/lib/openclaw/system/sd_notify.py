"""What a unit of Type=notify tells systemd, see sd_notify(3)."""

import os
import socket


def notify(*lines: str) -> None:
    """Each line is a VARIABLE=value, such as READY=1; nothing happens where systemd does not listen."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto("\n".join(lines).encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)
