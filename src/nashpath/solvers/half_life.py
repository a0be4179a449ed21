"""The average that forgets half in a given number of steps."""

import math

import torch
from torch import Tensor

from nashpath.core import NonNegative
from nashpath.solvers.averaged import WeightAveraging
from nashpath.solvers.base import Solver


class HalfLife(WeightAveraging):
    """Exponential moving average of the generator by its half-life, a number that may grow through training.

    ::

        a ← d a + (1 − d) θ_G,   d = ½^(1 / half_life),   a₀ = θ_G

    With ``half_life`` 0 it is θ_G itself. R3GAN has one of 5 million images on CIFAR-10 (of 512: 9,766 steps), which it
    reaches from 0 along half a cosine: ``anneal.average.half_life=9766``. It counts steps, not images: weights of 32
    bits keep no move of less than 3e-8 of their size, so with a half-life of 10 million steps they hardly move.

    Reference: Karras et al. 2020 (arXiv 1912.04958), StyleGAN2's ``G_smoothing_kimg``; Huang et al. 2024,
    brownvc/R3GAN ``training/training_loop.py``.
    """

    def __init__(self, solver: Solver, half_life: NonNegative = 1000.0, player: str = "generator"):
        super().__init__(solver, player, half_life=half_life)

    def share(self, count: Tensor) -> Tensor:
        return -torch.expm1(-math.log(2) / self.numbers.half_life.clamp(min=1e-8))
