"""Whatever lies in the mounts: backup, loss and restore give what was there, minus what the log names."""

import contextlib
import os
import shutil

import pytest
from hypothesis import given, settings
from machine.state.properties.comparison import compare
from machine.state.support import trees
from machine.state.support.host import Host
from openclaw.state.databases import page_log
from openclaw.state.databases.sqlite import Databases
from openclaw.state.openclaw_data import verify
from openclaw.state.openclaw_data.layout import ROOTS
from openclaw.state.restore.swap import Swap
from openclaw.state.staging import staging
from openclaw.system.errors import Damaged


@settings(max_examples=settings().max_examples // 2)
@given(life=trees.lives)
@pytest.mark.parametrize("racy_ns", [0, staging.RACY_NS], ids=["at rest", "just written"])
def test_what_was_there_comes_back_but_for_what_is_named(scratch, forks, monkeypatch, racy_ns, life):
    monkeypatch.setattr(staging, "RACY_NS", racy_ns)
    trees.remove(os.fsencode(scratch / "host"))
    (scratch / "host").mkdir(mode=0o711)
    host = Host(scratch / "host")
    laid = trees.Laid(host.data)
    with contextlib.closing(laid):
        for state in life:
            laid.lay(state)
            before = trees.look(host.data, scratch / "look")
            staged, _ = host.stage()
    bring_back(host, staged)
    assert staged.left_out.count == len(staged.left_out.first)
    named = {path for path, _ in staged.left_out.first} | set(staged.unstable)
    compare(before, trees.look(host.data, scratch / "look"), named, len(os.fsencode(host.data)))


def bring_back(host, staged):
    """Into an empty machine."""
    page_log.write_list(staged.tree, staged.databases)
    for root in ROOTS:
        trees.remove(os.fsencode(host.data / root))
    swap = Swap(host.settings)
    tree = swap.fresh_tree()
    tree.rmdir()
    staged.tree.rename(tree)
    with Databases(host.var) as databases:
        page_log.fold(tree, databases)
        if staged.broken:
            with contextlib.suppress(Damaged):
                verify.verify(tree, databases)
        else:
            verify.verify(tree, databases)
            verify.clear_leases(tree, databases)
    swap.begin(ROOTS, {})
    swap.finish()
    swap.close()
    shutil.rmtree(swap.asides, ignore_errors=True)
