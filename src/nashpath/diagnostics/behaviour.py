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
HUGE = 1e100
"""A point beyond has left: squares of such numbers, and their sums, are none any more."""
LEVEL = 2e-3
"""A radius that changes by less than this share a turn goes round."""
ENOUGH = 6
"""Whole turns after which play that goes round is judged while it is played on."""
SLOWER = 0.95
"""Play slows where each third of it gains less than that before, and the last less than this share of the first."""
STILL, MOVED = 1e-6, 1e-3
"""Play that has moved by the second share of the radius rests where a last quarter lies within the first of it."""
NEARER = 0.8
"""Play that has arrived closes in further where the later half of its last eighth is within this share of the first."""
LATEST, CLOSE = 4, 0.1
"""Rounds in which play that falls still must fall at the end, and the share of the first radius that is told else."""
NOISY_IN, FAR_OUT = 0.05, 20.0
"""Shares of the first radius at which play with noise has closed in or left; and growth that slows is told beyond."""

Centre = Literal[
    "the known equilibrium",
    "the known stationary point",
    "a stationary point found from here",
    "another point of rest",
    "the point of rest at a bound",
    "where the mean field vanishes",
    "the middle of the path",
]


@dataclass
class Behaviour:
    """What play does, and how that is known."""

    motion: Motion | Literal["stops short", "still moving", "undecided"]
    rate: float = 1.0
    """The factor on the distance from the centre, a round."""
    turn: float = math.inf
    """Rounds that make a turn; infinite where nothing turns."""
    flat: int = 0
    """Directions that stay where they are, to first order."""
    along: float = math.inf
    """How far along them play was found to stay, in units of ``1 + ‖θ‖``: infinite in linear games, 0: not played."""
    noisy: bool = False
    """Whether gradients are noisy: then a round's eigenvalues tell of the mean play, and a rate of its distance."""
    played: int = 0
    """Rounds that were played on; 0: the round's own eigenvalues say it."""
    turns: float = 0.0
    """Windings that were played."""
    centre: Centre = "the middle of the path"
    slowing: bool = False
    """Whether what was played closed in ever more slowly, as powers of time do: then no rate foretells its end."""
    falling: bool = False
    """Whether it was played under schedules, which change its rates: then none of a round lasts."""
    reached: int = 0
    """Under schedules: the rounds after which a hundredth of the distance was left; 0: it was not met."""
    share: float = math.nan
    """Under schedules: the share of the distance that is left after all rounds that were played."""
    rest: float = 0.0
    """The sum of all rates after those rounds over the sum of theirs."""
    why: str = ""
    """What hides the answer, where it is undecided; and what is told beside it otherwise."""

    @property
    def rounds(self) -> float:
        """Rounds until a hundredth of the distance is left, should its rate last; infinite where none is."""
        if self.reached:
            return float(self.reached)
        return math.log(0.01) / math.log(self.rate) if 0 < self.rate < 1 and not self.slowing else math.inf

    @property
    def a_turn(self) -> float:
        """The factor on the distance in a turn; 1 where nothing turns."""
        return self.rate**self.turn if math.isfinite(self.turn) else 1.0


def within_numbers(way: Tensor) -> Tensor:
    """Which points of a way [rounds, parameters] are finite, and not `HUGE`."""
    return way.double().norm(dim=1) < HUGE


