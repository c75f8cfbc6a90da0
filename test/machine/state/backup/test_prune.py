"""The removal of old backups: its failure spoils no backup, and is not lost."""

import json
import subprocess

import pytest
from machine.forkserver import PYTHON

# The engine and the lease are not what is looked at.
SCRIPT = """
import sys
from types import SimpleNamespace
from openclaw import settings
from openclaw.aws import metrics
from openclaw.state import engines
from openclaw.state.backup import retention
from openclaw.system.errors import StateError

class Engine:
    def list(self):
        return []
    def prune(self, remove):
        if sys.argv[1] == "fails":
            raise StateError("S3 is away")

engines.of = lambda *_: Engine()
metrics.publish = lambda aws, values: print(values)
lease = SimpleNamespace(check=lambda: None)
for _ in range(2):
    retention.prune_when_due(settings.load(), None, lease)
"""


@pytest.fixture
def machine(make_deployment):
    return make_deployment().launch()


def published(machine, outcome):
    done = subprocess.run(
        [PYTHON, "-c", SCRIPT, outcome], env=machine.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line.replace("'", '"')) for line in done.stdout.splitlines() if "PruneSuccess" in line]


@pytest.mark.parametrize(
    ("outcome", "metrics"),
    [("succeeds", [{"PruneSuccess": 1}]), ("fails", [{"PruneSuccess": 0}, {"PruneSuccess": 0}])],
)
def test_a_failure_is_told_each_time_and_a_success_once_a_day(machine, outcome, metrics):
    assert published(machine, outcome) == metrics
