"""Steps of the present rules, relative to the largest that contract."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nashpath.diagnostics import Linearised, RunSummary, sharpness_of, stable_steps
from nashpath.diagnostics.base import flatten
from nashpath.diagnostics.contraction import is_flat
from nashpath.diagnostics.eigenvalues import DENSE, NotConvergedError
from nashpath.diagnostics.probing import STEADY
from nashpath.diagnostics.stable_step import (
    CERTAIN,
    NEUTRAL,
    first_stretch,
    is_settled,
    repulsion,
    spectral_radii,
    stretch_around,
)
from nashpath.run.assess.bounds import excluded, touched
from nashpath.run.assess.diagnose_point import Arrays, as_pairs
from nashpath.run.assess.moments import unmet
from nashpath.run.engine.linear_play import LinearPlay, linear_part
from nashpath.run.engine.step import Trial
from nashpath.solvers import Alternating, Extragradient, Simultaneous, Solver

COMPARED: tuple[type[Solver], ...] = (Simultaneous, Alternating, Extragradient)
"""Solvers whose largest stable steps are reported in addition to the present one's."""


def compare_steps(
    trial: Trial, memory: Any, near: Linearised, summary: RunSummary, centre: Linearised | None
) -> Arrays:
    """Fills in rates, sharpness and, for small games near a stationary point, margins there (``centre``).

    Returns the spectrum, then in units of the learning rates, and the multipliers of one round of each solver.
    """
    known = summary.evidence.spectrum
    plain = {} if known is None else {"spectrum": as_pairs(np.asarray(known))}
    solver, inner = trial.solver.unwrapped(memory)
    rules = {who: (solver.rule(who), solver.rule_memory(inner, who)) for who in near.sizes}
    summary.rates = {who: float(rule.rate(kept)) for who, (rule, kept) in rules.items()}
    summary.adaptive = [who for who, (rule, _) in rules.items() if rule.adaptive]
    if not (summary.evidence.bends and (centre is None or centre.bends())):
        there = "here" if not summary.evidence.bends else "at the stationary point"
        summary.unknown = f"the curvature is not finite {there}"
        return plain
    try:
        play = LinearPlay(trial.solver, memory, near.point.players)
        empty = unmet(solver, inner, near)
        summary.sharpness = _sharpness(play, solver, inner, near, summary.evidence.pressed, empty)
        if any(bool(which.all()) for which in empty.values()):
            summary.unknown = _no_moments(empty)
            return plain
        if not all(summary.rates.values()):
            return plain
        if near.size > (DENSE if play.plain else DENSE // 4):
            if summary.evidence.stationary:
                summary.unknown = f"a game of {near.size:,} parameters is too large for the multipliers of a round"
            return plain
        summary.unknown = _why_unknown(trial.solver, play, centre, summary) or _no_moments(empty)
        if summary.unknown or centre is None:
            return plain
        found = _margins(play, centre, summary)
        gaining = [who for who, own in summary.evidence.players.items() if own.flat and own.move]
        if gaining and summary.evidence.stationary:
            _give_up(summary, f"the {gaining[0]} gains along a flat direction, of which no linear map tells")
        return found
    except ValueError as error:
        summary.unknown = str(error)
        return plain


def _why_unknown(solver: Solver, play: LinearPlay, centre: Linearised | None, summary: RunSummary) -> str:
    """Why no linear map around the stationary point tells which steps are stable; nothing where one does."""
    if summary.evidence.bounded:
        return f"the {' and the '.join(summary.evidence.bounded)} is held by its bound, where a round is no linear map"
    if centre is None:
        return "there is no stationary point near, to which they would belong"
    if outside := excluded(solver, centre, centre.vector):
        return f"the stationary point near lies outside of the {' and the '.join(outside)}'s bound"
    if at_bound := touched(solver, centre):
        return f"the stationary point lies at the {' and the '.join(at_bound)}'s bound, where a round is no linear map"
    if centre.has_kink():
        return "the field has a kink at the stationary point, so that no linear map says what is around it"
    if is_flat(centre.plain_matrix):
        return "no eigenvalue of the Jacobian there differs from 0, so that higher orders decide"
    if summary.evidence.noisy:
        return _noise(play, centre, summary)
    # what is flat at a point at rest was probed there; of one that Newton's method found it is known by J alone
    if not is_settled(centre, NEUTRAL if summary.evidence.stationary else CERTAIN):
        return "the curvature still changes on the rest of the way to the stationary point, where higher orders decide"
    return ""


def _no_moments(empty: Mapping[str, Tensor]) -> str:
    """Why the present steps of weights that met no gradient say nothing of those that play takes."""
    told = [
        f"the {who}" if bool(which.all()) else f"{int(which.sum()):,} of the {who}'s {len(which):,} weights"
        for who, which in empty.items()
    ]
    return (
        f"{' and '.join(told)} met no gradient so far, and a rate over epsilon is no step that play takes"
        if told
        else ""
    )


def reconcile_steps(summary: RunSummary) -> None:
    """Takes back the margins of a point at rest which play leaves at steps that they call stable."""
    present = next(iter(summary.margins or {}), "")
    leaves = summary.play.motion in ("leaves", "spirals out") and summary.evidence.stationary
    if leaves and summary.margins and summary.margins[present] > 1:
        _give_up(summary, "play leaves the point, though by no multiplier that is told apart from 1")


def _give_up(summary: RunSummary, why: str) -> None:
    """Takes back margins that call some step stable, for a reason."""
    if any((summary.margins or {}).values()):
        summary.margins, summary.windows, summary.unknown = None, {}, why


def _noise(play: LinearPlay, near: Linearised, summary: RunSummary) -> str:
    """Why the mean curvature says nothing of steps: it is not told from 0, or halves of the batches differ by a third.

    Nothing where it does.
    """
    found: list[float] = []
    for half in near.halves():
        scaled = Linearised(half.problem, half.point, half.batches, half.draws, summary.rates)
        found += stable_steps(scaled, {play.kind.label(): play}).values()
    hidden = None in [own.gains for own in summary.evidence.players.values()]
    if not found or (not hidden and max(found) <= (1 + STEADY) * min(found)):
        return ""
    told = " and ".join("none" if value == 0 else "any" if math.isinf(value) else f"{value:.3g}" for value in found)
    return f"the curvature differs from batch to batch: by each half of {near.draws} batches the multiples are {told}"


def _margins(play: LinearPlay, near: Linearised, summary: RunSummary) -> Arrays:
    """The largest stable steps of the present play and of others with the same rules, from the full Jacobian.

    A solver whose round is no linear map is left out, and said.
    """
    plays = {play.kind.label(): play} | {kind.label(): play.alike(kind) for kind in COMPARED if kind is not play.kind}
    scaled = Linearised(near.problem, near.point, near.batches, near.draws, summary.rates)
    matrix, rounds = near.plain_matrix, {}
    spectrum = np.linalg.eigvals(scaled.matrix).astype(complex)
    largest, repels = float(np.abs(spectrum).max()), repulsion(scaled, spectrum)
    summary.margins = {}
    for name, each in plays.items():
        try:
            summary.margins |= stable_steps(scaled, {name: each})
            rounds[f"rounds.{name}"] = np.linalg.eigvals(each.matrix(matrix, near.sizes))
            if summary.margins[name] < 1 and (around := _around(each, near, largest, repels)):
                summary.windows[name] = around
        except ValueError as error:
            summary.unknown = str(error)
    return {k: as_pairs(v) for k, v in {"spectrum": spectrum, **rounds}.items()}


def _around(play: LinearPlay, near: Linearised, largest: float, repels: float) -> tuple[float, float] | None:
    """The multiples of the present rates around 1 at which play contracts, though smaller ones repel."""
    return stretch_around(
        lambda hs: spectral_radii(play.matrices(near.plain_matrix, near.sizes, hs)), largest, repels=repels
    )


def _sharpness(
    play: LinearPlay,
    solver: Solver,
    memory: Any,
    near: Linearised,
    pressed: np.ndarray | None,
    empty: Mapping[str, Tensor],
) -> dict[str, float]:
    """Each player's curvature times step, over the largest at which its play contracts; nothing where not known.

    Weights that are ``pressed`` against a bound make no steps, and those of ``empty`` moments none that are known: the
    others' curvature is at most that of all. Of a player with no others nothing is said.
    """
    steps, limits = {}, {}
    for who in near.sizes:
        part, own = linear_part(solver, memory, who), near.vector[near.block(who)]
        if part is None or play.rates[who] == 0 or solver.preconditioner:
            return {}
        flat = torch.ones_like(own) if part.scale is None else flatten(part.scale).to(own)
        steps[who] = play.rates[who] * float(part.gain) * flat
        if pressed is not None:
            steps[who] = steps[who] * torch.from_numpy(~pressed[near.block(who)]).to(own)
        if who in empty:
            steps[who] = steps[who] * (~empty[who]).to(own)
        limits[who] = largest_curvature(play, who, near.sizes)
        if not 0 < limits[who] < float("inf"):
            return {}
    try:
        found = sharpness_of(near, steps)
        return {who: found[who] / limits[who] for who in found if who not in empty or not bool(empty[who].all())}
    except NotConvergedError:
        return {}


def largest_curvature(play: LinearPlay, player: str, players: Any) -> float:
    """The largest curvature times learning rate at which play contracts where this player is alone and nothing turns.

    2 for plain descent, 1 for extragradient, ``2 (1 + β)`` with heavy ball momentum.
    """
    alone, sizes = play.unit().unscaled(), dict.fromkeys(players, 1)
    jacobian = np.diag([float(who == player) for who in players])
    return first_stretch(lambda hs: spectral_radii(alone.matrices(jacobian, sizes, hs)), 1.0)
