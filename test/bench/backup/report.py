"""The table, and a chart of the seconds: one panel per tree, one bar per engine and phase, on a logarithmic scale."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.backup.measure import Cost

COLOURS = {"snapshots": "#1b7f5c", "mirror": "#2f6fb5", "aws s3 sync": "#c2691c"}


@dataclass
class Row:
    tree: str
    subject: str
    phase: str
    cost: Cost


def table(rows: Sequence[Row]) -> str:
    lines = [
        "| tree | engine | phase | seconds | of `aws s3 sync` | requests | MB sent | peak MB |",
        "|---|---|---|--:|--:|--:|--:|--:|",
    ]
    plain = {(row.tree, row.phase): row.cost.seconds for row in rows if row.subject == "aws s3 sync"}
    for row in rows:
        base = plain.get((row.tree, row.phase))
        ratio = f"{row.cost.seconds / base:.2f}" if base else "-"
        figures = f"{row.cost.requests} | {row.cost.bytes_sent / 1e6:.2f} | {row.cost.peak_bytes / 1e6:.0f}"
        lines.append(f"| {row.tree} | {row.subject} | {row.phase} | {row.cost.seconds:.1f} | {ratio} | {figures} |")
    return "\n".join(lines) + "\n"


def chart(rows: Sequence[Row]) -> str:
    trees = list(dict.fromkeys(row.tree for row in rows))
    left, width, bar, gap, panel_gap = 250, 420, 13, 8, 34
    slowest = max(row.cost.seconds for row in rows)
    scale = width / math.log10(slowest / 0.1)
    parts, y = [], 46
    for x, (name, colour) in enumerate(COLOURS.items()):
        parts.append(f'<rect x="{left + x * 130}" y="14" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{left + x * 130 + 18}" y="24">{name}</text>')
    parts.append('<text x="10" y="24">seconds, logarithmic scale</text>')
    for tree in trees:
        parts.append(f'<text x="10" y="{y + 10}" font-weight="bold">{tree}</text>')
        phases = list(dict.fromkeys(row.phase for row in rows if row.tree == tree))
        for phase in phases:
            members = [row for row in rows if (row.tree, row.phase) == (tree, phase)]
            parts.append(f'<text x="{left - 10}" y="{y + 11}" text-anchor="end">{phase}</text>')
            for row in members:
                length = max(2.0, scale * math.log10(max(row.cost.seconds, 0.11) / 0.1))
                parts.append(
                    f'<rect x="{left}" y="{y}" width="{length:.0f}" height="{bar}" fill="{COLOURS[row.subject]}"/>'
                )
                parts.append(f'<text x="{left + length + 5:.0f}" y="{y + 11}">{row.cost.seconds:.1f} s</text>')
                y += bar + 2
            y += gap
        y += panel_gap - gap
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 80}" height="{y}" font-family="sans-serif" '
    return head + 'font-size="12"><rect width="100%" height="100%" fill="white"/>' + "".join(parts) + "</svg>\n"
