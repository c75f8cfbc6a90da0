"""Power cuts at a chosen step, as far as processes go."""

CUT = """
import importlib, os
module, _, name = {step!r}.partition(":")
owner = importlib.import_module(module)
*path, last = name.split(".")
for part in path:
    owner = getattr(owner, part)
original, calls = getattr(owner, last), [0]
def cut(*arguments, **options):
    calls[0] += 1
    if calls[0] > {after}:
        os.kill(0, 9)
    return original(*arguments, **options)
setattr(owner, last, cut)
"""


def cut_at(machine, step, after, *arguments, **environment):
    """Runs a command and kills its whole process group at the call numbered after + 1 of a function."""
    before = CUT.format(step=step, after=after)
    code, _, _ = machine.deployment.fork_server.run(
        arguments, {**machine.environment, **environment}, timeout=180, before=before
    )
    return code
