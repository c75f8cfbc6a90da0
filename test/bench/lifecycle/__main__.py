"""`python -m bench.lifecycle`: the ends that a machine can meet, on the real units, Docker and OpenClaw, in the lab."""

import argparse
import json

from lab import cloud, control, settings

from . import boot, naive, report
from .run import Run
from .scenarios import ALL

STACK = "lifecycle"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.lifecycle", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=sorted(ALL), default=list(ALL), help="these scenarios")
    parser.add_argument("--without-naive", action="store_true", help="leave the naive order out")
    parser.add_argument("--boot", action="store_true", help="measure starts of the machine instead of its ends")
    options = parser.parse_args()
    if cloud.running():
        raise SystemExit("the lab runs already, perhaps a demo: end it first (python -m lab down)")
    try:
        deployment, _ = control.up(STACK)
        deployment.deploy()
        deployment.wait_ready()
        print(boot.bench(deployment) if options.boot else ends(Run(deployment), options.only, options.without_naive))
    finally:
        control.down()


def ends(run: Run, names: list[str], without_naive: bool) -> str:
    """One scenario after the other, each on the machine that followed the one before."""
    rows = []
    for name in names:
        outcome = ALL[name](run)
        beside = None
        if name in naive.COMPARED and not without_naive:
            with naive.order(run.machine()):
                beside = ALL[name](run)
        rows.append((outcome, beside))
        (settings.STATE / "bench-lifecycle.json").write_text(json.dumps(rows, default=vars, indent=2))
    return report.table(rows)


if __name__ == "__main__":
    main()
