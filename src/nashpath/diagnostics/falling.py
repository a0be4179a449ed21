"""What play does whose learning rates change on the way: judged by where they carry it, not by what they are now."""

import math
from dataclasses import replace

from torch import Tensor

from nashpath.diagnostics.behaviour import ARRIVED, FAR_OUT, GONE, Behaviour, Centre, judge_way, within_numbers

NEAR = 1e-2
"""The share of the distance that play must reach, else it stops short."""
SPENT = 1e-3
"""Rates whose rest is less than this share of those played are spent."""


def judge_falling(
    way: Tensor, centre: Tensor | None, known: Centre, rest: float, final: bool, noisy: bool = False
) -> Behaviour | None:
    """What a way [rounds + 1, parameters] shows that was played under schedules; None where it should go on.

    ``rest`` is the sum of all rates after it over the sum of those on it. With d the share of the distance that is
    left, play stops short where not even steps as long as those so far would carry it to 1 %::

        d − (1 − d) rest > 0.01   where d < 1;   d^(1 + rest) ≤ 20   where it grew
    """
    if early := judge_way(way, centre, known, False, noisy):
        gone = early.motion in ("leaves", "spirals out") and not _is_finite(way, centre)
        if gone or noisy:
            return replace(early, falling=True)
    radius = None if centre is None else (way - centre).double().norm(dim=1)
    if radius is not None and float(radius[-max(2, len(radius) // 8) :].max()) <= ARRIVED * float(radius[0]):
        reached = int((radius <= NEAR * radius[0]).nonzero()[0])
        return Behaviour("closes in", played=len(way) - 1, centre=known, falling=True, reached=reached, rate=0.0)
    if not final:
        return None
    share = math.nan if radius is None or not float(radius[0]) > 0 else float(radius[-1] / radius[0])
    if _stops(share, rest):
        return Behaviour("stops short", played=len(way) - 1, centre=known, falling=True, share=share, rest=rest)
    found = judge_way(way, centre, known, True, noisy)
    assert found is not None
    if found.motion in ("leaves", "spirals out") and _is_finite(way, centre) and not share > FAR_OUT:
        why = f"its distance grew {share:.3g} times at rates that fall"
        found = Behaviour("undecided", played=found.played, turns=found.turns, centre=known, why=why)
    return replace(found, falling=True, slowing=found.motion == "closes in", share=share, rest=rest)


def _stops(share: float, rest: float) -> bool:
    """Whether play cannot come to `NEAR` of its distance by what is left of its rates, nor go far."""
    if math.isnan(share):
        return rest <= NEAR
    if share < 1:
        return share - (1 - share) * rest > NEAR
    return (1 + rest) * math.log(share) <= math.log(FAR_OUT) if math.isfinite(rest) else share == 1


def _is_finite(way: Tensor, centre: Tensor | None) -> bool:
    """Whether the way has neither left the finite numbers nor gone ten thousand times as far as it began."""
    if not bool(within_numbers(way).all()):
        return False
    return centre is None or float((way[-1] - centre).norm()) <= GONE * max(float((way[0] - centre).norm()), 1e-12)
