"""How many examples: a few hundred in all, the same ones at each run, or by HYPOTHESIS_PROFILE=thorough ten thousand
others."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from machine.state.support import forked
from openclaw.system import unprivileged

_ALWAYS = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck), "print_blob": True}
settings.register_profile("quick", max_examples=100, derandomize=True, **_ALWAYS)
settings.register_profile("thorough", max_examples=2500, **_ALWAYS)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture
def scratch():
    """In memory, where there is such a file system: thousands of examples write nothing to a disk."""
    memory = Path("/dev/shm")
    directory = tempfile.mkdtemp(prefix="openclaw-test-", dir=memory if os.access(memory, os.W_OK) else None)
    os.chmod(directory, 0o711)  # noqa: S103 (nobody lists it)
    yield Path(directory)
    subprocess.run(["rm", "-rf", "--", directory], check=True)


@pytest.fixture
def forks(monkeypatch):
    monkeypatch.setattr(unprivileged.Process, "_start", forked.start)
