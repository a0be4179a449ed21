"""A claim and its verdict. The criterion is part of the claim, fixed before anything is measured.

A claim names one quantity with one value a seed, and the range in which its mean over seeds must lie. Its interval is
the wider of two at either end: a percentile bootstrap over seeds, and Student's, since no resampling of a few seeds
reaches beyond them. The claims of a study share the error out between them (Bonferroni). The verdict compares interval
and range, and says nothing where they overlap in part.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from nashpath.core.math.bootstrap import interval
from nashpath.studies.rows import Rows

FAMILY_ERROR = 0.05
"""The probability, over all claims of a study, that any interval misses what it estimates."""
ENOUGH = 4
"""Fewer seeds than this decide nothing."""
RESAMPLES = 20_000

Word = Literal["supported", "refuted", "inconclusive", "not measured"]
Kind = Literal["found", "theorem", "ours", "identity"]
"""What a claim is: found by the paper's experiments, a theorem checked numerically, ours, or an identity (a test)."""


@dataclass(frozen=True)
class Claim:
    """One claim of a paper. The mean of ``values(rows)`` over seeds must lie in [``low``, ``high``].

    ``says`` is the claim in one sentence, ``source`` where it stands, ``quantity`` what is computed from the rows of
    ``experiment`` (with its unit). ``kind`` says what speaks: an experiment of the paper (``"found"``), a ``"theorem"``
    that is checked numerically, we (``"ours"``), or arithmetic that cannot fail but for a bug (``"identity"``, which is
    counted as a test). ``exact`` claims need no statistics: every value must lie in the range.
    ``reason`` is the most likely reason should it not hold; ``scales`` says at which sizes it is judged.
    """

    name: str
    says: str
    source: str
    experiment: str
    quantity: str
    values: Callable[[Rows], Sequence[float]]
    low: float = -math.inf
    high: float = math.inf
    exact: bool = False
    kind: Kind = "found"
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
    """The verdict on a claim: ``mean`` and interval over ``len(values)`` seeds, and the word."""

    claim: Claim
    word: Word
    values: list[float]
    mean: float
    low: float
    high: float
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """The record of a verdict in a result folder, with the claim as it was judged."""
        claim = {k: getattr(self.claim, k) for k in ("name", "says", "source", "experiment", "quantity", "criterion")}
        bounds = {"accept": [self.claim.low, self.claim.high], "exact": self.claim.exact, "kind": self.claim.kind}
        bounds["reason"] = self.claim.reason
        found = {"values": self.values, "mean": self.mean, "interval": [self.low, self.high], "note": self.note}
        return {**claim, **bounds, "verdict": self.word, **found}


def judge_all(claims: Sequence[Claim], measured: Mapping[str, Rows]) -> list[Verdict]:
    """The verdicts of one study, with the probability of error shared out over all claims that have seeds."""
    tested = max(1, sum(not claim.exact for claim in claims))
    return [judge(claim, measured.get(claim.experiment), FAMILY_ERROR / tested) for claim in claims]


def judge(claim: Claim, rows: Rows | None, error: float = FAMILY_ERROR) -> Verdict:
    """The verdict on one claim, with an interval that misses with probability ``error``."""
    nothing = math.nan, math.nan, math.nan
    if rows is None:
        return Verdict(claim, "not measured", [], *nothing, f"{claim.experiment} was not measured")
    try:
        values = [float(value) for value in claim.values(rows)]
    except (LookupError, ValueError) as missing:
        return Verdict(claim, "not measured", [], *nothing, f"rows are missing: {missing}")
    except (TypeError, ArithmeticError) as unknown:  # a number that was not finite is null in the rows
        return Verdict(claim, "inconclusive", [], *nothing, f"some values are not finite: {unknown}")
    if not values or not all(map(math.isfinite, values)):
        return Verdict(claim, "inconclusive", values, *nothing, "some values are not finite")
    if claim.exact:
        holds = all(claim.low <= value <= claim.high for value in values)
        return Verdict(
            claim, "supported" if holds else "refuted", values, sum(values) / len(values), min(values), max(values)
        )
    mean, low, high = interval(values, resamples=RESAMPLES, error=error)
    note = f"{len(values)} seeds decide nothing; {ENOUGH} are needed" if len(values) < ENOUGH else ""
    return Verdict(claim, "inconclusive" if note else _word(claim, low, high), values, mean, low, high, note)


def _word(claim: Claim, low: float, high: float) -> Word:
    """An interval that only touches the end of the range cannot tell it from what lies beyond."""
    if low < high and (low == claim.low or high == claim.high):
        return "inconclusive"
    if claim.low <= low and high <= claim.high:
        return "supported"
    return "refuted" if high < claim.low or claim.high < low else "inconclusive"