def judge_way(
    way: Tensor,
    centre: Tensor | None,
    known: Centre,
    final: bool,
    noisy: bool = False,
    adaptive: bool = False,
    before: Tensor | None = None,
) -> Behaviour | None:
    """What a way [rounds, parameters] shows; None where it should go on, unless it is ``final``.

    Where gradients are ``noisy``, turns and radii of a walk mean nothing: only a radius that falls, or grows, twenty
    times decides. Where rules are ``adaptive`` they go on to change, and may burst out of a rest: they are judged at
    the end, where all turns agree and the radius has halved or doubled, or where the last quarter of the way lies
    within `ARRIVED` of its beginning. ``before`` is the way that they were given to forget.

    A rate of approach is that of the way to where play arrives, not of what it does there.
    """
    played, finite = len(way) - 1, within_numbers(way)
    if not finite.any():
        why = f"it begins beyond {HUGE:g}, where squares of numbers are none"
        return Behaviour("undecided", played=played, centre=known, why=why)
    middle = way[finite].mean(0) if centre is None else centre
    radius = (way[finite] - middle).double().norm(dim=1)
    whole = radius if before is None else torch.cat([(before - middle).double().norm(dim=1), radius])
    first, last = float(radius[0]), float(radius[-1])
    scale, rate = max(first, float(whole[0])), _rate(radius)
    told = {"played": played, "centre": known}
    if not finite.all() or (centre is not None and last > GONE * max(scale, 1e-12)):
        turning = winding_of(way[finite], middle) if finite.sum() >= 4 and not noisy else None
        out = turning is not None and turning.turns >= 1
        return Behaviour("spirals out" if out else "leaves", max(rate, 1.0), _length(turning), **told)
    seen = winding_of(way, middle)
    told["turns"] = seen.turns
    if noisy:
        if centre is not None and last < NOISY_IN * first:
            return Behaviour("closes in", _rate_of_approach(radius, NOISY_IN * first), **told)
        if centre is not None and last > FAR_OUT * first > 0:
            return Behaviour("leaves", max(rate, 1.0), **told)
        return Behaviour("undecided", why="gradient noise hides it", **told) if final else None
    if adaptive and not final:
        return None
    if _to_and_fro(way, radius, scale):
        return Behaviour("goes round", 1.0, 2.0, **told)
    if centre is not None and last > STILL * scale and (beside := _rest_beside(way, first, told)):
        return beside
    if centre is not None and _has_arrived(way, radius, scale, adaptive):
        return Behaviour("closes in", _rate_of_approach(whole, ARRIVED * scale), _length(seen), **told)
    enough = seen.turns >= (1 if final else ENOUGH) and math.isfinite(seen.length)
    if enough and (found := _by_turns(seen, told, final)):
        if centre is None and found.motion == "closes in" and not _gathers(way, found.rate):
            why = "it turns, and ever less about one middle, which moves"
            return Behaviour("undecided", why=why, **told) if final else None
        if not adaptive or found.motion == "goes round" or (_agree(seen) and not 0.5 < seen.shrink < 2):
            return found
        why = f"the radius changes by a factor {found.a_turn:.4g} a turn, and the rules' own steps change besides"
        return Behaviour("undecided", why=why, **told)
    return _at_the_end(seen, radius if centre is not None else None, told, adaptive) if final else None


def _at_the_end(seen: Winding, radius: Tensor | None, told: dict[str, Any], adaptive: bool) -> Behaviour:
    """What is said of a way that no turns decided; ``radius`` is the distance from a centre, where there is one."""
    if seen.turns >= 1:
        why = f"the radius changes by {seen.rate:+.2g} (log) a turn, with an error of {seen.error:.2g}"
        if not math.isfinite(seen.length):
            why = f"it turned back and forth in {told['played']} rounds"
        return Behaviour("undecided", why=why, **told)
    if radius is not None:
        first, last, rate = float(radius[0]), float(radius[-1]), _rate(radius)
        if rate < 1 and last < 0.5 * first and steadily_falls(radius) and (adaptive or _falls_to_the_end(radius)):
            return Behaviour("closes in", rate, slowing=_slows(radius.log().neg()), **told)
        if rate > 1 and last > 2 * first and steadily_falls(radius.flip(0)):
            if last > FAR_OUT * first or not _slows(radius.log()):
                return Behaviour("leaves", rate, **told)
            why = f"its distance grew {last / first:.3g} times, and ever more slowly"
            return Behaviour("undecided", why=why, **told)
        if first > 0 and (late := float(radius[-LATEST:].max())) <= CLOSE * first:
            why = f"its distance fell to {late / first:.1g} of what it was, and no further"
            return Behaviour("undecided", why=why, **told)
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


