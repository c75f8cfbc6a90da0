"""The figures as a table."""

from collections.abc import Sequence

from .run import Outcome

HEADER = ("end of the machine", "drained s", "ready s", "lost B", "clean", "naive: ready s", "lost B")


def seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def row(outcome: Outcome, beside: Outcome | None) -> tuple[str, ...]:
    own = (
        outcome.scenario,
        seconds(outcome.drained_seconds),
        seconds(outcome.ready_seconds),
        str(outcome.lost_bytes),
        "yes" if outcome.clean else "no",
    )
    return (*own, seconds(beside.ready_seconds), str(beside.lost_bytes)) if beside else (*own, "", "")


def table(outcomes: Sequence[tuple[Outcome, Outcome | None]]) -> str:
    """Left-aligned names, right-aligned figures."""
    rows = [HEADER, *(row(*pair) for pair in outcomes)]
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(HEADER))]
    lines = []
    for cells in rows:
        first, *rest = (
            cell.ljust(width) if not number else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        lines.append("  ".join([first, *rest]).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)
