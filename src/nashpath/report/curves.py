"""Curves over training: the middle and the spread of the members that share the same settings.

A *strand* is such a set of members; it gets one colour in every chart.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from nashpath.diagnostics import DIAGNOSTICS
from nashpath.report.phrasing import is_share, meaning, settings_label, title, titled
from nashpath.report.read import COSTS, RESERVED, ReportMember, Run, drawable

POINTS = 400
"""A chart shows at most this many points; beyond, neighbouring steps are pooled."""
QUARTILES_FROM = 5
"""From this many values on, the spread is the quartiles; below, the extremes."""
FAMILIES = {"cost": "Costs", "gradient_norm": "Gradient norms"}
DIAGNOSED = "Diagnostics"
OTHER = "Evaluation"


@dataclass(frozen=True)
class Strand:
    """Members that share their settings, and their rows of ``metrics.jsonl``."""

    label: str
    settings: dict[str, Any]
    members: list[ReportMember]
    rows: list[dict[str, Any]]
    ground: dict[str, Any] = field(default_factory=dict)
    """What its numbers rest on (`Run.ground`)."""
    rows_now: list[dict[str, Any]] = field(default_factory=list)
    """Those of its rows that are of the run's present data."""
    tops: dict[str, float] = field(default_factory=dict)
    """The most that its numbers can be which count what the data have."""

    def apart(self, other: "Strand") -> list[str]:
        """The settings in which the grounds of two strands differ; one that a run of another version lacks is none."""
        return [key for key, value in self.ground.items() if other.ground.get(key, value) != value]


def strands(run: Run) -> list[Strand]:
    """The members of a run, grouped by their settings, in order of first appearance."""
    groups: dict[str, list[ReportMember]] = defaultdict(list)
    for member in run.members:
        groups[settings_label(member.settings)].append(member)
    unnamed = "all members" if len(groups) == 1 else "as given"
    return [
        Strand(
            label or unnamed,
            members[0].settings,
            members,
            [row for m in members for row in run.rows_of.get(m.member, [])],
            run.ground(members[0].settings),
            [row for m in members for row in run.rows_now.get(m.member, [])],
            _tops(run),
        )
        for label, members in groups.items()
    ]


def _tops(run: Run) -> dict[str, float]:
    """How many modes, combinations or classes the data have, and how far shares can be from even ones at most."""
    shape, reference = run.info.get("shape") or [], run.reference
    counts = {"modes": len(reference["centres"])} if "centres" in reference else dict[str, int]()
    counts |= {"stacked_modes": 10 ** int(shape[0])} if "real.stacked_modes" in reference and shape else {}
    farthest = {key.replace("modes", "kl") if "_" in key else "mode_kl": math.log(n) for key, n in counts.items()}
    counts |= {"classes": len(reference["class_balance"])} if "class_balance" in reference else {}
    return {**counts, **farthest}


def charts(parts: list[Strand], classes: Sequence[str] = ()) -> list[dict[str, Any]]:
    """One chart a measured key.

    A chart is ``{"key", "title", "meaning", "share", "family", "steps", "pooled", "series"}``, each of the series
    ``{"strand", "middle", "low", "high"}``. Costs come first, then gradient norms, diagnostics, and whatever was
    evaluated. Missing values are None. Where strands can be compared at equal cost, each of the series also has
    ``"at"``: what its members had cost at each step, by `axes`. ``classes`` are their names, for numbers of one alone.
    """
    order = [*FAMILIES.values(), DIAGNOSED, OTHER]
    spent = {cost: [_by_step(cost, part.rows) for part in parts] for cost in axes(parts) if cost != "step"}
    built = [_chart(key, parts, spent, partial(title, classes=classes)) for key in _keys(parts)]
    return sorted(built, key=lambda chart: order.index(chart["family"]))


def axes(parts: list[Strand]) -> dict[str, str]:
    """What curves can be drawn against, and its unit: the step; with several strands, what was spent on them, too."""
    known = [cost for cost in COSTS if all(any(drawable(row.get(cost)) for row in part.rows) for part in parts)]
    return {"step": "step", **{cost: COSTS[cost] for cost in known if len(parts) > 1}}


def _keys(parts: list[Strand]) -> list[str]:
    keys = {key for part in parts for row in part.rows for key, value in row.items() if drawable(value)}
    return sorted(keys.difference(RESERVED))


def _chart(
    key: str, parts: list[Strand], spent: dict[str, list[dict[int, list[float]]]], name: Callable[[str], str]
) -> dict[str, Any]:
    values = [_by_step(key, part.rows) for part in parts]
    steps = sorted({step for one in values for step in one})
    bins = np.array_split(np.array(steps), min(POINTS, len(steps)))
    return {
        "key": key,
        "title": titled(key, name),
        "meaning": meaning(key),
        "share": is_share(key),
        "family": _family(key.partition(".")[0]),
        "steps": [int(pooled[-1]) for pooled in bins],
        "pooled": -(-len(steps) // len(bins)),
        "series": [
            {"strand": i, **_spread(one, bins), **_costs({cost: of[i] for cost, of in spent.items()}, bins)}
            for i, one in enumerate(values)
            if one
        ],
    }


def _by_step(key: str, rows: list[dict[str, Any]]) -> dict[int, list[float]]:
    found: dict[int, list[float]] = defaultdict(list)
    for row in rows:
        if drawable(row.get(key)):
            found[row["step"]].append(float(row[key]))
    return found


def _spread(values: dict[int, list[float]], bins: list[np.ndarray]) -> dict[str, list[float | None]]:
    pools = [[v for step in pooled for v in values.get(int(step), ())] for pooled in bins]
    ends = [(25, 75) if len(pool) >= QUARTILES_FROM else (0, 100) for pool in pools]
    return {
        "low": [_rounded(np.percentile(pool, end[0])) if pool else None for pool, end in zip(pools, ends)],
        "middle": [_rounded(np.median(pool)) if pool else None for pool in pools],
        "high": [_rounded(np.percentile(pool, end[1])) if pool else None for pool, end in zip(pools, ends)],
    }


def _costs(spent: dict[str, dict[int, list[float]]], bins: list[np.ndarray]) -> dict[str, dict[str, Any]]:
    """``"at"``: what the members that went on had cost at the end of each bin."""
    found = {}
    for cost, values in spent.items():
        pools = [[v for step in pooled for v in values.get(int(step), ())] for pooled in bins]
        found[cost] = [_rounded(max(pool)) if pool else None for pool in pools]
    return {"at": found} if found else {}


def _rounded(value: Any) -> float:
    return float(f"{float(value):.6g}")


def _family(name: str) -> str:
    """The family of a chart by the first part of its key; readings are those of the diagnostics that there are now."""
    diagnosed = any(name in getattr(row, "readings", ()) for row in DIAGNOSTICS.values())
    return FAMILIES.get(name, DIAGNOSED if diagnosed else OTHER)
