"""The same as in test_trees.py through the programs themselves, S3 and restic: a few, for each costs seconds.

Not with the mirror, which brings nothing back with another owner than the roots'.
"""

import contextlib
import os
import shutil

from hypothesis import assume, given, settings
from machine.state.properties.comparison import compare
from machine.state.support import trees

FEW = max(3, settings().max_examples // 50)


@settings(max_examples=FEW)
@given(life=trees.lives)
def test_a_replacement_has_what_the_lost_machine_had(make_deployment, tmp_path, life):
    machine = make_deployment(backup="snapshots").launch()
    machine.boot()
    laid = trees.Laid(machine.data)
    with contextlib.closing(laid):
        for state in life:
            laid.lay(state)
            # An empty state is no state.
            machine.write(".openclaw/openclaw.json", "{}")
            before = trees.look(machine.data, tmp_path / "look")
            machine.backup("--force")
    record = machine.record("backup")
    # Which ones these are, the record does not say.
    assume(not record["unstable"])
    named = {one["path"] for one in record["left_out_first"]}
    above = len(os.fsencode(machine.data))
    trees.remove(os.fsencode(machine.data))
    replacement = machine.replaced()
    replacement.boot()
    compare(before, trees.look(replacement.data, tmp_path / "look"), named, above)
    trees.remove(os.fsencode(replacement.data))
    shutil.rmtree(replacement.directory)
