"""The real `aws` (v2) and `restic` for these tests: Debian trixie's, unpacked under .lab/toolbox where this system has
none that is new enough."""

import fcntl
import re
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[3]
TOOLBOX = REPOSITORY / ".lab" / "toolbox"
# Conditional writes of both kinds; exit statuses that tell a missing repository, a lock and a wrong password apart.
NEEDED = {"aws": (2, 22), "restic": (0, 17)}

IN_TOOLBOX = """#!/bin/sh
root={root}
for loader in "$root"/usr/lib/*-linux-gnu*/ld-linux-*.so.*; do break; done
PYTHONHOME="$root/usr" PYTHONPATH="$root/usr/lib/python3/dist-packages" \\
  exec "$loader" --library-path "${{loader%/*}}" "$root/usr/bin/{program}" "$@"
"""


def _is_new_enough(program: str) -> bool:
    path = shutil.which(program)
    if not path:
        return False
    command = [path, "--version" if program == "aws" else "version"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"(?:aws-cli/|restic )(\d+)\.(\d+)", answer.stdout)
    return found is not None and tuple(map(int, found.groups())) >= NEEDED[program]


def _ensure_toolbox() -> None:
    TOOLBOX.parent.mkdir(exist_ok=True)
    # Side by side, each worker of a test run comes here.
    with TOOLBOX.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (TOOLBOX / "usr/bin/restic").exists():
            _make_toolbox()


def _make_toolbox() -> None:
    subprocess.run([REPOSITORY / "test/ensure-programs", "mmdebstrap"], check=True)
    new = TOOLBOX.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    options = ("--quiet", "--variant=extract", "--include=awscli,restic")
    subprocess.run(["mmdebstrap", *options, "trixie", new], check=True, stdin=subprocess.DEVNULL)
    # Unpacked only, the packages' own scripts did not run: without compiled modules each `aws` takes seconds to start.
    python, libraries = new / "toolbox-python", [new / "usr/lib/python3", *(new / "usr/lib").glob("python3.*")]
    _write(python, IN_TOOLBOX.format(root=new, program="python3"))
    subprocess.run([python, "-m", "compileall", "-q", *libraries], check=False, stdout=subprocess.DEVNULL)
    new.rename(TOOLBOX)


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def build(directory: Path) -> Path:
    """A directory for PATH with both programs."""
    directory.mkdir(parents=True, exist_ok=True)
    wanted = [program for program in NEEDED if not _is_new_enough(program)]
    if wanted:
        _ensure_toolbox()
    for program in wanted:
        text = IN_TOOLBOX.format(root=TOOLBOX, program=program)
        if program == "aws":
            text = text.replace('/usr/bin/aws"', '/usr/bin/python3" "$root/usr/bin/aws"')
        _write(directory / program, text)
    return directory
