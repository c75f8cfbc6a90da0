"""`python -m bench.lifecycle`: the ends that a machine can meet, on the real units, Docker and OpenClaw, in the lab."""

import argparse
import json

from lab import control, settings

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
    deployment, _ = control.up(STACK)
    if not deployment.deployed():
        deployment.deploy()
    deployment.wait_ready()
    if options.boot:
        print(boot.bench(deployment))
        return
    run = Run(deployment)
    rows = []
    for name in options.only:
        outcome = ALL[name](run)
        beside = None
        if name in naive.COMPARED and not options.without_naive:
            with naive.order(run.machine()):
                beside = ALL[name](run)
        rows.append((outcome, beside))
    print(report.table(rows))
    kept = settings.STATE / "bench-lifecycle.json"
    kept.write_text(json.dumps([[one and vars(one) for one in row] for row in rows], indent=2))


if __name__ == "__main__":
    main()
