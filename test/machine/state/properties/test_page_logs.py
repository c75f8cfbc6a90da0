"""Whatever happens to a database: of the pair that is staged, a restore makes what it was. A log that is not whole is
noticed."""

import os
import shutil

import pytest
from hypothesis import assume, given, note
from hypothesis import strategies as st
from machine.state.support import schedules
from openclaw.state.databases import page_log
from openclaw.state.databases.sqlite import Databases
from openclaw.system.errors import Damaged

OWN, OTHER = ".openclaw/state/openclaw.sqlite", "workspace/notes.db"


@pytest.fixture
def databases(scratch, forks):
    with Databases(scratch / "var") as databases:
        yield databases


class Pair:
    """A database in use, and what the staging makes of it."""

    def __init__(self, scratch, databases, beginning):
        self.home, self.databases = scratch / "pair", databases
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir()
        self.live, self.base, self.now = (self.home / name for name in ("live", "base", "now"))
        self.database = schedules.connect(self.live)
        self.database.executescript(beginning)
        schedules.copy(self.database, self.base)

    def stage(self):
        """Whether a log was enough."""
        schedules.copy(self.database, self.now)
        before = self.contents()
        if page_log.append(self.base, self.now):
            return True
        assert self.contents() == before
        page_log.log_of(self.base).unlink(missing_ok=True)
        shutil.copy2(self.now, self.base)
        return False

    def contents(self):
        log = page_log.log_of(self.base)
        return self.base.read_bytes(), log.read_bytes() if log.exists() else None

    def pulled(self, name):
        tree = self.home / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        (tree / name).parent.mkdir(parents=True)
        for one, there in ((self.base, tree / name), (page_log.log_of(self.base), page_log.log_of(tree / name))):
            if one.exists():
                shutil.copy2(one, there)
        page_log.write_list(tree, [name])
        return tree

    def folded(self, tree, name):
        page_log.fold(tree, self.databases)
        assert os.listdir((tree / name).parent) == [(tree / name).name]
        return (tree / name).read_bytes()


@pytest.fixture(params=["any size", "as it is"])
def limits(request, monkeypatch):
    """Of small databases, most changes are too large for a log."""
    if request.param == "any size":
        monkeypatch.setattr(page_log, "MOST_PART", 100)
        monkeypatch.setattr(page_log, "MOST_AT_ONCE", 100)


@given(beginning=schedules.beginnings, steps=st.lists(schedules.steps, min_size=1, max_size=12))
def test_the_pair_is_the_source_byte_for_byte(scratch, databases, limits, beginning, steps):
    pair = Pair(scratch, databases, beginning)
    try:
        for step in steps:
            schedules.run(pair.database, step)
            note(f"{step}: {'logged' if pair.stage() else 'staged anew'}")
            assert page_log.is_same(pair.base, pair.now) or not _is_logged(pair.now)
            assert pair.folded(pair.pulled(OWN), OWN) == pair.now.read_bytes()
    finally:
        pair.database.close()


@given(
    beginning=schedules.beginnings,
    steps=st.lists(schedules.steps, min_size=1, max_size=6),
    name=st.sampled_from((OWN, OTHER)),
    data=st.data(),
)
def test_a_log_that_was_cut_or_flipped_is_noticed(  # noqa: PLR0917
    scratch, databases, limits, beginning, steps, name, data, capsys
):
    pair = Pair(scratch, databases, beginning)
    try:
        for step in steps:
            schedules.run(pair.database, step)
            pair.stage()
    finally:
        pair.database.close()
    assume(page_log.log_of(pair.base).exists())
    tree = pair.pulled(name)
    log = page_log.log_of(tree / name)
    content = bytearray(log.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1), "at")
    if data.draw(st.booleans(), "flipped"):
        content[at] ^= 1 << data.draw(st.integers(0, 7), "bit")
    else:
        del content[at:]
    log.write_bytes(content)
    if name == OWN:
        with pytest.raises(Damaged, match="log"):
            page_log.fold(tree, databases)
        return
    before = (tree / name).read_bytes()
    page_log.fold(tree, databases)
    assert name in capsys.readouterr().err
    assert ((tree / name).read_bytes(), log.read_bytes()) == (before, bytes(content))


def _is_logged(path):
    """Whether its journal is a write-ahead log; of any other no log of ours tells."""
    return path.read_bytes()[18:20] == b"\x02\x02"
