"""The proof that a restore works: the newest snapshot into scratch, never near the live state."""

from __future__ import annotations

import time
from pathlib import Path

from openclaw.aws import metrics
from openclaw.settings import Settings
from openclaw.state import engines
from openclaw.state.databases.sqlite import Databases
from openclaw.state.guards.markers import Markers
from openclaw.state.openclaw_data import verify
from openclaw.state.restore.request import Request
from openclaw.state.restore.restore import Restore, fetched
from openclaw.system import files, journal
from openclaw.system.errors import Damaged, result_of
from openclaw.system.files import require_space
from openclaw.system.lock import locked


def drill(settings: Settings) -> None:
    restore, scratch, started = Restore(settings), settings.var / "drill", time.monotonic()
    aws = restore.aws
    try:
        with locked(settings.var / "lock", settings.lock_wait_seconds):
            chosen = restore.choose(Request())
            require_space(chosen.bytes, _fresh(scratch))
            engine = engines.every(settings, aws)[chosen.engine]
            engine.verify()
            with Databases(settings.var) as databases:
                _, checked = fetched(engine, chosen, lambda: _fresh(scratch), databases)
                verify.clear_leases(scratch, databases)
        seconds = round(time.monotonic() - started, 1)
        journal.record("drill", result="success", snapshot=chosen.id, databases=checked, seconds=seconds)
        metrics.publish(aws, {"DrillSuccess": 1})
    except Exception as error:
        journal.record("drill", result=result_of(error), error=str(error))
        if isinstance(error, Damaged):
            # The next backup must not build on it.
            Markers(settings).damaged_path.touch()
        metrics.publish(aws, {"DrillSuccess": 0})
        raise
    finally:
        files.remove_tree(scratch)


def _fresh(scratch: Path) -> Path:
    files.remove_tree(scratch)
    scratch.mkdir(mode=0o700)
    return scratch
