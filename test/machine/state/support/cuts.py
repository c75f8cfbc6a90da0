"""Power cuts at a chosen step, as far as processes go."""

import subprocess
import sys

CUT = """
import importlib, os, runpy, sys
module, _, name = sys.argv[1].partition(":")
owner = importlib.import_module(module)
*path, last = name.split(".")
for part in path:
    owner = getattr(owner, part)
original, calls, after = getattr(owner, last), [0], int(sys.argv[2])
def cut(*arguments, **options):
    calls[0] += 1
    if calls[0] > after:
        os.kill(0, 9)
    return original(*arguments, **options)
setattr(owner, last, cut)
sys.argv = ["state", *sys.argv[3:]]
from openclaw.state.cli import main
sys.exit(main())
"""


def cut_at(machine, step, after, *arguments, **environment):
    """Runs a command and kills its whole process group at the call numbered after + 1 of a function."""
    command = [sys.executable, "-c", CUT, step, str(after), *arguments]
    return subprocess.run(
        command, env={**machine.environment, **environment}, process_group=0, capture_output=True, check=False
    ).returncode
