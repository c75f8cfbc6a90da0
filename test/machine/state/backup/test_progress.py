"""What a person sees of a long backup or restore while it runs."""

import os
import re

OFTEN = {"OPENCLAW_PROGRESS_SECONDS": "0.01"}
LINE = r"{}: [\d,]+ files, [\d.]+ (?:B|[KMG]iB){}"


def test_a_backup_says_how_far_it_is(living):
    living.write("workspace/notes/3.md", "x" * 5_000_000)
    living.backup(**OFTEN)
    assert re.search(LINE.format("staging", "$"), living.log, re.MULTILINE)
    assert re.search(LINE.format("sending", ""), living.log)


def test_a_restore_says_how_far_it_is(living):
    living.path("workspace/big").write_bytes(os.urandom(20_000_000))
    living.backup()
    replacement = living.replaced()
    replacement.boot(**OFTEN)
    assert re.search(LINE.format("fetching", r"(?: \(\d+%\))?$"), replacement.log, re.MULTILINE)


def test_a_quick_run_says_nothing_of_the_kind(living):
    living.backup()
    assert "files, " not in living.log
