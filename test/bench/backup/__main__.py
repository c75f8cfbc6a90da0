"""Our two engines against plain `aws s3 sync` of the same tree, on one local S3, in one run.

make bench-backup, or: PYTHONPATH=test .venv/bin/python -m bench.backup --files 1000 10000 --database-mib 200
Compare the ratios: the local S3 answers slower than the real one, and equally slowly to all three.
"""

import argparse
import contextlib
import functools
import os
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
from bench.backup import report, trees
from bench.backup.measure import run
from machine.state.support import toolbox
from machine.state.support.machine import REGION, Deployment, Machine
from machine.state.support.proxy import Proxy

SUBJECTS = ("snapshots", "mirror", "aws s3 sync")


@contextlib.contextmanager
def cloud() -> Iterator[Proxy]:
    proxy = Proxy()
    try:
        yield proxy
    finally:
        urllib.request.urlopen(f"{proxy.url}/moto-api/reset", data=b"").close()
        proxy.close()


class Subject:
    """One engine, or the plain sync of the data directory to the bucket and back."""

    def __init__(self, name: str, proxy: Proxy, deployment: Deployment):
        self.name, self.proxy, self.deployment = name, proxy, deployment
        self.machine = deployment.launch()
        if name != "aws s3 sync":
            self.machine.boot()

    def push(self) -> report.Cost:
        if self.name == "aws s3 sync":
            return self._sync(str(self.machine.data), f"s3://{self.deployment.bucket}/plain")
        # Thinning out runs once a day; it would be in some of these runs and not in others.
        (self.machine.var / "pruned").touch()
        return self._state("backup")

    def restore(self) -> report.Cost:
        self.machine.die()
        self.machine = self.deployment.launch()
        if self.name == "aws s3 sync":
            return self._sync(f"s3://{self.deployment.bucket}/plain", str(self.machine.data))
        return self._state("boot", "--patience", "0")

    def _state(self, *arguments: str) -> report.Cost:
        return run(self.proxy, [sys.executable, "-m", "openclaw.state", *arguments], self.machine.environment)

    def _sync(self, source: str, target: str) -> report.Cost:
        return run(self.proxy, ["aws", "s3", "sync", "--only-show-errors", source, target], self._environment())

    def _environment(self) -> dict[str, str]:
        return self.machine.environment


def measured(
    subject: Subject, tree: str, make: Callable[[Machine], None], changes: dict[str, Callable[[Machine], None]]
) -> Iterator[report.Row]:
    make(subject.machine)
    # Older than what staging looks at twice.
    time.sleep(2.1)
    phases: list[tuple[str, Callable]] = [("first", subject.push), ("unchanged", subject.push)]
    for phase, action in phases:
        yield report.Row(tree, subject.name, phase, action())
    for phase, change in changes.items():
        change(subject.machine)
        yield report.Row(tree, subject.name, phase, subject.push())
    yield report.Row(tree, subject.name, "restore", subject.restore())


def plan(arguments: argparse.Namespace) -> Iterator[tuple]:
    for count in arguments.files:
        make = functools.partial(trees.small_files, count=count)
        yield f"{count:,} files", make, {"1 % changed": functools.partial(trees.change_small_files, count=count)}
    if arguments.database_mib:
        size = arguments.database_mib
        change = functools.partial(trees.change_database, mebibytes=size)
        changes = {
            "1 % churn, as a log": functools.partial(change, scattered=False),
            "1 % churn, scattered": functools.partial(change, scattered=True),
        }
        yield f"database of {size} MiB", functools.partial(trees.database, mebibytes=size), changes


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.backup", description=__doc__)
    parser.add_argument("--files", type=int, nargs="*", default=[1000, 10_000, 100_000])
    parser.add_argument("--database-mib", type=int, default=200)
    parser.add_argument("--subjects", nargs="+", choices=SUBJECTS, default=SUBJECTS)
    # What a slow disk needs to make a file is the same for all three, and can be more than all the rest.
    parser.add_argument("--trees", type=Path, default=Path("/dev/shm"), help="where the files are; default: in memory")
    parser.add_argument("--out", type=Path, default=toolbox.REPOSITORY / ".lab" / "bench-backup")
    arguments = parser.parse_args()
    arguments.out = arguments.out.resolve()
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows: list[report.Row] = []
    for tree, make, changes in plan(arguments):
        for name in arguments.subjects:
            # A fresh service each: what one left in its memory must not slow the next.
            with cloud() as proxy, tempfile.TemporaryDirectory(dir=arguments.trees) as scratch:
                os.chmod(scratch, 0o711)  # noqa: S103 (the user of the mounts passes through it)
                programs = toolbox.build(Path(scratch) / "programs")
                keys = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "none"}
                client = functools.partial(boto3.client, endpoint_url=proxy.url, region_name=REGION, **keys)
                engine = name if name in ("snapshots", "mirror") else "off"
                deployment = Deployment(proxy.url, str(programs), client, Path(scratch), backup=engine)
                subject = Subject(name, proxy, deployment)
                for row in measured(subject, tree, make, changes):
                    rows.append(row)
                    print(f"{row.tree:>22}  {row.subject:<12} {row.phase:<22} {row.cost.seconds:8.1f} s", flush=True)
    (arguments.out / "table.md").write_text(report.table(rows))
    (arguments.out / "chart.svg").write_text(report.chart(rows))
    print(f"\n{report.table(rows)}\n{arguments.out / 'table.md'}, {arguments.out / 'chart.svg'}")


if __name__ == "__main__":
    main()
