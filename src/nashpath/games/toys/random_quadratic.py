"""A quadratic game drawn at random, of a form whose answer is known."""

from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Ge, Le

from nashpath.core import Number, Whole
from nashpath.games.toys.quadratic import Quadratic, RealMatrix

Order = Annotated[int, Ge(1), Le(2000)]
"""A basis of more takes minutes to draw."""
Form = Literal["definite", "indefinite", "skew", "degenerate"]

_CURVATURES: dict[Form, tuple[float, float]] = {
    "definite": (0.2, 1.0),
    "indefinite": (-1.0, 1.0),
    "skew": (0.0, 0.0),
    "degenerate": (0.2, 1.0),
}


def _symmetric(n: int, form: Form, rng: np.random.Generator) -> RealMatrix:
    """A symmetric matrix in a random basis, its eigenvalues drawn from the range of the form."""
    values = rng.uniform(*_CURVATURES[form], n)
    if form == "indefinite":
        values[0] = rng.uniform(-1.0, -0.2)
    if form == "degenerate":
        values[0] = 0.0
    basis = np.linalg.qr(rng.standard_normal((n, n)))[0]
    return (basis * values) @ basis.T


class RandomQuadratic(Quadratic):
    """min over x, max over y of ½ x·A x + x·B y − ½ y·C y, drawn at random: n coordinates a player, one of four forms.

    ::

        B = gaussian entries / √n;   A and C have random eigenvectors, and eigenvalues

        definite     in [0.2, 1]                          the only Nash equilibrium is 0
        indefinite   in [−1, 1], at least one ≤ −0.2      0 is neither: y has a direction of its own to gain in
        skew         0                                    0 is a Nash equilibrium, both players are indifferent
        degenerate   in [0.2, 1], one of them 0           0 is a Nash equilibrium, each player has a flat direction

    All numbers are drawn from one generator with the seed ``instance``, the same in every member and on every machine.

    Reference: Azizian et al. 2020, Sec. 2 (the family); Jin et al. 2020, Propositions 5, 19 and 20 (the answers).
    """

    def __init__(
        self,
        form: Form = "definite",
        dimension: Order = 3,
        instance: Whole = 0,
        x: Number = 1.0,
        y: Number = 1.0,
    ):
        rng = np.random.default_rng(instance)
        a, c, b = (
            _symmetric(dimension, form, rng),
            _symmetric(dimension, form, rng),
            rng.standard_normal((dimension,) * 2),
        )
        starts = (torch.full((dimension,), float(v)) for v in (x, y))
        super().__init__(*(torch.as_tensor(v) for v in (a, b, c)), *starts)
