"""Every local picture of a smooth zero-sum game."""

import torch
from torch import Tensor

from nashpath.core import Hyperparameters, Number
from nashpath.core.typed import at_least
from nashpath.games.toys.base import ZeroSum


class Quadratic(ZeroSum):
    """min over x, max over y of ½ a x² + b x y − ½ c y²: rotation b against attraction a and c.

    ::

        f(x, y) = ½ x·A x + x·B y − ½ y·C y

    The simultaneous field (∇ₓf, −∇ᵧf) is linear with matrix [[A, B], [−Bᵀ, C]]; for scalars its eigenvalues are
    ``(a + c)/2 ± sqrt((a − c)²/4 − b²)``. In the library ``a``, ``b``, ``c`` may also be matrices, with ``x`` and ``y``
    vectors.

    Reference: Mescheder et al. 2017, Sec. 3; Azizian et al. 2020, Sec. 2.
    """

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

    def value(self, x: Tensor, y: Tensor) -> Tensor:
        k = self.coefficients
        return 0.5 * x @ k.a @ x + x @ k.b @ y - 0.5 * y @ k.c @ y
