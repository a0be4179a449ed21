"""What a point is, whatever is played there: a local Nash or minimax equilibrium, none, or not stationary at all."""

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import grad

from nashpath.core import Batch, Count, FunctionalGame, Point, pick
from nashpath.diagnostics.answered import answered_cost
from nashpath.diagnostics.base import Diagnostic, Readings, flatten
from nashpath.diagnostics.base import field as field_of
from nashpath.diagnostics.eigenvalues import DENSE, hessian_ends, leading, most_negative
from nashpath.diagnostics.evidence import TOLERANCE, Held, PlayerEvidence, PointEvidence
from nashpath.diagnostics.linearised import FORMED, Linearised
from nashpath.diagnostics.probing import ROUNDING, Directions, falls_beside, gain_along
from nashpath.diagnostics.pulls import kinks
from nashpath.diagnostics.restricted import Restricted

FEWEST = 16
"""Fewer batches that differ never say that a player is pulled away: the error over four is itself unknown."""
MISSED, FARTHER = 3.0, 10.0
"""Batches of one kind, in as many as are drawn, that all may miss in 5 % of cases; and how much farther off than the
farthest seen such a one may be. Of noise that is lognormal (σ = 2) 44 % of points at rest would be called pulled away
without it and after four batches, and 0.7 % so; of normal noise 0.9 %, and none in 1,500."""
LEADING = 10
"""Number of leading eigenvalues that are computed for a large game."""


class Unmet(NamedTuple):
    """What more batches say of the players' own curvatures than those over which the Jacobian was taken."""

    off: Tensor
    """How far, in the mean, they change a player's slope by another amount after a ``move`` of its own, [size]."""
    move: Tensor
    """The moves, [size]."""


