"""A page that lays runs side by side: what was set differently, where they ended, and their curves in one picture."""

import json
import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nashpath.core.math.bootstrap import interval
from nashpath.report.curves import Strand, strands
from nashpath.report.equal_cost import EqualCost, equal_cost
from nashpath.report.headline import by_seed, ranking
from nashpath.report.member_settings import played_settings
from nashpath.report.outcome import member_outcome, together, tops, wanted
from nashpath.report.page import curves_data, write_page
from nashpath.report.phrasing import by_how_much, count, duration, meaning, setting, titled, with_ends
from nashpath.report.read import Run, RunFolderError, load_run, without
from nashpath.report.tables import Heading, TableCell, cell
from nashpath.report.verdict import measured
from nashpath.run import FolderWarning
from nashpath.run.folder.outputs import check_output
from nashpath.run.folder.run_folder import plain_json
from nashpath.run.settings.changed import SETTLED

WAYS = SETTLED - {"device"}
"""Settings by which a run is faster, not other; left to a run, it settles them by what it measures."""
FEW_SETTINGS = 4
"""So many settings that differ stand beside the results; more have a table of their own, a line each."""


def compare_reports(runs: Sequence[str | Path], out: str | Path) -> Path:
    """Writes a comparison of run folders to ``out`` (an ``.html`` file) and returns its path.

    Each line of the table is a run or, where a run sweeps settings, the members of a run with the same settings.
    """
    runs = [Path(one) for one in runs]
    out = Path(out)
    if not runs:
        raise ValueError("nothing to compare: give at least one run folder")
    check_output(out)
    loaded = [load_run(run) for run in runs]
    loaded, twice = once_each(loaded)
    left = [f"left out of the comparison: {note}" for note in dict.fromkeys(n for run in loaded for n in run.notes)]
    doubts = list(dict.fromkeys(doubt for run in loaded for doubt in run.doubts))
    for said in (*twice, *doubts, *left):
        warnings.warn(said, FolderWarning, stacklevel=2)
    try:
        context = {**_context(loaded, out), "doubts": [*twice, *doubts, *left]}
    except Exception as error:
        named = ", ".join(str(run.folder) for run in loaded)
        raise RunFolderError(f"{named}: these cannot be compared ({type(error).__name__}: {error})") from error
    return write_page(out, "compare.html.j2", context)


def _context(loaded: list[Run], out: Path) -> dict[str, Any]:
    lines = _lines(loaded)
    settings = [played_settings(run.config, strand.settings, defaults=True) for run, _, strand in lines]
    swept = {key for _, _, strand in lines for key in strand.settings}
    differing = [key for key in _differing(settings) if key in swept or key not in WAYS]
    beside = differing if len(differing) <= FEW_SETTINGS else []
    metrics = list(dict.fromkeys(key for _, _, strand in lines for key in measured(strand.members)))
    overlaid = _overlaid(lines)
    rows = [
        [
            _link(run, name if beside else full.label, out),
            *(_setting(own, key) for key in beside),
            *_results(run, strand, metrics, lines[0][2]),
        ]
        for (run, name, strand), own, full in zip(lines, settings, overlaid)
    ]
    numbers = [Heading(titled(key), meaning(key)) for key in metrics]
    columns = [] if beside or not differing else ["Setting", *(part.label for part in overlaid)]
    across = [[TableCell(key), *(_setting(own, key) for own in settings)] for key in differing] if columns else []
    most = {key: value for run in loaded for key, value in tops(run).items()}
    outcomes = [together([member_outcome(run, m) for m in part.members]) for run, _, part in lines if part.members]
    named = list(dict.fromkeys(key for run in loaded for key in wanted(run.config)))
    return {
        "name": "Comparison of " + count(len(loaded), "run"),
        "found": ranking([part for part in overlaid if part.members], outcomes, named),
        "headers": ["Run", *beside, "Finished", "Steps", "Wall time of the run", *numbers],
        "rows": rows,
        "setting_headers": columns,
        "setting_rows": across,
        "equal_cost": equal_cost(overlaid),
        "data": {"film": None, "curves": json.loads(plain_json(curves_data(overlaid, most)))},
    }


