"""A GAN on a normal distribution, with exact expectations: its Jacobian at the equilibrium is known."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from nashpath.core import Hyperparameters, NonNegative, Number, Positive
from nashpath.games.toys.base import Truth, ZeroSum, descent

_NODES = 64


class GaussianGAN(ZeroSum):
    """Data N(m, s²), model N(b, a²), critic d(x) = wx + ½ux², expectations without samples; zero-sum, R1 included.

    ::

        generator z ↦ b + a z (``learns=shift``: a = s is given), critic (w, u), r1 = γ

        f = E_p d − E_q d − ½γ E_p (w + ux)²                               wasserstein
        f = −E_p softplus(−d) − E_q softplus(d) − ½γ E_p (w + ux)²         minimax

    E_p d = wm + ½u(m² + s²); the expectations of softplus by Gauss–Hermite quadrature with 64 nodes. At (b, a) =
    (m, s), (w, u) = 0 nobody gains alone: a Nash equilibrium. The matrix of the field (∇_G f, −∇_D f) there is, with
    κ = 1 for wasserstein and ½ for minimax::

        J = [[0, −κM], [κMᵀ, γ R + (1 − κ) S]],   M = [[1, m], [0, s]],   R = [[1, m], [m, m² + s²]],
        S = [[m² + s², ½(m³ + 3ms²)], [½(m³ + 3ms²), ¼(m⁴ + 6m²s² + 3s⁴)]]

    (``learns=shift``: only the first row of M). So the Wasserstein game without R1 only turns, by the singular values
    of M; with R1, or with the minimax objective, descent arrives. By default wasserstein with γ = 1.

    Reference: Mescheder et al. 2018, Sec. 4 (R1, and why); Nagarajan and Kolter 2017, Sec. 3 (the form of J; linear and
    quadratic critics on normal data in Sec. 4).
    """

    defaults = descent(0.1)

    def __init__(
        self,
        loss: Literal["wasserstein", "minimax"] = "wasserstein",
        learns: Literal["shift", "shift_and_scale"] = "shift_and_scale",
        mean: Number = 1.0,
        deviation: Positive = 1.0,
        r1: NonNegative = 1.0,
        shift: Number = 0.0,
        scale: Number = 0.5,
    ):
        both = learns == "shift_and_scale"
        super().__init__([float(shift), float(scale)] if both else [float(shift)], [0.0, 0.0])
        self.loss, self.both = loss, both
        nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
        self.coefficients = Hyperparameters(
            mean=mean,
            deviation=deviation,
            r1=r1,
            nodes=torch.tensor(nodes.tolist()),
            weights=torch.tensor((weights / weights.sum()).tolist()),
        )
        known = (float(mean), float(deviation))
        self.equilibrium = {"generator": known if both else known[:1], "discriminator": 0.0}

    @property
    def truth(self) -> tuple[Truth, ...]:
        return self.at("local Nash", "Nagarajan and Kolter 2017, Sec. 3: the model is the data, the critic is 0")

    def value(self, x: Tensor, y: Tensor) -> Tensor:
        k = self.coefficients
        shift, scale = x[0], x[1] if self.both else k.deviation
        slope, curvature = y[0], y[1]
        steepness = (slope + curvature * k.mean).square() + (curvature * k.deviation).square()
        return self._told_apart(shift, scale, slope, curvature) - 0.5 * k.r1 * steepness

    def _told_apart(self, shift: Tensor, scale: Tensor, slope: Tensor, curvature: Tensor) -> Tensor:
        """What the critic earns by telling data from model."""
        k = self.coefficients
        if self.loss == "wasserstein":
            first, second = k.mean - shift, k.mean.square() + k.deviation.square() - shift.square() - scale.square()
            return slope * first + 0.5 * curvature * second
        real, fake = k.mean + k.deviation * k.nodes, shift + scale * k.nodes
        real, fake = (slope * v + 0.5 * curvature * v.square() for v in (real, fake))
        return -(k.weights * (softplus(-real) + softplus(fake))).sum()