class Certificate(Diagnostic):
    """First- and second-order tests of a point, free of learning rates.

    ::

        stationary   ‖(J⁺ξ)_i‖ ≤ 10⁻³ (1 + ‖θ_i‖) for every player i, with its standard error over batches; who is not
                     is pulled where a small move gains as the slope promises, else it is at a kink (`kinks`)
        Nash         no player lowers its own cost by a small move: ∇²_ii J_i > 0, and probed where it is not clear
        minimax      ∇²_DD J_D ≥ 0, and J_GG − J_GD J_DD⁺ J_DG > 0 over what the discriminator cannot punish to first
                     order (the generator leads: Stackelberg; zero-sum games only)
        own cost     where J_G has terms of the discriminator beside −J_D: d/dx and d²/dx² of J_G(x, y*(x)) decide
        strict       ∇²_DD J_D > 0 and J_GG − J_GD J_DD⁻¹ J_DG > 0: minimax by the second order alone

    Tolerances are each player's and each direction's own: a curvature counts as flat below 10⁻⁷ of the player's own
    largest, or where it changes by a third on the way to the stationary point. Flat directions are probed: the cost is
    looked up along them, the player's other directions following (`gain_along`). Beyond 1,500 parameters only whether
    the mean gradient differs from 0 is told. Readings: ``distance.<player>``, ``error.<player>``,
    ``curvature.<player>``, ``residual``, ``scale``, ``smallest_real`` and, where it was asked, ``schur`` and ``strict``
    (1 or 0); `certify` makes a word of them.

    Reference: Jin, Netrapalli & Jordan 2020, "What is Local Optimality in Nonconvex-Nonconcave Minimax Optimization?",
    Props. 5, 6 and 18 to 20; Zhang et al. 2022, "Optimality and Stability in Non-Convex Smooth Games" (the Schur
    complement where J_DD is singular).
    """

    stackable = False
    readings = ("distance", "error", "curvature", "residual", "scale", "smallest_real", "schur", "strict")

    def __init__(self, draws: Count = 4):
        self.draws = draws

    def evidence(self, problem: FunctionalGame, point: Point, batches: Batch) -> PointEvidence:
        """The evidence at a point on `draws` batches, for `certify`."""
        near = Linearised(problem, point, batches, self.draws)
        here, beside = (
            torch.stack([flatten(field_of(problem, where.point, pick(batches, k))) for k in range(self.draws)])
            for where in (near, near.beside())
        )
        return self.look(near, here, beside=beside)

    def __call__(self, problem: FunctionalGame, point: Point, batches: Batch) -> Readings:
        seen = self.evidence(problem, point, batches)
        named: dict[str, float] = {}
        for who, own in seen.players.items():
            named |= {f"error.{who}": own.error, f"curvature.{who}": own.smallest}
            named |= {} if own.distance is None else {f"distance.{who}": own.distance}
        named |= {name: getattr(seen, name) for name in ("residual", "scale", "smallest_real")}
        named |= {} if seen.schur is None else {"schur": seen.schur}
        named |= {} if seen.strict is None else {"strict": float(seen.strict)}
        return {name: torch.tensor(value) for name, value in named.items()}

    def look(
        self,
        near: Linearised,
        fields: Tensor,
        spectrum: bool = True,
        beside: Tensor | None = None,
        held: Held | None = None,
        batches: Batch | None = None,
        unmet: Unmet | None = None,
    ) -> PointEvidence:
        """The local evidence, for `certify`, from the linearised game and the field on each batch, [batches, size].

        ``beside`` is the field on each batch at ``near.beside()``: where that differs, so does the curvature. Without
        ``spectrum`` the eigenvalues of a large game are left out. Players that are ``held`` by a constraint stay where
        they are in Newton's step, and whether they rest is not asked. Weights that a bound holds against their slope
        are at rest; what is asked is asked of the others. Whether a slope is a pull is asked on the ``batches`` of the
        field, or those of ``near``; what those say of curvatures beside (``unmet``) must confirm them to a third.
        """
        if not bool(torch.isfinite(fields).all()):
            return PointEvidence(finite=False)
        seen = PointEvidence(batches=len(fields), curved=near.draws)
        held, whole = held or Held([], torch.zeros(near.size, dtype=torch.bool), []), near
        seen.held, seen.players = list(held.players), {who: _pressed(near, who, held.weights) for who in near.sizes}
        if bool(held.weights.any()):
            near, fields = Restricted(whole, ~held.weights), fields[:, ~held.weights]
            beside = None if beside is None else beside[:, ~held.weights]
            seen.pressed = held.weights.cpu().numpy()
            unmet = unmet and Unmet(*(part[~held.weights] for part in unmet))
        if near.size:
            self._ask(near, fields, spectrum, beside, seen, unmet)
            _within_bounds(near, seen, held)
            seen.kinks = kinks(near, seen, batches) if seen.bends and seen.stationary is False else []
        return seen

    def _ask(
        self,
        near: Linearised,
        fields: Tensor,
        spectrum: bool,
        beside: Tensor | None,
        seen: PointEvidence,
        unmet: Unmet | None,
    ) -> None:
        """Fills in what is known of the weights that no bound holds."""
        rows = fields.detach().double().cpu().numpy()
        seen.noisy = differ(fields) or (beside is not None and differ(beside))
        small = near.size <= FORMED
        seen.bends = near.bends() if small or spectrum else True
        steps = self._steps(near, rows, seen) if small and seen.bends else None
        for who in near.sizes:
            _ask_rest(near, who, rows, steps, seen.players[who])
        if not seen.bends:
            return
        if steps is not None:
            _ask_players(near, seen, steps.mean(0), unmet)
        if small or spectrum:
            _ask_spectrum(near, seen)

    def _steps(self, near: Linearised, rows: NDArray[Any], seen: PointEvidence) -> NDArray[Any]:
        """Newton's step for the field of each batch, [batches, size], with the mean Jacobian; 0 of players held."""
        free = np.ones(near.size, dtype=bool)
        for who in seen.held:
            free[near.block(who)] = False
        jacobian, rows, whole = near.plain_matrix[np.ix_(free, free)], rows[:, free], np.zeros_like(rows)
        if not free.any():
            return whole
        mean = rows.mean(0)
        steps = solve(jacobian, rows.T).T
        norm = np.linalg.norm(mean)
        seen.residual = float(np.linalg.norm(mean - jacobian @ steps.mean(0)) / norm) if norm > 0 else 0.0
        floor = 1e-10 * float(np.abs(jacobian).max()) * (1 + float(near.vector.norm()))
        if seen.residual > 0.1 and norm > floor:  # no step makes the field vanish, so the part left over is far away
            missing = rows - steps @ jacobian.T
            steps = steps + missing * max(1.0, 1.0 / float(np.linalg.norm(missing.mean(0))))
        whole[:, free] = steps
        return whole


