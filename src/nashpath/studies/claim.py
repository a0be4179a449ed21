"""A claim and its verdict. The criterion is part of the claim, fixed before anything is measured.

A claim names one quantity with one value a seed, and the range in which its mean over seeds must lie. Its interval is
the wider of two at either end: a percentile bootstrap over seeds, and Student's, since no resampling of a few seeds
reaches beyond them. The claims of a study share one error, by Holm's steps: as many claims as are still undecided
share it equally, and each decision leaves more to the others. The verdict compares interval and range, and says nothing
where they overlap in part.

Reference: Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6.
"""

import inspect
import math
import traceback
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nashpath.core.math.bootstrap import MOST, alike_needed, interval, values_needed
from nashpath.studies.rows import Rows

FAMILY_ERROR = 0.05
"""The probability, over all claims of a study, that any interval misses what it estimates."""
ENOUGH = 4
"""Fewer seeds than this decide nothing."""
RESAMPLES = 20_000

Word = Literal["supported", "refuted", "inconclusive", "not measured", "not judged"]
ClaimKind = Literal["found", "theorem", "ours", "identity"]
"""What a claim is: found by the paper's experiments, a theorem checked numerically, ours, or an identity (a test)."""


class Undecided(ArithmeticError):
    """Rows that cannot decide a claim, whatever their numbers; says why, such as a grid whose best cell is its last."""


@dataclass(frozen=True)
class Claim:
    """One claim of a paper. The mean of ``values(rows)`` over seeds must lie in [``low``, ``high``].

    ``values`` gives one number a seed, in a list or by seeds (`Rows.by_seed`); more numbers than seeds decide nothing.
    ``says`` is the claim in one sentence, ``source`` where it stands, ``quantity`` what is computed from the rows of
    ``experiment`` (with its unit). ``kind`` says what speaks: an experiment of the paper (``"found"``), a ``"theorem"``
    that is checked numerically, we (``"ours"``), or arithmetic that cannot fail but for a bug (``"identity"``, which is
    counted as a test). ``exact`` claims need no statistics: every value must lie in the range.
    ``reason`` is an explanation, should it not hold, that no claim tests; ``scales`` says at which sizes it is judged.
    """

    name: str
    says: str
    source: str
    experiment: str
    quantity: str
    values: Callable[[Rows], Sequence[float] | Mapping[int, float]]
    low: float = -math.inf
    high: float = math.inf
    exact: bool = False
    kind: ClaimKind = "found"
    reason: str = ""
    scales: tuple[str, ...] = ("quick", "default")

    def __post_init__(self) -> None:
        if not self.low < self.high or (math.isinf(self.low) and math.isinf(self.high)):
            raise ValueError(f"claim {self.name}: its criterion [{self.low}, {self.high}] can never decide anything")

    @property
    def criterion(self) -> str:
        """The criterion in words."""
        each = "each value" if self.exact else "mean over seeds"
        if math.isinf(self.low):
            return f"{each} ≤ {self.high:g}"
        return f"{each} ≥ {self.low:g}" if math.isinf(self.high) else f"{each} in [{self.low:g}, {self.high:g}]"


identity = partial(Claim, exact=True, kind="identity", reason="rounding, or a bug")
"""A claim that every value must meet, and no statistics are needed for."""


