"""What is backed up: many small files, or one database; and a change of one percent of it."""

import contextlib
import random
import sqlite3

from machine.state.support.machine import Machine, make_parents

DATABASE = ".openclaw/state/openclaw.sqlite"


def small_files(machine: Machine, count: int) -> None:
    """4.6 kB on average, 100 to a directory; half text, half random, so that compression gets its due and no more."""
    rng = random.Random(count)  # noqa: S311
    machine.write(".openclaw/openclaw.json", "{}")
    for number in range(count):
        size = rng.randrange(200, 9000)
        text = f"line {number} of a note\n".encode() * (size // 48)
        machine.write(f"workspace/{number // 100}/{number}.md", text + rng.randbytes(size // 2), 0o644)


def change_small_files(machine: Machine, count: int) -> None:
    rng = random.Random(count + 1)  # noqa: S311
    for number in rng.sample(range(count), count // 100):
        machine.write(f"workspace/{number // 100}/{number}.md", rng.randbytes(4600), 0o644)


def database(machine: Machine, mebibytes: int) -> None:
    """Rows of 2 kB that do not compress: what OpenClaw's transcripts are to a block store."""
    rng = random.Random(mebibytes)  # noqa: S311
    path = machine.data / DATABASE
    make_parents(path.parent)
    with contextlib.closing(sqlite3.connect(path)) as made:
        made.executescript("PRAGMA journal_mode=WAL; CREATE TABLE entry(id INTEGER PRIMARY KEY, text BLOB);")
        with made:
            made.executemany(
                "INSERT INTO entry(text) VALUES (?)", ((rng.randbytes(1900),) for _ in range(mebibytes * 512))
            )


def change_database(machine: Machine, mebibytes: int, scattered: bool) -> None:
    """One percent of the rows: the oldest go and new ones come, as in a log; or updates all over, the worst case."""
    rng = random.Random(7)  # noqa: S311
    count = mebibytes * 512
    with contextlib.closing(sqlite3.connect(machine.data / DATABASE)) as changed, changed:
        if scattered:
            chosen = rng.sample(range(count // 50, count), count // 100)
            changed.executemany(
                "UPDATE entry SET text = ? WHERE id = ?", [(rng.randbytes(1900), one) for one in chosen]
            )
        else:
            changed.execute("DELETE FROM entry WHERE id <= ?", (count // 100,))
            changed.executemany(
                "INSERT INTO entry(text) VALUES (?)", [(rng.randbytes(1900),) for _ in range(count // 100)]
            )
