"""Averages whose width is chosen when training is over."""

from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge, Le
from torch import Tensor

from nashpath.core import FunctionalGame, Hyperparameters, Point, Tree
from nashpath.core.arguments import SWEPT
from nashpath.core.typed import tensordot
from nashpath.solvers.averaged import WeightAveraging
from nashpath.solvers.base import Memory, Solver

Width = Annotated[float, Ge(0.02), Le(0.25), SWEPT]
"""The standard deviation of an average's weights over steps, as a share of all steps."""

TRACKED = (0.025, 0.05, 0.1, 0.15, 0.25)
"""Widths of the averages that are kept."""


class PostHocEMA(WeightAveraging):
    """Post-hoc EMA: averages by power functions of the step, of any width after training.

    ::

        a_n = Σ_k w_k θ_k,   w_k ∝ k^γ (k ≤ n),   γ such that the weights have the deviation width · n

    The weights of a power average stretch with the run, so that its width is a share of it, and the start is forgotten.
    Five of widths .025 to .25 are kept, by ``a ← a + (1 − (1 − 1/n)^(γ+1)) (θ − a)``; that of another width is the
    linear combination of the five whose weights are the nearest to its own (least squares; for widths from .02 to .25
    the difference is at most 3.5 % of their norm). ``width`` is what is sampled in training and after it;
    ``nash.load(run, width=…)`` and ``nashpath sample RUN --width`` take another. It costs the memory of five averages.
    Running statistics are combined alike, variances held between the least and the largest of the five.

    The authors keep two widths at many steps, which also gives the averages of earlier steps; here it is the last
    step's.

    Raises `ValueError` for a player that the game does not have.

    Reference: Karras et al. 2024 (Analyzing and Improving the Training Dynamics of Diffusion Models), Sec. 3.1 and 3.2,
    Algorithms 2 and 3; NVlabs/edm2 ``training/phema.py``.
    """

    def __init__(self, solver: Solver, width: Width = 0.1, player: str = "generator"):
        super().__init__(solver, player, width=width)
        self.powers = Hyperparameters(exponents=torch.tensor([exponent_of(w) for w in TRACKED]))

    def share(self, count: Tensor) -> Tensor:
        return shares_of(count, self.powers.exponents)

    def init(self, problem: FunctionalGame, point: Point) -> Memory:
        begun = super().init(problem, point)
        tracked = {what: _repeated(begun[what]) for what in ("average", "statistics")}
        return {**begun, **tracked}

    def _nearer(self, average: Tree, present: Tree, share: Tensor) -> Tree:
        """Each of the tracked averages, [5, …], moved towards the present values by its share."""
        return {k: v + share.reshape(-1, *[1] * present[k].dim()) * (present[k] - v) for k, v in average.items()}

    def at_width(self, width: float) -> None:
        self.numbers = Hyperparameters(width=_checked(width)).to(self.numbers.width.device)
        if isinstance(self.solver, PostHocEMA):  # the average of another player
            self.solver.at_width(width)

    def averages(self, memory: Memory) -> dict[str, Tree]:
        return {**super().averages(memory), self.player: self._combined(memory["average"])}

    def statistics(self, memory: Memory) -> Tree:
        combined = self._combined(memory["statistics"])
        held = {k: torch.clamp(v, *memory["statistics"][k].aminmax(dim=0)) for k, v in combined.items()}
        return {**super().statistics(memory), **held}

    def _combined(self, tracked: Tree) -> Tree:
        weights = coefficients(float(self.numbers.width))
        return {k: tensordot(torch.tensor(weights).to(v), v) for k, v in tracked.items()}


def _repeated(tree: Tree) -> Tree:
    return {k: torch.stack([v] * len(TRACKED)) for k, v in tree.items()}


def shares_of(count: Tensor, exponents: Tensor) -> Tensor:
    """``1 − (1 − 1/n)^(γ+1)`` for each γ: how much of the n-th iterate is taken; without rounding where n is large."""
    return -torch.expm1((exponents + 1) * torch.log1p(-1 / count))


def _checked(width: float) -> float:
    if not 0.02 <= width <= 0.25:
        raise ValueError(f"width is {width}; it must be from 0.02 to 0.25 of the run")
    return width


def exponent_of(width: float) -> float:
    """γ of the power average of a width: the real root of ``(γ + 2)² (γ + 3) = (γ + 1) / width²``."""
    share = width**-2
    return float(np.roots([1.0, 7.0, 16.0 - share, 12.0 - share]).real.max())


def coefficients(width: float) -> list[float]:
    """How much of each tracked average is in that of a width, by least squares over weights; they add up to 1.

    The inner product of two power functions over [0, 1] is ``(γ + 1)(γ' + 1) / (γ + γ' + 1)``.
    """
    powers = np.array([exponent_of(w) for w in TRACKED])
    wanted = exponent_of(width)
    products = (powers[:, None] + 1) * (powers + 1) / (powers[:, None] + powers + 1)
    towards = (powers + 1) * (wanted + 1) / (powers + wanted + 1)
    found = np.linalg.solve(products, towards)
    return (found / found.sum()).tolist()