@dataclass(frozen=True)
class Verdict:
    """The verdict on a claim: ``mean`` and interval over ``len(values)`` seeds, and the word.

    ``error`` is the probability that the interval misses, after the other claims of the study had their share; None
    where there are no statistics.
    """

    claim: Claim
    word: Word
    values: list[float]
    mean: float
    low: float
    high: float
    note: str = ""
    error: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The record of a verdict in a result folder, with the claim as it was judged."""
        claim = {k: getattr(self.claim, k) for k in ("name", "says", "source", "experiment", "quantity", "criterion")}
        bounds = {"accept": [self.claim.low, self.claim.high], "exact": self.claim.exact, "kind": self.claim.kind}
        found = {"values": self.values, "mean": self.mean, "interval": [self.low, self.high], "error": self.error}
        return {**claim, **bounds, "reason": self.claim.reason, "verdict": self.word, **found, "note": self.note}


def judge_all(claims: Sequence[Claim], measured: Mapping[str, Rows], blind: bool = False) -> list[Verdict]:
    """The verdicts of one study, in the order of its claims; they share `FAMILY_ERROR` by Holm's steps.

    ``blind`` leaves the word out, for rows that are too few or too short to say anything.
    """
    values = {claim.name: _values(claim, measured.get(claim.experiment)) for claim in claims}
    if blind:
        return [_unjudged(claim, values[claim.name]) for claim in claims]
    verdicts = {claim.name: _decide(claim, values[claim.name], FAMILY_ERROR) for claim in claims if claim.exact}
    waiting = [claim for claim in claims if not claim.exact]
    while waiting:
        error = FAMILY_ERROR / len(waiting)
        verdicts |= {claim.name: _decide(claim, values[claim.name], error) for claim in waiting}
        undecided = [claim for claim in waiting if verdicts[claim.name].word not in ("supported", "refuted")]
        if len(undecided) == len(waiting):
            break
        waiting = undecided
    return [verdicts[claim.name] for claim in claims]


def judge(claim: Claim, rows: Rows | None, error: float = FAMILY_ERROR) -> Verdict:
    """The verdict on one claim, with an interval that misses with probability ``error``."""
    return _decide(claim, _values(claim, rows), error)


def seeds_needed(values: Sequence[float], low: float, high: float, error: float) -> int | None:
    """The fewest seeds at which Student's interval would clear the bounds, with the mean and deviation of ``values``.

    None where that takes more than `MOST`.
    """
    sample = np.asarray(values, dtype=float)
    mean = float(sample.mean())
    away = min(abs(mean - bound) for bound in (low, high) if math.isfinite(bound))
    return values_needed(float(sample.std(ddof=1)), away, error, ENOUGH)


def _values(claim: Claim, rows: Rows | None) -> list[float] | Verdict:
    """What a claim is judged by; the verdict where there is nothing to judge."""
    nothing = math.nan, math.nan, math.nan
    if rows is None:
        return Verdict(claim, "not measured", [], *nothing, f"{claim.experiment} was not measured")
    try:
        values = _numbers(claim.values(rows))
    except Undecided as reason:
        return Verdict(claim, "inconclusive", [], *nothing, str(reason))
    except (LookupError, ValueError, TypeError, ArithmeticError) as error:
        return _unread(claim, error, rows)
    if not values or not all(map(math.isfinite, values)):
        return Verdict(claim, "inconclusive", values, *nothing, "some values are not finite")
    seeds = {row["seed"] for row in rows if "seed" in row}
    if seeds and len(values) > len(seeds) and not claim.exact:
        note = (
            f"{len(values)} values of {len(seeds)} seeds: as many are no more evidence; give one a seed (rows.by_seed)"
        )
        return Verdict(claim, "inconclusive", values, *nothing, note)
    return values


def _numbers(found: Any) -> list[float]:
    """What a claim's function gave, as numbers, those by seeds in the order of seeds. Raises `TypeError` for others."""
    if isinstance(found, Mapping):
        found = [found[seed] for seed in sorted(found)]
    found = found if isinstance(found, str | bytes | Set) else [*found]
    if not isinstance(found, list) or any(isinstance(value, str) for value in found):
        raise TypeError(f"one number a seed is a list of numbers, or a dict by seeds, not {found!r:.60}")
    return [float(value) for value in found]


def _unread(claim: Claim, error: Exception, rows: Rows) -> Verdict:
    """The verdict where a claim's function fails: rows are missing, hold what is not finite, or it is wrong."""
    frames = traceback.extract_tb(error.__traceback__)
    by_rows, own = frames[-1].filename == inspect.getfile(Rows), frames[min(1, len(frames) - 1)]
    failed = f"the claim's function fails ({Path(own.filename).name}:{own.lineno}): {type(error).__name__}: {error}"
    lacks = isinstance(error, (LookupError, ValueError))
    if lacks:
        note = f"rows are missing: {error}" if by_rows else f"rows are missing, or {failed}"
    elif any(value is None for row in rows for value in row.values()):  # a number that was not finite is null in rows
        note = f"some values are not finite: {error}"
    else:
        note = failed
    return Verdict(claim, "not measured" if lacks else "inconclusive", [], math.nan, math.nan, math.nan, note)


def _decide(claim: Claim, values: list[float] | Verdict, error: float) -> Verdict:
    """The verdict by the values."""
    if isinstance(values, Verdict):
        return values
    if claim.exact:
        holds = all(claim.low <= value <= claim.high for value in values)
        word: Word = "supported" if holds else "refuted"
        return Verdict(claim, word, values, sum(values) / len(values), min(values), max(values))
    mean, low, high = interval(values, resamples=RESAMPLES, error=error)
    few = len(values) < ENOUGH
    word = "inconclusive" if few else _word(claim, low, high)
    note = f"{len(values)} seeds decide nothing; {ENOUGH} are needed" if few else ""
    if len(set(values)) == 1 and not few:  # there is no spread to reckon with
        note = (
            f"the same in all {len(values)} seeds, so up to {1 - error ** (1 / len(values)):.0%} of others may differ"
        )
        if len(values) < alike_needed(error):
            word, note = "inconclusive", f"{note}; {alike_needed(error)} alike would decide"
    elif word == "inconclusive" and not few:
        needed = seeds_needed(values, claim.low, claim.high, error)
        told = f"about {needed} seeds" if needed else f"no {MOST:,} seeds"
        note = f"{told} would decide it at this mean and deviation"
    return Verdict(claim, word, values, mean, low, high, note, error)


def _unjudged(claim: Claim, values: list[float] | Verdict) -> Verdict:
    """What was measured, without a word on it."""
    if isinstance(values, Verdict):
        return replace(values, word="not measured" if values.word == "not measured" else "not judged")
    return Verdict(claim, "not judged", values, sum(values) / len(values), min(values), max(values))


def _word(claim: Claim, low: float, high: float) -> Word:
    """An interval that only touches the end of the range cannot tell it from what lies beyond."""
    if low < high and (low == claim.low or high == claim.high):
        return "inconclusive"
    if claim.low <= low and high <= claim.high:
        return "supported"
    return "refuted" if high < claim.low or claim.high < low else "inconclusive"
