"""Looking into a machine and its deployment."""

import contextlib
import json
import random
import time
from collections.abc import Iterator

import botocore.exceptions

GATEWAY = "openclaw-gateway"
DISKS = ("btrfs", "ext4", "overlay", "xfs")

# What breaks a careless shell, dotenv file or Compose file. Each holds MARK, by which it is looked for on disks.
MARK = "c0ffee5ecret"
SECRETS = {
    "SPACES": f"  two  spaces {MARK} and a tab\t",
    "QUOTES": f"""it's "{MARK}" `quoted` """,
    "DOLLARS": f"$HOME ${{PATH}} $$ {MARK} $(id)",
    "HASH": f"# no {MARK} comment # at all",
    "BACKSLASHES": rf"\n \\ {MARK} \t end\\",
    "EQUALS": f"=a=b={MARK}==",
    "NEWLINES": f"first {MARK}\nsecond line\n\nlast line",
    "UNICODE": f"naïve ☃ {MARK}",
}


def values_that_break_readers() -> Iterator[str]:
    """Every trap by itself, and 300 mixtures that are the same in every run."""
    yield from ["", " ", "'", '"', "$", "\\", "#", "\n", "\r\n", "=", "\t", "`id`", "$(id)", "\\n", "\\'", "${", "a\\"]
    pieces = [
        *" \t\n\r'\"$#\\`{}()=:;%é漢😀ab0",
        "\u00a0",
        "$$",
        "${A}",
        "\\n",
        "\\x41",
        "\\012",
        "export X=1",
        "\x1b[0m",
    ]
    generator = random.Random(1)  # noqa: S311 - a repeatable mixture, not a secret
    for _ in range(300):
        yield "".join(generator.choice(pieces) for _ in range(generator.randrange(1, 20)))


def container_environment(machine) -> dict[str, str]:
    program = "process.stdout.write(JSON.stringify(process.env))"
    return json.loads(machine.execute("docker", "exec", GATEWAY, "node", "-e", program))


def on_disk(machine, text: str) -> list[str]:
    """The files on anything but memory that hold this text: the machine's whole file system and its engine's data."""
    mounts = machine.execute("findmnt", "--list", "--noheadings", "--output", "TARGET,FSTYPE").splitlines()
    disks = [target for target, kind in (mount.split() for mount in mounts) if kind in DISKS]
    # The engine's overlay mounts show what its data directory holds already.
    disks = [disk for disk in disks if not disk.startswith("/var/lib/docker/")]
    assert {"/", "/var/lib/docker"} <= set(disks), mounts
    search = (
        'find "$@" -xdev -type f -print0 | xargs --null grep --files-with-matches --fixed-strings --text -e "$TEXT"'
    )
    found = machine.execute("env", f"TEXT={text}", "sh", "-c", f"{search} || true", "search", *disks)
    return found.splitlines()


def gateway_token(deployment) -> str:
    name = f"{deployment.parameter_path}/env/OPENCLAW_GATEWAY_TOKEN"
    return deployment.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]


def eventually(condition, seconds: int = 60):
    """What the condition gives as soon as that is true, or None after so many tries a second apart."""
    for _ in range(seconds):
        with contextlib.suppress(botocore.exceptions.ClientError):  # what is not there yet
            if found := condition():
                return found
        time.sleep(1)
    return None


def user_data_said(machine) -> str:
    """What user data has printed on this machine so far."""
    return machine.execute("cat", "/var/log/cloud-init-output.log", check=False)
