"""What a fenced mirror had on its way arrives after the next machine's backup: it is nobody's upload."""

import os
import time

import pytest
from machine.state.support.faults import request
from machine.state.support.proxy import Fault

NOTE = "workspace/notes/3.md"


@pytest.fixture
def deployment(make_deployment):
    return make_deployment(backup="mirror")


@pytest.fixture
def fenced(living, cloud):
    """The machine that has taken over. The one before was in the middle of a backup, and has found out since."""
    other = living.deployment.launch()

    def take_over():
        other.boot()
        other.write(NOTE, "by the holder")
        other.backup()

    living.write(NOTE, "by the fenced one, later")
    late = Fault(request("PUT", f"/mirror/{NOTE}"), times=1, before=take_over)
    with cloud.playing(late):
        living.backup(expect=77)
    assert late.played == 1
    assert living.deployment.body(f"mirror/{NOTE}") == b"by the fenced one, later"
    return other


def intents(machine):
    return machine.deployment.stored("mirror/intents/")


def test_it_does_not_come_in_at_the_next_boot(fenced):
    fenced.boot()
    assert fenced.path(NOTE).read_text() == "by the holder"
    third = fenced.replaced()
    third.boot()
    assert third.path(NOTE).read_text() == "by the holder"


def test_the_holders_next_backup_puts_it_right(fenced):
    fenced.write("workspace/notes/4.md", "since")
    fenced.backup()
    assert fenced.deployment.body(f"mirror/{NOTE}") == b"by the holder"


def test_what_says_so_is_kept_until_nothing_can_arrive_any_more(fenced):
    fenced.write("workspace/notes/4.md", "since")
    fenced.backup()
    [kept] = intents(fenced)
    assert "/00000001-" in kept
    quarter_of_an_hour_ago = time.time() - 901
    os.utime(fenced.var / "lease.json", (quarter_of_an_hour_ago, quarter_of_an_hour_ago))
    fenced.write("workspace/notes/4.md", "and since")
    fenced.backup()
    assert intents(fenced) == []