def doubt_flats(near: Linearised, seen: PointEvidence) -> None:
    """Where play leaves: who gained by no probe of a flat direction is asked to descend alone from beside the point."""
    for who, own in seen.players.items():
        if who in near.sizes and seen.stationary and own.flat and own.gains is False and not own.bound:
            own.beyond = falls_beside(near, who)
            own.gains = None if own.beyond else False


def differ(fields: Tensor) -> bool:
    """Whether rows, one a batch, differ by more than rounding; of rows that are not finite nothing is said."""
    rows = fields.detach()
    return bool((rows.amax(0) - rows.amin(0)).max() > 1e-9 * rows.abs().max())


def solve(jacobian: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
    """``J⁺ v`` for one v, [size], or several, [size, n].

    Every parameter is in units of its own curvature: a stiff player hides no soft one.
    """
    size = np.maximum(np.abs(jacobian).max(0), np.abs(jacobian).max(1))
    unit = 1 / np.sqrt(np.where(size > 0, size, 1.0))
    scaled = unit[:, None] * jacobian * unit[None, :]
    return (unit * (np.linalg.pinv(scaled, rcond=1e-10) @ (unit * rows.T).T).T).T


def _pressed(near: Linearised, who: str, weights: Tensor) -> PlayerEvidence:
    """What is known of a player at once: it rests as far as a bound holds its ``weights``, a mask [size]."""
    where = near.block(who)
    count, allowed = int(weights[where].sum()), TOLERANCE * (1 + float(near.vector[where].norm()))
    rest, many = 0.0 if count else None, len(near.vector[where])
    return PlayerEvidence(distance=rest, allowed=allowed, signal=0.0, weights=many, bound=count)


def _ask_rest(near: Linearised, who: str, rows: NDArray[Any], steps: NDArray[Any] | None, seen: PlayerEvidence) -> None:
    """Fills in how far a player is from rest."""
    where = near.block(who)
    own, count = rows[:, where], len(rows)
    seen.slope, seen.signal, seen.distance = float(np.linalg.norm(own.mean(0))), _signal(own), None
    if steps is not None:
        step = steps[:, where]
        seen.distance = float(np.linalg.norm(step.mean(0)))
        seen.error = float(np.sqrt(step.var(0, ddof=1).sum() / count)) if count > 1 else 0.0
        seen.unseen = MISSED * FARTHER / count * float(np.linalg.norm(step - step.mean(0), axis=1).max())
    if count < FEWEST and differ(torch.from_numpy(own)):
        seen.unseen = math.inf
    if steps is None and not rows.any():  # whatever the curvature: the whole field vanishes
        seen.distance = 0.0


def _within_bounds(near: Linearised, seen: PointEvidence, held: Held) -> None:
    """What bounds make of gains: a discriminator that they hold whole does not answer, and others may be forbidden."""
    generator = seen.players.get("generator")
    if generator is not None and set(near.sizes) == {"generator"} and len(seen.players) > 1:
        seen.answered = generator.gains
    for who in held.beside:
        if seen.players[who].gains:
            seen.players[who].gains = None
        if who == "generator" and seen.answered:
            seen.answered = None


def _signal(rows: NDArray[Any]) -> float:
    """``‖μ‖²`` by products of different batches, unbiased, in standard errors of that estimate (by leaving one out)."""
    count, total = len(rows), rows.sum(0)
    squares = (rows**2).sum(1)
    if count < 3 or not differ(torch.from_numpy(rows)):
        return float("inf") if np.abs(rows).max() > 0 else 0.0

    def estimate(sums: NDArray[Any], of_squares: Any, n: int) -> Any:
        return ((sums**2).sum(-1) - of_squares) / (n * (n - 1))

    whole = float(estimate(total, squares.sum(), count))
    left_out = estimate(total - rows, squares.sum() - squares, count - 1)
    error = float(np.sqrt((count - 1) / count * ((left_out - left_out.mean()) ** 2).sum()))
    return whole / error if error > 0 else float("inf")


def _ask_players(near: Linearised, seen: PointEvidence, mean: NDArray[Any], unmet: Unmet | None) -> None:
    """Fills in each player's own curvature and gain, and the generator's once the discriminator answers.

    ``mean`` is Newton's step, [size].
    """
    target = None if seen.stationary is False else near.at(torch.from_numpy(-mean).to(near.vector))
    hessians = {who: near.own_hessian(who) for who in near.sizes}
    rest = {who: target.own_hessian(who) for who in near.sizes} if target else hessians
    batches = near.alone() if seen.noisy and target else []
    for who in near.sizes:
        own = seen.players[who]
        ways = Directions.of(hessians[who], [rest[who]], [one.own_hessian(who) for one in batches])
        if unmet is not None:
            ways = ways.confirmed(*(part[near.block(who)].double().cpu().numpy() for part in unmet))
        own.smallest, own.largest = float(ways.values.min()), float(ways.values.max())
        own.flat = int((ways.signs == 0).sum())
        if target is not None:
            reach = _reach(near, own, who, mean)
            found = math.nan if own.flat and seen.noisy else gain_along(target, who, ways, reach)
            own.move, own.gains = (0.0, None) if math.isnan(found) else (found, found > 0)
            own.gains = True if (ways.signs < 0).any() else own.gains
    if set(near.sizes) == {"discriminator", "generator"}:
        reach = _reach(near, seen.players["generator"], "generator", mean)
        _ask_leader(near, seen, hessians, target, reach)


def _reach(near: Linearised, own: PlayerEvidence, who: str, mean: NDArray[Any]) -> float:
    """The smallest radius at which a cost is looked up: far beyond what is left of the way to the stationary point."""
    return max(own.allowed, 30 * float(np.linalg.norm(mean[near.block(who)])))


def _ask_leader(
    near: Linearised, seen: PointEvidence, hessians: dict[str, NDArray[Any]], target: Linearised | None, reach: float
) -> None:
    """The Schur complement over the directions in which the discriminator cannot punish to first order."""
    d, g = near.block("discriminator"), near.block("generator")
    j = near.plain_matrix
    cross = max(np.abs(j[g, d]).max(initial=0), np.abs(j[d, g]).max(initial=0))
    seen.zero_sum = bool(np.abs(j[g, d] + j[d, g].T).max(initial=0) <= 1e-6 * cross)
    seen.shared = _is_shared(near)
    level = _split(hessians["discriminator"])[1]
    if not seen.shared:
        _ask_own_cost(near if target is None else target, seen, target is not None and not level.shape[1], reach)
        return
    free = _null(level.T @ j[d, g])
    if not free.shape[1]:
        seen.answered = seen.strict = False
        return
    schur = free.T @ _answered(near) @ free
    others = [] if target is None else [free.T @ _answered(target) @ free]
    ways = Directions.of(schur, others)
    seen.schur = float(ways.values.min())
    answering = seen.players["discriminator"]
    bent = answering.smallest > 0 and not answering.flat
    seen.strict = seen.zero_sum and bent and bool((ways.signs > 0).all())
    if seen.noisy or target is None:
        return
    unclear = bool((ways.signs == 0).any())
    if not (ways.signs < 0).any() and unclear:
        lifted = Directions(ways.values, free @ ways.vectors, ways.signs)
        strict = not level.shape[1]
        found = gain_along(target, "generator", lifted, reach, "discriminator") if strict else math.nan
        seen.answered = None if math.isnan(found) else found > 0
    else:
        seen.answered = bool((ways.signs < 0).any())


def _ask_own_cost(near: Linearised, seen: PointEvidence, asked: bool, reach: float) -> None:
    """Whether the generator gains by its own cost along the discriminator's answers, in a game that is not zero-sum.

    A slope there is a gain where its Newton step is longer than what counts as rest. Where the curvature is 0 the cost
    itself is looked up from ``reach`` on: where it falls that is a gain. Nothing is said where the game is not
    ``asked``, is large or noisy, or a discriminator's flat directions leave its answer open.
    """
    seen.strict = False
    if not asked or seen.noisy or near.size > DENSE:
        return
    slope, bend = answered_cost(near)
    ways = Directions.of(bend, [])
    seen.schur, seen.led = float(ways.values.min()), float(np.linalg.norm(slope))
    rounding = ROUNDING * float(np.abs(near.plain_matrix).max())
    pulled = seen.led > rounding + seen.players["generator"].allowed * float(np.abs(ways.values).max())
    if pulled or (ways.signs < 0).any():
        seen.answered = True
    elif (ways.signs > 0).all():
        seen.answered = False
    elif gain_along(near, "generator", ways, reach, "discriminator") > 0:
        seen.answered = True


def _is_shared(near: Linearised) -> bool:
    """Whether ``J_G + J_D`` has no slope in the discriminator's parameters, here and around."""
    where, rng = near.block("discriminator"), torch.Generator().manual_seed(0)
    for share in (0.0, 0.1, -0.1):
        there = near.vector + share * (1 + near.vector.norm()) * torch.randn(near.size, generator=rng).to(near.vector)
        slopes = [grad(partial(near.cost, who))(there)[where] for who in ("generator", "discriminator")]
        if float((slopes[0] + slopes[1]).norm()) > 1e-6 * sum(float(slope.norm()) for slope in slopes):
            return False
    return True


def _split(hessian: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """``H⁺`` over its directions of positive curvature, and the other directions, as columns."""
    values, vectors = np.linalg.eigh(hessian)
    bent = values > ROUNDING * max(float(np.abs(values).max()), 1e-300)
    return (vectors[:, bent] / values[bent]) @ vectors[:, bent].T, vectors[:, ~bent]


def _answered(near: Linearised) -> NDArray[Any]:
    """``J_GG − J_GD J_DD⁺ J_DG``, symmetric."""
    d, g, j = near.block("discriminator"), near.block("generator"), near.plain_matrix
    found = j[g, g] - j[g, d] @ _split(near.own_hessian("discriminator"))[0] @ j[d, g]
    return (found + found.T) / 2


def _null(matrix: NDArray[Any]) -> NDArray[Any]:
    """An orthonormal basis of the null space, as columns."""
    if not matrix.shape[0]:
        return np.eye(matrix.shape[1])
    _, values, rows = np.linalg.svd(matrix)
    rank = int((values > ROUNDING * max(float(values.max(initial=0)), 1e-300)).sum())
    return rows[rank:].T


def _ask_spectrum(near: Linearised, seen: PointEvidence) -> None:
    values = leading(near, near.size if near.size <= DENSE else LEADING)
    seen.leading = complex(values[0])
    seen.scale = abs(seen.leading) or 1.0
    negative = most_negative(near, seen.scale)
    seen.smallest_real = float(negative[0].real)
    seen.spectrum = values if near.size <= DENSE else np.concatenate([values, negative])
    if near.size > FORMED:
        for who in near.sizes:
            own = seen.players[who]
            own.smallest, own.largest = hessian_ends(near, who)
            own.gains = True if own.smallest < -TOLERANCE * own.largest else None
