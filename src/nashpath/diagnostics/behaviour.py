"""What play does about a centre, as its path shows it: closes in, goes round, spirals out, leaves."""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from nashpath.diagnostics.contraction import Motion
from nashpath.diagnostics.trajectory import Winding, winding_of

ARRIVED, GONE = 1e-3, 1e4
"""Play has closed in, or left, where its radius is this multiple of the first."""
LEVEL = 2e-3
"""A radius that changes by less than this share a turn goes round."""
ENOUGH = 6
"""Whole turns after which play that goes round is judged while it is played on."""
SLOWER = 0.95
"""Play slows where each third of it gains less than that before, and the last less than this share of the first."""
STILL, MOVED = 1e-6, 1e-3
"""Play that has moved by the second share of the radius rests where a last quarter lies within the first of it."""

Centre = Literal[
    "the known equilibrium",
    "the known stationary point",
    "a stationary point found from here",
    "another point of rest",
    "the middle of the path",
]


@dataclass
class Behaviour:
    """What play does, and how that is known."""

    motion: Motion | Literal["still moving", "undecided"]
    rate: float = 1.0
    """The factor on the distance from the centre, a round."""
    turn: float = math.inf
    """Rounds that make a turn; infinite where nothing turns."""
    flat: int = 0
    """Directions that stay where they are."""
    played: int = 0
    """Rounds that were played on; 0: the round's own eigenvalues say it."""
    turns: float = 0.0
    """Windings that were played."""
    centre: Centre = "the middle of the path"
    slowing: bool = False
    """Whether what was played closed in ever more slowly, as powers of time do: then no rate foretells its end."""
    why: str = ""
    """What hides the answer, where it is undecided; and what is told beside it otherwise."""

    @property
    def rounds(self) -> float:
        """Rounds until a hundredth of the distance is left, should its rate last; infinite where none is."""
        return math.log(0.01) / math.log(self.rate) if 0 < self.rate < 1 and not self.slowing else math.inf

    @property
    def a_turn(self) -> float:
        """The factor on the distance in a turn; 1 where nothing turns."""
        return self.rate**self.turn if math.isfinite(self.turn) else 1.0


