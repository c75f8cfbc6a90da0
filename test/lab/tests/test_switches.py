"""The lab's switches are files that machines read."""

import pytest
from lab import settings, switches


@pytest.fixture(autouse=True)
def directory(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "SWITCHES", tmp_path / "switches")
    return tmp_path / "switches"


def test_a_switch_is_on_until_it_is_turned_off(directory):
    switches.turn("agent-version", "1.300069.1")
    assert (directory / "agent-version").read_text() == "1.300069.1\n"
    switches.turn("agent-version", "")
    assert list(directory.iterdir()) == []


def test_all_are_off_after_clear(directory):
    for name in switches.SWITCHES:
        switches.turn(name, "x")
    switches.clear()
    assert list(directory.iterdir()) == []


def test_a_switch_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="must be one of absent-packages, agent-version, got 'agent'"):
        switches.turn("agent", "1")
