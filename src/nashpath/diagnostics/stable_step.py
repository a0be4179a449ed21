"""The largest learning rate at which play still contracts, predicted from the game near the point."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from nashpath.core import Batch, Count, Point, Problem
from nashpath.diagnostics.base import Diagnostic, Readings
from nashpath.diagnostics.eigenvalues import DENSE, Array, arpack, leading, most_negative
from nashpath.diagnostics.linearised import Linearised
from nashpath.diagnostics.one_round import alternating_round

NEUTRAL = 1e-5
"""Eigenvalues below this share of the largest one neither attract nor repel: networks have many flat directions."""
GRID = 40
BISECTIONS = 40


class StableStep(Diagnostic):
    """Largest stable learning rate of simultaneous, alternating and extragradient play, from the spectrum.

    ::

        simultaneous    |1 − hλ| < 1 for all λ:   h < min 2 Re λ / |λ|²
        extragradient   |1 − hλ + h²λ²| < 1 for all λ
        alternating     spectral radius of (I − h P_G J)(I − h P_D J) ≤ 1

    with λ the eigenvalues of J (flat directions left out), gradient descent with one rate h for all players. 0 means
    that no positive rate is stable; alternating play on a centre counts as stable while it stays bounded. Readings:
    ``stable_step.<solver>``, scalars, in units of the learning rate.

    Reference: Mescheder et al. 2017, Lemma 4; Azizian et al. 2020 (extragradient's polynomial); Zhang et al. 2022,
    "Near-optimal Local Convergence of Alternating Gradient Descent-Ascent", Sec. 3.
    """

    stackable = False
    readings = ("stable_step",)

    def __init__(self, count: Count = 20, draws: Count = 1):
        self.count, self.draws = count, draws

    def __call__(self, problem: Problem, point: Point, batches: Batch) -> Readings:
        near = Linearised(problem, point, batches, self.draws)
        limits = stable_steps(near, self.count)
        return {f"stable_step.{solver}": torch.tensor(limit) for solver, limit in limits.items()}


def stable_steps(near: Linearised, count: int = 20) -> dict[str, float]:
    """The largest stable factor on the linearised game's rates, by solver."""
    first = leading(near, near.size if near.size <= DENSE else count)
    radius = float(np.abs(first).max())
    if radius == 0:
        return dict.fromkeys(LIMITS, np.inf)
    known = np.concatenate([first, most_negative(near, radius)])
    return {solver: limit(known, near) for solver, limit in LIMITS.items()}


def _acting(eigenvalues: Array) -> Array:
    return eigenvalues[np.abs(eigenvalues) > NEUTRAL * np.abs(eigenvalues).max()]


def simultaneous_limit(eigenvalues: Array) -> float:
    """``min 2 Re λ / |λ|²``, or 0 where some λ does not attract."""
    acting = _acting(eigenvalues)
    limits = 2 * acting.real / np.abs(acting) ** 2
    return float(limits.min()) if (acting.real > NEUTRAL * np.abs(acting)).all() else 0.0


def extragradient_limit(eigenvalues: Array) -> float:
    """The first h > 0 at which some ``|1 − hλ + h²λ²|`` reaches 1, or 0 where some λ repels."""
    acting = _acting(eigenvalues)
    if (acting.real < -NEUTRAL * np.abs(acting)).any():
        return 0.0
    limits = []
    for value in acting:
        size, cosine = abs(value), max(value.real, 0.0) / abs(value)
        # with t = h|λ|: (|1 − z + z²|² − 1)/t = t³ − 2t² cos φ + t(1 + 2 cos 2φ) − 2 cos φ
        roots = np.roots([1, -2 * cosine, 4 * cosine**2 - 1, -2 * cosine])
        real = roots.real[(np.abs(roots.imag) < 1e-9) & (roots.real > 1e-9)]
        limits.append(real.min() / size)
    return float(min(limits))


def alternating_limit(eigenvalues: Array, near: Linearised) -> float:
    """The first h > 0 at which one round of alternating play stretches some direction."""
    radius = _dense_radius(near) if near.size <= DENSE else _sparse_radius(near)
    slack = 1e-7 if near.size <= DENSE else 1e-3
    below = 0.0
    for h in np.geomspace(1e-2, 16, GRID if near.size <= DENSE else GRID // 4) / np.abs(eigenvalues).max():
        if radius(h) > 1 + slack:
            return _bisect(lambda step: radius(step) > 1 + slack, below, float(h)) if below else 0.0
        below = float(h)
    return float("inf")


def _bisect(over: Callable[[float], bool], low: float, high: float) -> float:
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if over(middle) else (middle, high)
        if high - low < 1e-4 * low:
            break
    return low


def _dense_radius(near: Linearised) -> Callable[[float], float]:
    blocks = [near.block(who) for who in near.sizes]

    def radius(h: float) -> float:
        turn = alternating_round(h * near.matrix, blocks)
        return float(np.abs(np.linalg.eigvals(turn)).max())

    return radius


def _sparse_radius(near: Linearised) -> Callable[[float], float]:
    def turn(v: torch.Tensor, h: float) -> torch.Tensor:
        for who in near.sizes:
            moved, where = v.clone(), near.block(who)
            moved[where] -= h * near.product(v)[where]
            v = moved
        return v

    def radius(h: float) -> float:
        options: Any = {"ncv": 12, "maxiter": 8, "tol": 1e-4, "v0": near.start(near.size)}
        found, _ = arpack(lambda v: turn(v, h), near.vector, 2, **options)
        return float(np.abs(found).max()) if len(found) else 1.0  # else: many flat directions at 1, and none beside

    return radius


LIMITS: dict[str, Callable[[Array, Linearised], float]] = {
    "simultaneous": lambda eigenvalues, near: simultaneous_limit(eigenvalues),
    "alternating": alternating_limit,
    "extragradient": lambda eigenvalues, near: extragradient_limit(eigenvalues),
}
"""How each solver's limit follows."""