def judge_way(
    way: Tensor,
    centre: Tensor | None,
    known: Centre,
    final: bool,
    noisy: bool = False,
    adaptive: bool = False,
    reach: float = 0.0,
) -> Behaviour | None:
    """What a way [rounds, parameters] shows; None where it should go on, unless it is ``final``.

    Where gradients are ``noisy``, turns and radii of a walk mean nothing: only a radius that falls, or grows, twenty
    times decides. Where rules are ``adaptive`` they go on to change, and may burst out of a rest: they are judged at
    the end, where all turns agree and the radius has halved or doubled, or where the last quarter of the way lies
    within `ARRIVED` of its beginning. ``reach`` is the distance from the centre before they had time to forget.
    """
    played = len(way) - 1
    finite = torch.isfinite(way).all(1)
    middle = way[finite].mean(0) if centre is None else centre
    radius = (way[finite] - middle).double().norm(dim=1)
    first, last = float(radius[0]), float(radius[-1])
    rate = _rate(radius)
    told = {"played": played, "centre": known}
    if not finite.all() or (centre is not None and last > GONE * max(first, reach, 1e-12)):
        turning = winding_of(way[finite], middle) if finite.sum() >= 4 else None
        out = turning is not None and turning.turns >= 1
        return Behaviour("spirals out" if out else "leaves", max(rate, 1.0), _length(turning), **told)
    seen = winding_of(way, middle)
    told["turns"] = seen.turns
    if noisy:
        if centre is not None and last < 0.05 * first:
            return Behaviour("closes in", min(rate, 1.0), **told)
        if centre is not None and last > 20 * first > 0:
            return Behaviour("leaves", max(rate, 1.0), **told)
        return Behaviour("undecided", why="gradient noise hides it", **told) if final else None
    if adaptive and not final:
        return None
    late = float(radius[3 * len(radius) // 4 :].max()) if adaptive else last
    if centre is not None and late <= ARRIVED * max(first, reach):
        return Behaviour("closes in", min(rate, 1.0), _length(seen), **told)
    if centre is not None and (beside := _rest_beside(way, first, told)):
        return beside
    if _to_and_fro(way, radius):
        return Behaviour("goes round", 1.0, 2.0, **told)
    enough = seen.turns >= (1 if final else ENOUGH) and math.isfinite(seen.length)
    if enough and (found := _by_turns(seen, told, final)):
        if not adaptive or found.motion == "goes round" or (_agree(seen) and not 0.5 < seen.shrink < 2):
            return found
        why = f"the radius changes by a factor {found.a_turn:.4g} a turn, and the rules' own steps change besides"
        return Behaviour("undecided", why=why, **told)
    return _at_the_end(seen, radius if centre is not None else None, told) if final else None


def _at_the_end(seen: Winding, radius: Tensor | None, told: dict[str, Any]) -> Behaviour:
    """What is said of a way that no turns decided; ``radius`` is the distance from a centre, where there is one."""
    if seen.turns >= 1:
        why = f"the radius changes by {seen.rate:+.2g} (log) a turn, with an error of {seen.error:.2g}"
        if not math.isfinite(seen.length):
            why = f"it turned back and forth in {told['played']} rounds"
        return Behaviour("undecided", why=why, **told)
    if radius is not None:
        first, last, rate = float(radius[0]), float(radius[-1]), _rate(radius)
        if rate < 1 and last < 0.5 * first and _falls(radius):
            return Behaviour("closes in", rate, slowing=_slows(radius.log().neg()), **told)
        if rate > 1 and last > 2 * first and _falls(radius.flip(0)):
            return Behaviour("leaves", rate, **told)
    return Behaviour("undecided", why=f"no whole turn in {told['played']} rounds, and no arrival", **told)


def _rest_beside(way: Tensor, first: float, told: dict[str, Any]) -> Behaviour | None:
    """Play that came to rest, though not at the centre: as in games with a line of stationary points; else None.

    It has moved before, and far more: a slow crawl does not.
    """
    beside = (way - way[-1]).double().norm(dim=1)
    moved = beside > STILL * first
    if float(beside.max()) < MOVED * first or bool(moved[3 * len(way) // 4 :].any()):
        return None
    rate = _rate(beside[: int(moved.nonzero().max()) + 1])
    return replace(Behaviour("closes in", min(rate, 1.0), **told), centre="another point of rest")


def _to_and_fro(way: Tensor, radius: Tensor) -> bool:
    """Whether the last quarter of a way is two points in turn, on both sides, as under a multiplier of −1."""
    last = 3 * len(way) // 4
    moved, back = (float((way[last + k :] - way[last:-k]).norm(dim=1).max()) for k in (1, 2))
    steady = abs(float(radius[last] / radius[last + (len(way) - 1 - last) // 2 * 2]) - 1) <= LEVEL
    return len(way) - last >= 40 and back <= 1e-3 * moved and moved >= float(radius[last:].max()) and steady


def _by_turns(seen: Winding, told: dict[str, Any], final: bool) -> Behaviour | None:
    """The judgement of whole turns: in, round, or out; None where the turns do not agree."""
    rates, level = seen.rates, max(LEVEL, 3 * seen.error if math.isfinite(seen.error) else 0.0)
    later = rates[len(rates) // 2 :]
    mean = seen.rate
    a_round = math.exp(mean / seen.length) if seen.length > 0 else 1.0
    if len(later) > 2 and abs(later[-1]) < 0.7 * abs(later[0]) and abs(mean) > LEVEL and not final:
        return None  # the turns grow alike: it may be coming to a cycle
    if abs(mean) <= level:
        steady = len(rates) >= 3 and seen.error < 5 * LEVEL
        return Behaviour("goes round", a_round, seen.length, **told) if steady else None
    if len(later) > 2 and abs(later[-1]) < 0.2 * abs(later[0]) and abs(later[-1]) < 10 * LEVEL:
        return Behaviour("goes round", math.exp(later[-1] / seen.length), seen.length, **told)
    slowing = mean < 0 and _slows(torch.tensor((0.0, *rates), dtype=torch.float64).cumsum(0).neg())
    return Behaviour("closes in" if mean < 0 else "spirals out", a_round, seen.length, slowing=slowing, **told)


def _agree(seen: Winding) -> bool:
    """Whether all turns say the same, and what they say is what the radius did."""
    signs = {math.copysign(1.0, rate) for rate in seen.rates}
    return signs == {math.copysign(1.0, seen.shrink - 1)}


def _rate(radius: Tensor) -> float:
    """The factor a round over the later half of the way."""
    half = len(radius) // 2
    span = len(radius) - 1 - half
    if span < 1 or float(radius[half]) <= 0:
        return 0.0 if float(radius[-1]) == 0 else 1.0
    return max(float(radius[-1] / radius[half]), 1e-300) ** (1 / span)


def _falls(radius: Tensor) -> bool:
    """Whether the radius falls over every tenth of the way."""
    parts = radius[torch.linspace(0, len(radius) - 1, 11).long()]
    return bool((parts.diff() < 0).all())


def _slows(gone: Tensor) -> bool:
    """Whether minus the logarithm of a falling distance gains less in each third of what was played."""
    if len(gone) < 4:
        return False
    at = torch.linspace(0, len(gone) - 1, 4).round().long()
    pace = gone[at].diff() / at.diff()
    return bool(pace[0] > pace[1] > pace[2] > 0) and float(pace[2]) < SLOWER * float(pace[0])


def _length(seen: Winding | None) -> float:
    return seen.length if seen is not None and seen.turns >= 1 else math.inf
