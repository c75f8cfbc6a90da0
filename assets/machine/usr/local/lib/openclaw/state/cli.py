"""openclaw-state: what a person and the units can ask of this machine's state."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from datetime import datetime

from openclaw import settings
from openclaw.state import commands
from openclaw.state.restore import request
from openclaw.system import journal
from openclaw.system.errors import StateError


def _time(text: str) -> datetime:
    try:
        return request.time_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="openclaw-state", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    backup = verbs.add_parser("backup", help="back up now")
    backup.add_argument("--force", action="store_true", help="even if more than half of the last backup would go")
    backup.add_argument(
        "--final", action="store_true", help="as fast as can be, then release the lease (OpenClaw is stopped)"
    )
    boot = verbs.add_parser("boot", help="what openclaw-restore.service does: make this volume fit to serve")
    boot.add_argument(
        "--patience", type=float, default=240, metavar="SECONDS", help="how long to try through an outage"
    )
    verbs.add_parser("snapshots", help="list what can be restored")
    restore = verbs.add_parser("restore", help="stop OpenClaw, bring a snapshot back, start OpenClaw")
    restore.add_argument(
        "snapshot", nargs="?", default="", help="an id from the list, or its beginning (default: newest)"
    )
    restore.add_argument(
        "--at", type=_time, metavar="TIME", help="the last one not after this time, '2026-11-20 14:00' UTC"
    )
    restore.add_argument("--paths", nargs="+", default=[], metavar="PATH", help="only these, e.g. workspace/notes.md")
    adopt = verbs.add_parser("adopt", help="make another install's state this one's")
    adopt.add_argument(
        "archive", help="of `openclaw backup create`: a path, or the name of an object below adopt/ in the bucket"
    )
    verbs.add_parser("drill", help="restore the newest snapshot into scratch, verify it, clean up")
    verbs.add_parser("stop", help="stop OpenClaw until it is started again, on whatever machine")
    verbs.add_parser("start", help="start OpenClaw")
    verbs.add_parser("tell-stopped", help="what openclaw-stopped.service does: tell the bucket whether it was stopped")
    verbs.add_parser("status", help="what this machine knows of its state")
    lease = verbs.add_parser(
        "lease",
        help="manage the write lease. check: stop OpenClaw if the lease was lost, drain if another machine is waiting",
    )
    lease.add_argument("action", choices=("check", "release"))
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    os.umask(0o077)
    try:
        return getattr(commands, given.verb.replace("-", "_"))(settings.load(), given) or 0
    except (StateError, OSError) as error:
        journal.say(f"openclaw-state {given.verb}: {error}")
        return getattr(error, "exit_code", 1)
    except Exception as error:
        # A fault of ours: where it is, in one line more.
        last = traceback.extract_tb(error.__traceback__)[-1]
        journal.say(f"openclaw-state {given.verb}: {error!r} in {last.filename}, line {last.lineno}")
        return StateError.exit_code
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
