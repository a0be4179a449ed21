"""The page of a search: what was confirmed, every candidate, and what quality cost."""

import math
import warnings
from collections.abc import Sequence
from pathlib import Path

from nashpath.core.cache import check_replaceable
from nashpath.core.math.bootstrap import interval
from nashpath.report.draw import inline, new_canvas
from nashpath.report.headline import run_headline
from nashpath.report.outcome import Outcome
from nashpath.report.page import PAGE, curves_data, write_page, write_report
from nashpath.report.phrasing import by_how_much, meaning, setting, titled, with_ends
from nashpath.report.read import SEARCH, load_run
from nashpath.report.recalled import recalled
from nashpath.report.tables import Heading, TableCell, origin
from nashpath.run import FolderWarning
from nashpath.run.assess.search import Candidate, Found
from nashpath.run.folder.run_folder import CONFIG
from nashpath.run.settings.method_files import Entry


def write_search(folder: str | Path, found: Found) -> tuple[Path, Outcome]:
    """Writes ``search.html`` into a search's folder; its path, and what the search says in one line.

    Methods of one's own that are not there, or not as they were, are told on the page and by a `FolderWarning`.
    """
    folder = Path(folder)
    check_replaceable(folder / SEARCH)
    question, confirm = found.question, folder / "confirm"
    missing = recalled(found.methods, folder)
    for said in missing:
        warnings.warn(said, FolderWarning, stacklevel=2)
    outcome = Outcome("the search is not finished: nothing is confirmed yet", "open")
    if found.finished:
        outcome = Outcome("no candidate reached the end with all its seeds", "bad")
    if found.finished and found.finalists:
        outcome = run_headline(load_run(confirm), {question.objective: question.better})
    keys = list(question.space)
    sought = Heading(titled(question.objective), meaning(question.objective))
    order = sorted(found.candidates, key=lambda one: (-len(one.values), _last(one, question.better)))
    rows = [
        [TableCell(str(one.number + 1), one.number + 1), *(_set(one, key) for key in keys), *_reached(found, one)]
        for one in order
    ]
    context = {
        "name": folder.resolve().name,
        "found": outcome,
        "objective": titled(question.objective),
        "question": question,
        "confirmed": [_confirmed(found, one) for one in found.finalists if one.values],
        "confirmed_headers": ["Candidate", *keys, sought, "from the settings as given"],
        "headers": ["Candidate", *keys, "Rungs", "Steps", "Seeds", sought],
        "rows": rows,
        "picture": _picture(found),
        "confirm": _page_of(confirm, keep=bool(missing)).relative_to(folder).as_posix()
        if (confirm / CONFIG).exists()
        else "",
        "doubts": [*missing, *_changed(found.methods)],
        "data": {"film": None, "curves": curves_data([])},
    }
    return write_page(folder / SEARCH, "search.html.j2", context), outcome


def _changed(methods: Sequence[Entry]) -> list[str]:
    """Which files of methods were changed while the search went on, with their hashes."""
    found: list[str] = []
    for one in (entry for entry in methods if "before" in entry):
        hashes = ", then ".join(text[:12] for text in [*one["before"], one.get("sha256", "others")])
        found.append(f"not all rounds were trained by the same methods: {origin(one)}; sha256 {hashes}")
    return found


def _page_of(run: Path, keep: bool) -> Path:
    """The page of a run of the search: the one that it has, if that is to be kept, or one that is written now."""
    page = run / PAGE
    return page if keep and page.exists() else write_report(run)


def _confirmed(found: Found, one: Candidate) -> list[TableCell]:
    key, chosen = found.question.objective, [_set(one, name) for name in found.question.space]
    return [_named(one), *chosen, _mean(key, one.values[-1]), _apart(key, one, found.finalists[-1])]


def _last(one: Candidate, better: int) -> float:
    mean = one.mean() if one.values else math.nan
    return -better * mean if math.isfinite(mean) else math.inf


def _named(one: Candidate) -> TableCell:
    return TableCell("as given" if one.number < 0 else str(one.number + 1), one.number + 1)


def _set(one: Candidate, key: str) -> TableCell:
    value = one.point.get(key)
    return TableCell("–") if value is None else TableCell(setting(value), value if isinstance(value, float) else None)


def _reached(found: Found, one: Candidate) -> list[TableCell]:
    if not one.values:
        return [TableCell("0", 0), TableCell("–"), TableCell("–"), TableCell("–")]
    rung, question = len(one.values) - 1, found.question
    steps, seeds = question.steps_of(rung), len(question.seeds_of(rung))
    return [
        TableCell(str(rung + 1), rung + 1),
        *(TableCell(f"{n:,}", n) for n in (steps, seeds)),
        _mean(question.objective, one.values[-1]),
    ]


def _mean(key: str, values: list[float | None]) -> TableCell:
    """The mean over seeds and its interval; a member that diverged leaves the others without a mean."""
    there = [value for value in values if value is not None]
    if len(there) < len(values):
        return TableCell(f"{len(values) - len(there)} of {len(values)} without a value")
    found = interval(there)
    return TableCell(with_ends(key, found), found[0])


def _apart(key: str, one: Candidate, given: Candidate) -> TableCell:
    """The difference from the settings as given, over the same seeds."""
    pairs = [(a, b) for a, b in zip(one.values[-1], given.values[-1]) if a is not None and b is not None]
    if one is given or len(pairs) < 2:
        return TableCell("–")
    found = interval([a - b for a, b in pairs])
    return TableCell(f"{with_ends(key, found, by_how_much)}, {len(pairs)} paired seeds", found[0])


def _picture(found: Found) -> str:
    """What quality cost: each candidate at each of its rungs, and those that none beats at their cost."""
    better = found.question.better
    dots = [
        (one.gradients[rung], one.mean(rung), len(one.values[rung]))
        for one in found.candidates
        for rung in range(len(one.values))
        if math.isfinite(one.mean(rung)) and math.isfinite(one.gradients[rung])
    ]
    if not dots:
        return ""
    canvas, axes = new_canvas(7.2, 3.6)
    axes.scatter(
        [d[0] for d in dots], [d[1] for d in dots], s=[10 + 4 * d[2] for d in dots], color="#59616e", alpha=0.5
    )
    frontier: list[tuple[float, float]] = []
    for cost, mean, _ in sorted(dots, key=lambda dot: (dot[0], -better * dot[1])):
        if not frontier or better * mean > better * frontier[-1][1]:
            frontier.append((cost, mean))
    frontier.append((max(dot[0] for dot in dots), frontier[-1][1]))  # it holds at any greater cost
    axes.step(*zip(*frontier), where="post", color="#d55e00", lw=1.6, label="none is better at this cost")
    axes.set(xlabel="gradient evaluations of a member", ylabel=titled(found.question.objective))
    axes.set_xscale("log")
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    return inline(canvas)
