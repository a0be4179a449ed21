"""Tables as plain text, for a terminal or a file."""

from pathlib import Path

from nashpath.report.compare import lines_of
from nashpath.report.curves import strands
from nashpath.report.equal_cost import EqualCost, equal_cost
from nashpath.report.read import load_run

LEGEND = "Mean over members [95 % bootstrap interval]."


def equal_cost_text(runs: list[Path]) -> str:
    """The tables at equal cost of a run, or of several together; empty where there is nothing to compare."""
    loaded = [load_run(run) for run in runs]
    parts = strands(loaded[0]) if len(loaded) == 1 else lines_of(loaded)
    return "\n\n".join(f"{table.caption} {LEGEND}\n\n{columns(table)}" for table in equal_cost(parts))


def columns(table: EqualCost) -> str:
    """Headings and rows in columns."""
    lines = [table.headers, *([cell.text for cell in row] for row in table.rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(table.headers))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in lines)
