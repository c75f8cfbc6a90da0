"""What is different on machines that are launched from now on: each switch is a file that they read."""

from . import settings

SWITCHES = {
    "absent-packages": "names of packages that the repositories do not have",
    "agent-version": "version of the CloudWatch agent that the repositories have, like 1.300069.1",
}


def turn(name: str, value: str) -> None:
    """Turns a switch on, or off with an empty value."""
    if name not in SWITCHES:
        raise ValueError(f"a switch must be one of {', '.join(SWITCHES)}, got '{name}'")
    settings.SWITCHES.mkdir(parents=True, exist_ok=True)
    if value:
        (settings.SWITCHES / name).write_text(f"{value}\n")
    else:
        (settings.SWITCHES / name).unlink(missing_ok=True)


def clear() -> None:
    for name in SWITCHES:
        turn(name, "")