def once_each(runs: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """Each run once, and of those that were given again what they are: a folder by another path, or a copy of it.

    A copy has the facts (when it was started, how long it took), the members and the rows of the other one.
    """
    kept: list[Run] = []
    said: list[str] = []
    for run in runs:
        first = next((one for one in kept if _is_same(run, one)), None)
        if first is None:
            kept.append(run)
        else:
            said.append(f"{run.folder}: is the same run as {first.folder}, and counts once")
    return kept, said


def _is_same(run: Run, other: Run) -> bool:
    if run.folder.resolve() == other.folder.resolve():
        return True
    known = bool(run.rows) and "started" in run.info
    return known and (run.info, run.members, run.rows) == (other.info, other.members, other.rows)


def lines_of(runs: list[Run]) -> list[Strand]:
    """The strands of several runs, each labelled with its run's name."""
    return _overlaid(_lines(runs))


def _lines(runs: list[Run]) -> list[tuple[Run, str, Strand]]:
    return [(run, name, strand) for run, name in zip(runs, _names(runs)) for strand in strands(run)]


def _names(runs: list[Run]) -> list[str]:
    """Each run's name; where two share it, with the folder's name; where even that is shared, with its number."""
    names = [run.name for run in runs]
    names = [n if names.count(n) == 1 else f"{n} ({run.folder.resolve().name})" for n, run in zip(names, runs)]
    return [n if names.count(n) == 1 else f"{n} #{place}" for place, n in enumerate(names, 1)]


def _overlaid(lines: list[tuple[Run, str, Strand]]) -> list[Strand]:
    return [
        replace(strand, label=name if not strand.settings else f"{name}: {strand.label}") for _, name, strand in lines
    ]


def _differing(settings: list[dict[str, Any]]) -> list[str]:
    keys = dict.fromkeys(key for own in settings for key in own)
    return [key for key in keys if any(own.get(key) != settings[0].get(key) for own in settings)]


def _setting(own: dict[str, Any], key: str) -> TableCell:
    return TableCell(setting(own[key]), cell(own[key]).value) if key in own else TableCell("–")


def _results(run: Run, strand: Strand, metrics: list[str], first: Strand) -> list[TableCell]:
    """The cells of a line; numbers with their difference from the first line's, over seeds that both have."""
    done = sum(m.outcome == "finished" for m in strand.members)
    steps = [m.steps for m in strand.members if m.steps is not None]
    values = measured(strand.members)
    wall = run.info.get("wall_seconds")
    return [
        TableCell(f"{done:,} of {len(strand.members):,}", done / max(1, len(strand.members))),
        cell(max(steps, default=None)),
        TableCell(duration(wall), cell(wall).value),
        *(_apart(_mean(key, values.get(key, []), strand), key, strand, first) for key in metrics),
    ]


def _apart(found: TableCell, key: str, strand: Strand, first: Strand) -> TableCell:
    """The cell with the difference from the first line's members of the same seeds, where there are two such pairs."""
    own, its = by_seed(strand.members, key), by_seed(first.members, key)
    gaps = [own[seed] - its[seed] for seed in own if seed in its]
    if strand is first or len(gaps) < 2 or strand.apart(first):
        return found
    away = f"{with_ends(key, interval(gaps), by_how_much, strand.tops)} from the first, {len(gaps)} paired seeds"
    return TableCell(f"{found.text}; {away}", found.value)


def _mean(key: str, values: list[float], strand: Strand) -> TableCell:
    """The mean over the members that have a number, and how many that went on have none."""
    short = len(without(strand.members, key))
    none = f"{short} could not be measured" if short else ""
    if not values:
        return TableCell(f"– ({none})" if none else "–")
    found = interval(values)
    return TableCell(
        f"{with_ends(key, found, tops=strand.tops)} ({'; '.join(filter(None, [f'n = {len(values)}', none]))})", found[0]
    )


def _link(run: Run, name: str, out: Path) -> TableCell:
    page = run.folder / "report.html"
    if not page.exists():
        return TableCell(name)
    return TableCell(name, link=quote(Path(os.path.relpath(page.resolve(), out.resolve().parent)).as_posix()))


LEGEND = "Mean over members [95 % interval, the wider of the bootstrap's and Student's]."


def equal_cost_text(runs: Sequence[str | Path]) -> str:
    """The tables at equal cost of a run, or of several together; empty where there is nothing to compare."""
    runs = [Path(one) for one in runs]
    loaded, _ = once_each([load_run(run) for run in runs])
    try:
        tables = equal_cost(strands(loaded[0]) if len(loaded) == 1 else lines_of(loaded))
    except Exception:  # the page says what cannot be used
        return ""
    return "\n\n".join(f"{table.caption} {LEGEND}\n\n{columns(table)}" for table in tables)


def columns(table: EqualCost) -> str:
    """Headings and rows in columns."""
    lines = [table.headers, *([cell.text for cell in row] for row in table.rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(table.headers))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in lines)
