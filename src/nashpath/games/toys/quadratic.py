"""Every local picture of a smooth zero-sum game."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from nashpath.core import Hyperparameters, Number
from nashpath.core.typed import at_least
from nashpath.games.toys.base import PointKind, Truth, ZeroSum

RealMatrix = np.ndarray[Any, np.dtype[np.float64]]


def quadratic_kind(a: RealMatrix, b: RealMatrix, c: RealMatrix) -> PointKind:
    """What the origin is in ½ x·A x + x·B y − ½ y·C y, for symmetric A and C; exact but for rounding.

    Nash where A ⪰ 0 and C ⪰ 0. Minimax where C ⪰ 0 and A + B C⁺ Bᵀ ⪰ 0 on the x for which no flat direction v of C
    has x·B v ≠ 0: along such a v the answer to x gains at the first order in the radius of the answer, whatever A is.

    Reference: Jin et al. 2020, Propositions 5, 19 and 20.
    """
    small = 1e-6 * max(float(np.abs(v).max()) for v in (a, b, c))

    def semidefinite(matrix: RealMatrix) -> bool:
        return matrix.size == 0 or float(np.linalg.eigvalsh(matrix).min()) >= -small

    if not semidefinite(c):
        return "neither"
    if semidefinite(a):
        return "local Nash"
    values, vectors = np.linalg.eigh(c)
    stiff, flat = vectors[:, values > small], vectors[:, values <= small]
    left, singular, _ = np.linalg.svd(b @ flat)
    idle = left[:, int((singular > small).sum()) :]
    answered = a + (b @ stiff / values[values > small]) @ (b @ stiff).T
    return "local minimax" if semidefinite(idle.T @ answered @ idle) else "neither"


class Quadratic(ZeroSum):
    """min over x, max over y of ½ a x² + b x y − ½ c y²: rotation b against attraction a and c.

    ::

        f(x, y) = ½ x·A x + x·B y − ½ y·C y

    The simultaneous field (∇ₓf, −∇ᵧf) is linear with matrix [[A, B], [−Bᵀ, C]]; for scalars its eigenvalues are
    ``(a + c)/2 ± sqrt((a − c)²/4 − b²)``. In the library ``a``, ``b``, ``c`` may also be matrices (A and C symmetric),
    with ``x`` and ``y`` vectors. The origin is a Nash equilibrium where a ≥ 0 and c ≥ 0, a local minimax point where
    c > 0 and a + b²/c ≥ 0, and else neither.

    Reference: Mescheder et al. 2017, Sec. 3; Azizian et al. 2020, Sec. 2; Jin et al. 2020, Sec. 3.
    """

    source = "Jin et al. 2020, Propositions 5, 19 and 20: curvatures and Schur complement"

    def __init__(
        self,
        a: Number | Tensor = 0.1,
        b: Number | Tensor = 1.0,
        c: Number | Tensor = 0.1,
        x: Number | Tensor = 1.0,
        y: Number | Tensor = 1.0,
    ):
        super().__init__(at_least(torch.as_tensor(x), 1), at_least(torch.as_tensor(y), 1))
        matrices = {k: at_least(torch.as_tensor(v), 2) for k, v in {"a": a, "b": b, "c": c}.items()}
        self.coefficients = Hyperparameters(**matrices)

    @property
    def truth(self) -> tuple[Truth, ...]:
        a, b, c = (v.detach().cpu().double().numpy() for v in self.coefficients.buffers())
        return self.at(quadratic_kind(a, b, c), self.source)

    def value(self, x: Tensor, y: Tensor) -> Tensor:
        k = self.coefficients
        return 0.5 * x @ k.a @ x + x @ k.b @ y - 0.5 * y @ k.c @ y