def _has_arrived(way: Tensor, radius: Tensor, scale: float, adaptive: bool) -> bool:
    """Whether play stays at the centre and there still closes in, or rests: a cycle about it, however small, does not.

    What rules that adapt do there changes too often to be asked.
    """
    if adaptive:
        return bool(radius[3 * len(radius) // 4 :].max() <= ARRIVED * scale)
    tail = _tail(radius)
    if float(tail.max()) > ARRIVED * scale:
        return False
    rests = float((way[-len(tail) :] - way[-1]).double().norm(dim=1).max()) <= STILL * scale
    half = len(tail) // 2
    return rests or float(tail[half:].max()) <= NEARER * float(tail[:half].max()) or steadily_falls(tail)


def _tail(radius: Tensor) -> Tensor:
    """The last eighth."""
    return radius[-max(2, len(radius) // 8) :]


def _to_and_fro(way: Tensor, radius: Tensor, scale: float) -> bool:
    """Whether the last quarter of a way is two points in turn, on both sides, as under a multiplier of −1.

    Points nearer to each other than play that rests may come are one.
    """
    last = 3 * len(way) // 4
    tail = radius[last:]
    if len(tail) < 40:
        return False
    moved, back = (float((way[last + k :] - way[last:-k]).norm(dim=1).max()) for k in (1, 2))
    earlier, later = (float(part.max()) for part in tail.chunk(2))
    steady = abs(earlier - later) <= LEVEL * float(tail.max())
    return STILL * scale < moved and back <= 1e-3 * moved and moved >= float(tail.max()) and steady


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


def _gathers(way: Tensor, rate: float) -> bool:
    """Whether the last third of a way spreads less about its own middle than the first, by half of what a rate says."""
    first, _, last = (float((part - part.mean(0)).double().norm(dim=1).max()) for part in way.tensor_split(3))
    return last <= first * rate ** (len(way) / 3)


def _agree(seen: Winding) -> bool:
    """Whether all turns say the same, and what they say is what the radius did."""
    signs = {math.copysign(1.0, rate) for rate in seen.rates}
    return signs == {math.copysign(1.0, seen.shrink - 1)}


def _rate(radius: Tensor) -> float:
    """The factor a round over the later half of the way."""
    half = (len(radius) - 1) // 2
    span = len(radius) - 1 - half
    if span < 1 or float(radius[half]) <= 0 or float(radius[-1]) == 0:
        return 0.0 if float(radius[-1]) == 0 else 1.0
    return max(float(radius[-1] / radius[half]), 1e-300) ** (1 / span)


def _rate_of_approach(radius: Tensor, level: float) -> float:
    """The factor a round over the later half of the way to the first radius within ``level``."""
    return min(_rate(radius[: int((radius <= level).nonzero()[0]) + 1]), 1.0)


def steadily_falls(radius: Tensor) -> bool:
    """Whether the radius falls over every tenth of the way."""
    parts = radius[torch.linspace(0, len(radius) - 1, 11).long()]
    return bool((parts.diff() < 0).all())


def _falls_to_the_end(radius: Tensor) -> bool:
    """Whether the largest radius of a few rounds falls to the last, by steps that are small beside what is left.

    Else play has come to step across the centre, or is about to, as it does at a kink: the last radius tells no more
    than on which side it was stopped.
    """
    latest = radius[-3 * LATEST :]
    if len(latest) < 3 * LATEST:
        return True
    most = latest.view(3, LATEST).max(1).values
    small = float(latest[-LATEST - 1 :].diff().abs().max()) <= float(latest[-LATEST:].min()) / 2
    return small and bool((most.diff() < -1e-9 * most[:-1]).all())


def _slows(gone: Tensor) -> bool:
    """Whether minus the logarithm of a falling distance gains less in each third of what was played."""
    if len(gone) < 4:
        return False
    at = torch.linspace(0, len(gone) - 1, 4).round().long()
    pace = gone[at].diff() / at.diff()
    return bool(pace[0] > pace[1] > pace[2] > 0) and float(pace[2]) < SLOWER * float(pace[0])


def _length(seen: Winding | None) -> float:
    return seen.length if seen is not None and seen.turns >= 1 and not math.isnan(seen.length) else math.inf
