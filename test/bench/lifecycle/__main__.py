"""`python -m bench.lifecycle`: the ends that a machine can meet, on the real units, Docker and OpenClaw, in the lab."""

import argparse
import json

from lab import cloud, control, settings
from lab.deployment import DeploymentError
from lab.docker import DockerError
from lab.progress import say

from . import boot, naive, outages, report
from .run import Outcome, Run
from .scenarios import ALL

STACK = "lifecycle"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.lifecycle", description=__doc__)
    parser.add_argument(
        "--only", nargs="+", choices=sorted({*ALL, *outages.NAMES}), help="these scenarios (default: all)"
    )
    parser.add_argument("--without-naive", action="store_true", help="leave the naive order out")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--boot", action="store_true", help="measure starts of the machine instead of its ends")
    what.add_argument("--outages", action="store_true", help="measure outages at a replacement instead of its ends")
    options = parser.parse_args()
    known = outages.NAMES if options.outages else ALL
    names = options.only or list(known)
    if not set(names) <= set(known):
        parser.error(f"--only must be of {', '.join(known)}, got {' '.join(names)}")
    if cloud.running():
        raise SystemExit("the lab runs already, perhaps a demo: end it first (python -m lab down)")
    try:
        deployment, _ = control.up(STACK)
        deployment.deploy()
        deployment.wait_ready()
        if options.boot:
            print(boot.bench(deployment))
        elif options.outages:
            print(outages.bench(deployment, names))
        else:
            print(ends(Run(deployment), names, options.without_naive))
    finally:
        control.down()


def ends(run: Run, names: list[str], without_naive: bool) -> str:
    """One scenario after the other, each on the machine that followed the one before."""
    rows, failures = [], []
    for name in names:
        try:
            rows.append((ALL[name](run), None if without_naive else beside(run, name)))
        except (DeploymentError, DockerError, ValueError) as error:
            failures.append(f"{name} failed: {error}")
            say(failures[-1])
            run.deployment.wait_ready()
        (settings.STATE / "bench-lifecycle.json").write_text(json.dumps(rows, default=vars, indent=2))
    return "\n".join([report.table(rows), *failures])


def beside(run: Run, name: str) -> Outcome | None:
    """The same end in the naive order, where that is compared."""
    if name not in naive.COMPARED:
        return None
    naive.put_in_place(run.machine())
    return ALL[name](run)


if __name__ == "__main__":
    main()
