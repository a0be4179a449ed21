"""Results of several settings at equal cost, in gradient evaluations and in seconds of training.

The budget is the most that all settings reached, so that nothing is extrapolated; a member's result is its last
evaluation within the budget. Members that diverged stay where they stopped, count with what they had there, and are
named; they do not limit the budget.
"""

from dataclasses import dataclass
from typing import Any

from nashpath.core.math.bootstrap import interval
from nashpath.report.curves import Strand, drawable
from nashpath.report.phrasing import by_how_much, listed, meaning, number, titled, with_ends
from nashpath.report.read import COSTS, ReportMember
from nashpath.report.tables import Heading, TableCell
from nashpath.report.verdict import lost

Evaluations = dict[int, list[dict[str, Any]]]
"""Rows of one strand that hold an evaluation, by member, in order of steps."""


@dataclass(frozen=True)
class EqualCost:
    """All settings at one budget: a table with one row for each of them.

    Below them the differences from the first, over pairs of members that share a seed, where there are such pairs.
    """

    cost: str
    budget: float
    caption: str
    headers: list[str]
    rows: list[list[TableCell]]
    meanings: dict[str, str]
    """Of the headers that are numbers."""

    @property
    def headings(self) -> list[Heading]:
        """The headers, with what they mean."""
        return [Heading(header, self.meanings.get(header, "")) for header in self.headers]


def equal_cost(parts: list[Strand]) -> list[EqualCost]:
    """One table a cost; none where there is nothing to compare, or where a strand's costs were not recorded."""
    parts = [part for part in parts if part.members]
    keys = list(dict.fromkeys(key for part in parts for m in part.members for key in m.metrics))
    found = [_evaluations(part, keys) for part in parts]
    keys = [k for k in keys if any(drawable(row.get(k)) for one in found for rows in one.values() for row in rows)]
    if len(parts) < 2 or not keys:
        return []
    budgets = {cost: _budget(parts, found, cost) for cost in COSTS}
    return [_table(parts, found, keys, cost, budget) for cost, budget in budgets.items() if budget]


def _evaluations(part: Strand, keys: list[str]) -> Evaluations:
    """Each row with what was last known of the other keys: not all are evaluated at the same steps."""
    known: Evaluations = {m.member: [] for m in part.members}
    for row in sorted(part.rows, key=lambda row: row["step"]):
        if any(key in row for key in keys):
            before = known[row["member"]][-1:] or [{}]
            known[row["member"]].append({**{key: before[0][key] for key in keys if key in before[0]}, **row})
    return known


def _budget(parts: list[Strand], found: list[Evaluations], cost: str) -> float | None:
    """The most of ``cost`` at which every sound member was evaluated; where none is sound, the most of all.

    None where a strand never recorded this cost.
    """
    limiting, reached = [], []
    for part, rows in zip(parts, found):
        last = {m: max((row[cost] for row in rows[m] if drawable(row.get(cost))), default=None) for m in rows}
        known = {m: value for m, value in last.items() if value is not None}
        if not known:
            return None
        limiting += [known[m.member] for m in part.members if not m.diverged and m.member in known]
        reached += known.values()
    return min(limiting) if limiting else max(reached)


def _table(parts: list[Strand], found: list[Evaluations], keys: list[str], cost: str, budget: float) -> EqualCost:
    marked = any(m.diverged for part in parts for m in part.members)
    headers = ["Settings", "Members", "Evaluated at", *map(titled, keys), *(["Diverged"] if marked else [])]
    rows: list[list[TableCell]] = []
    withins = [{m: _within(rows, cost, budget) for m, rows in evaluations.items()} for evaluations in found]
    for part, within in zip(parts, withins):
        members, gone = TableCell(f"{len(part.members):,}", len(part.members)), [m for m in part.members if m.diverged]
        results = [_result(key, within) for key in keys]
        named = [_gone(gone)] if marked else []
        rows.append([TableCell(part.label), members, _where(part.members, within, cost), *results, *named])
    first = _by_seed(parts[0], withins[0])
    for part, within in zip(parts[1:], withins[1:]):
        own = _by_seed(part, within)
        shared = [seed for seed in own if seed in first]
        if len(shared) > 1 and not part.apart(parts[0]):
            apart = [_difference(key, [(own[seed], first[seed]) for seed in shared]) for key in keys]
            told = TableCell(f"{part.label}, less {parts[0].label}"), TableCell(f"{len(shared):,} pairs", len(shared))
            rows.append([*told, TableCell("–"), *apart, *([TableCell("")] if marked else [])])
    caption = f"At {number(budget)} {COSTS[cost]} a member, {_limit(parts)}."
    return EqualCost(cost, budget, caption, headers, rows, {titled(key): meaning(key) for key in keys})


def _limit(parts: list[Strand]) -> str:
    """Why the budget is not larger."""
    ended = [all(m.diverged for m in part.members) for part in parts]
    if all(ended):
        return "the most that any reached: all diverged, and count where they stopped"
    whose = "all settings that did not diverge" if any(ended) else "all settings"
    return f"the most that {whose} reached"


def _within(rows: list[dict[str, Any]], cost: str, budget: float) -> dict[str, Any] | None:
    """The last evaluation that cost no more than ``budget``."""
    return next((row for row in reversed(rows) if drawable(row.get(cost)) and row[cost] <= budget), None)


def _gone(members: list[ReportMember]) -> TableCell:
    return TableCell(f"{len(members):,}: {listed([lost(m) for m in members], 6)}" if members else "0")


def _where(members: list[ReportMember], within: dict[int, dict[str, Any] | None], cost: str) -> TableCell:
    """The cost at which the members that go on (or, if none does, all) were evaluated."""
    sound = [m.member for m in members if not m.diverged] or list(within)
    spots = sorted({row[cost] for m in sound if (row := within[m]) is not None})
    if not spots:
        return TableCell("–")
    return TableCell(number(spots[0]) + (f" to {number(spots[-1])}" if len(spots) > 1 else ""), float(spots[-1]))


def _by_seed(part: Strand, within: dict[int, dict[str, Any] | None]) -> dict[int, dict[str, Any]]:
    """The evaluations of a strand by seed; empty where a seed occurs twice."""
    seeds = [m.seed for m in part.members]
    if len(set(seeds)) < len(seeds):
        return {}
    rows = {m.seed: within[m.member] for m in part.members}
    return {seed: row for seed, row in rows.items() if seed is not None and row is not None}


def _difference(key: str, pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> TableCell:
    """Mean and interval of the differences between members that share a seed."""
    values = [float(a[key]) - float(b[key]) for a, b in pairs if drawable(a.get(key)) and drawable(b.get(key))]
    if not values:
        return TableCell("–")
    found = interval(values)
    return TableCell(with_ends(key, found, by_how_much), found[0])


def _result(key: str, within: dict[int, dict[str, Any] | None]) -> TableCell:
    """Mean and interval over members; how many have no number, if any has none."""
    values = [float(row[key]) for row in within.values() if row is not None and drawable(row.get(key))]
    short = f" ({len(values)} of {len(within)} have one)" if len(values) < len(within) else ""
    if not values:
        return TableCell(f"–{short}")
    found = interval(values)
    return TableCell(f"{with_ends(key, found)}{short}", found[0])
