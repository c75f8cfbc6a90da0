"""The figures as a table."""

from collections.abc import Sequence

from .run import Outcome

OWN = ("drained s", "group told s", "ready s", "no service s", "lost B", "clean")
HEADER = ("end of the machine", *OWN, "naive: ready s", "no service s", "lost B")


def seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def row(outcome: Outcome, beside: Outcome | None) -> tuple[str, ...]:
    own = (
        outcome.scenario,
        seconds(outcome.drained_seconds),
        seconds(outcome.told_seconds),
        seconds(outcome.ready_seconds),
        seconds(outcome.gap_seconds),
        str(outcome.lost_bytes),
        "yes" if outcome.clean else "no",
    )
    if beside is None:
        return (*own, "", "", "")
    return (*own, seconds(beside.ready_seconds), seconds(beside.gap_seconds), str(beside.lost_bytes))


def table(outcomes: Sequence[tuple[Outcome, Outcome | None]]) -> str:
    """Markdown: names to the left, figures to the right, and the notes below."""
    rows = [HEADER, *(row(*pair) for pair in outcomes)]
    first, *others = (max(len(cells[column]) for cells in rows) for column in range(len(HEADER)))
    lines = [
        " | ".join([cells[0].ljust(first), *(cell.rjust(width) for cell, width in zip(cells[1:], others, strict=True))])
        for cells in rows
    ]
    lines.insert(1, " | ".join(["-" * first, *("-" * (width - 1) + ":" for width in others)]))
    notes = [f"{outcome.scenario}: {outcome.note}" for outcome, _ in outcomes if outcome.note]
    return "\n".join([*(f"| {line} |" for line in lines), *([""] if notes else []), *notes])
