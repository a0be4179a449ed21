"""Results of several settings at equal cost, in gradient evaluations and in seconds of training.

The budget is the largest cost at which all settings were measured, within `NEAR`, so that nothing is extrapolated; a
member's result is its last evaluation within the budget. Where evaluations are that near to each other nowhere in the
latter half of what all reached, the budget is all of that, and numbers are given of those members alone that were
evaluated near it. Members that diverged stay where they stopped, count with what they had there, and are
named; they do not limit the budget.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nashpath.core.math.bootstrap import interval
from nashpath.report.curves import Strand
from nashpath.report.phrasing import by_how_much, listed, meaning, number, titled, with_ends
from nashpath.report.read import COSTS, ReportMember, drawable
from nashpath.report.tables import Heading, TableCell
from nashpath.report.verdict import lost

NEAR = 0.05
"""Costs that are apart by no more than this share of the larger one are equal."""
LATE = 0.5
"""The least share of what all reached that may be given up for costs that are equal."""

Evaluations = dict[int, list[dict[str, Any]]]
"""Rows of one strand that hold an evaluation, by member, in order of steps."""
Within = dict[int, dict[str, Any] | None]
"""The last evaluation of each member within a budget."""
SINCE = ".since"
"""Under this name an evaluation has, by number, the row in which it was measured."""


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
    most = {cost: _most(parts, found, cost) for cost in COSTS}
    return [_table(parts, found, keys, cost, reached) for cost, reached in most.items() if reached]


def _evaluations(part: Strand, keys: list[str]) -> Evaluations:
    """Each row with what was last known of the other keys: not all are evaluated at the same steps."""
    known: Evaluations = {m.member: [] for m in part.members}
    for row in sorted(part.rows_now, key=lambda row: row["step"]):
        if any(key in row for key in keys):
            before = (known[row["member"]][-1:] or [{SINCE: {}}])[0]
            since = {**before[SINCE], **{key: row for key in keys if key in row}}
            known[row["member"]].append({**{key: one[key] for key, one in since.items()}, **row, SINCE: since})
    return known


def _most(parts: list[Strand], found: list[Evaluations], cost: str) -> float | None:
    """The most of ``cost`` that every sound member was evaluated at; where none is sound, the most of all.

    None where a strand never recorded this cost.
    """
    limiting, reached = [], []
    for part, rows in zip(parts, found):
        known = {m: spent[-1] for m in rows if len(spent := _spent(rows[m], cost))}
        if not known:
            return None
        limiting += [known[m.member] for m in part.members if not m.diverged and m.member in known]
        reached += known.values()
    return float(min(limiting) if limiting else max(reached))


def _spent(rows: list[dict[str, Any]], cost: str) -> np.ndarray:
    """What each evaluation of a member had cost, from the least on."""
    return np.sort([float(row[cost]) for row in rows if drawable(row.get(cost))])


def _budget(parts: list[Strand], found: list[Evaluations], cost: str, most: float) -> float:
    """The largest cost up to ``most`` at which the last evaluations of all sound members are near each other.

    It is ``most`` where there is none that is `LATE` enough, and where no member is sound.
    """
    sound = [(m.member, rows) for part, rows in zip(parts, found) for m in part.members if not m.diverged]
    spent = [one for member, rows in sound if len(one := _spent(rows[member], cost))]
    if not spent:
        return most
    every = np.unique(np.concatenate(spent))
    every = every[(every >= LATE * most) & (every <= most)]
    last = [np.append(one, 0)[np.searchsorted(one, every, side="right") - 1] for one in spent]
    near = np.min(last, axis=0) >= (1 - NEAR) * every
    return float(every[near][-1]) if near.any() else most


def _table(parts: list[Strand], found: list[Evaluations], keys: list[str], cost: str, most: float) -> EqualCost:
    budget = _budget(parts, found, cost, most)
    marked = any(m.diverged for part in parts for m in part.members)
    headers = ["Settings", "Members", "Evaluated at", *map(titled, keys), *(["Diverged"] if marked else [])]
    rows: list[list[TableCell]] = []
    last = [{m: _within(rows, cost, budget) for m, rows in evaluations.items()} for evaluations in found]
    withins = [_near(part, within, cost, budget) for part, within in zip(parts, last)]
    for part, within in zip(parts, withins):
        members, gone = TableCell(f"{len(part.members):,}", len(part.members)), [m for m in part.members if m.diverged]
        results = [_result(key, within, part.tops) for key in keys]
        named = [_gone(gone)] if marked else []
        rows.append([TableCell(part.label), members, _where(part.members, within, cost), *results, *named])
    for part, within in zip(parts[1:], withins[1:]):
        if told := _less(part, within, parts[0], withins[0], keys, cost, budget):
            rows.append([*told, *([TableCell("")] if marked else [])])
    caption = f"At {number(budget)} {COSTS[cost]} a member, {_limit(parts, budget, most)}."
    caption += f" {SELDOM}" if withins != last else ""
    return EqualCost(cost, budget, caption, headers, rows, {titled(key): meaning(key) for key in keys})


SELDOM = (
    f"What was measured more than {100 * NEAR:g} % below that is left out: evaluate oftener (sample_every, or "
    "evaluate_every for the metrics that settings name)."
)


def _near(part: Strand, within: Within, cost: str, budget: float) -> Within:
    """The evaluations without the numbers that were measured at less than the budget, and not near it.

    Members that diverged keep theirs, whatever they had cost.
    """
    stopped, found = {m.member for m in part.members if m.diverged}, dict(within)
    for member, row in within.items():
        if row is not None and member not in stopped:
            early = [key for key, one in row[SINCE].items() if not _reaches(one.get(cost), budget)]
            found[member] = {key: value for key, value in row.items() if key not in early}
    return found


def _reaches(spent: Any, budget: float) -> bool:
    return drawable(spent) and spent >= (1 - NEAR) * budget


def _less(
    part: Strand, within: Within, first: Strand, its: Within, keys: list[str], cost: str, budget: float
) -> list[TableCell]:
    """The differences from the first setting, over pairs that share a seed; empty where there are no two pairs.

    Where costs of a pair are not near each other, or not near the budget, it is said instead: the difference would be
    one of costs, too. Members that diverged count where they stopped, whatever that had cost, if any had been trained.
    """
    a, b = _by_seed(part, within), _by_seed(first, its)
    shared = [seed for seed in a if seed in b]
    if len(shared) < 2 or part.apart(first):
        return []
    told = [TableCell(f"{part.label}, less {first.label}"), TableCell(f"{len(shared):,} pairs", len(shared))]
    gone = {m.seed for one in (part, first) for m in one.members if m.diverged}
    costs = {seed: sorted((float(a[seed][cost]), float(b[seed][cost]))) for seed in shared}
    sound = [pair for seed, pair in costs.items() if seed not in gone]
    apart = any(low < (1 - NEAR) * high for low, high in sound)
    if apart or not all(_reaches(low, budget) for low, _ in sound) or not all(high for _, high in costs.values()):
        why = f"costs more than {100 * NEAR:g} % apart" if apart else "evaluated too early"
        return [*told, TableCell(why), *[TableCell("–") for _ in keys]]
    of = len({m.seed for m in part.members} & {m.seed for m in first.members})
    return [
        *told,
        TableCell("–"),
        *(_difference(key, [(a[seed], b[seed]) for seed in shared], of, part.tops) for key in keys),
    ]


def _limit(parts: list[Strand], budget: float, most: float) -> str:
    """Why the budget is not larger."""
    ended = [all(m.diverged for m in part.members) for part in parts]
    if all(ended):
        return "the most that any reached: all diverged, and count where they stopped"
    whose = "all settings that did not diverge" if any(ended) else "all settings"
    if budget < most:
        return f"the most at which {whose} were evaluated, within {100 * NEAR:g} %; they reached {number(most)}"
    return f"the most that {whose} reached"


def _within(rows: list[dict[str, Any]], cost: str, budget: float) -> dict[str, Any] | None:
    """The last evaluation that cost no more than ``budget``."""
    return next((row for row in reversed(rows) if drawable(row.get(cost)) and row[cost] <= budget), None)


def _gone(members: list[ReportMember]) -> TableCell:
    return TableCell(f"{len(members):,}: {listed([lost(m) for m in members], 6)}" if members else "0")


def _where(members: list[ReportMember], within: Within, cost: str) -> TableCell:
    """The cost at which the members that go on (or, if none does, all) were evaluated."""
    sound = [m.member for m in members if not m.diverged] or list(within)
    spots = sorted({row[cost] for m in sound if (row := within[m]) is not None})
    if not spots:
        return TableCell("–")
    return TableCell(number(spots[0]) + (f" to {number(spots[-1])}" if len(spots) > 1 else ""), float(spots[-1]))


def _by_seed(part: Strand, within: Within) -> dict[int, dict[str, Any]]:
    """The evaluations of a strand by seed; empty where a seed occurs twice."""
    seeds = [m.seed for m in part.members]
    if len(set(seeds)) < len(seeds):
        return {}
    rows = {m.seed: within[m.member] for m in part.members}
    return {seed: row for seed, row in rows.items() if seed is not None and row is not None}


def _difference(
    key: str, pairs: list[tuple[dict[str, Any], dict[str, Any]]], of: int, tops: Mapping[str, float]
) -> TableCell:
    """Mean and interval of the differences between members that share a seed; how many they are, if not all ``of``."""
    values = [float(a[key]) - float(b[key]) for a, b in pairs if drawable(a.get(key)) and drawable(b.get(key))]
    short = f" ({len(values)} of {of} pairs have one)" if len(values) < of else ""
    if not values:
        return TableCell(f"–{short}")
    found = interval(values)
    return TableCell(f"{with_ends(key, found, by_how_much, tops)}{short}", found[0])


def _result(key: str, within: Within, tops: Mapping[str, float]) -> TableCell:
    """Mean and interval over members; how many have no number, if any has none."""
    values = [float(row[key]) for row in within.values() if row is not None and drawable(row.get(key))]
    short = f" ({len(values)} of {len(within)} have one)" if len(values) < len(within) else ""
    if not values:
        return TableCell(f"–{short}")
    found = interval(values)
    return TableCell(f"{with_ends(key, found, tops=tops)}{short}", found[0])
