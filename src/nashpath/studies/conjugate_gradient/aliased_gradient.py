"""β of every formula where the last gradient is an alias of the present one, as in the released optimizer."""

from collections.abc import Iterator

import torch

from nashpath.core import derive, generator
from nashpath.solvers.rules.betas import BETAS, Products, capped
from nashpath.studies.conjugate_gradient.directions import FORMULAS
from nashpath.studies.figures import Strip
from nashpath.studies.rows import Row
from nashpath.studies.study import Cell, Experiment, Size


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One row for each formula and seed: β ≤ ½ with the last gradient aliased, and kept."""
    for seed in range(size.seeds):
        rng = generator(derive(seed, "gradients"))
        now, last, direction = (torch.randn(50, generator=rng) for _ in range(3))
        for formula in FORMULAS:
            aliased, kept = (_beta(formula, now, before, direction) for before in (now, last))
            yield {"method": formula, "seed": seed, "aliased": aliased, "kept": round(kept, 5)}


def _beta(formula: str, now: torch.Tensor, last: torch.Tensor, direction: torch.Tensor) -> float:
    products = Products([now], [last], [direction], whole=False, guard=1e-6, mu=2.0)
    return float(capped(BETAS[formula](products), 0.5, nonnegative=False))


ALIASED_GRADIENT = Experiment(
    name="aliased-gradient",
    about="β of the seven formulas, capped at ½, from normal vectors of 50 numbers for gradient, last gradient and "
    "last direction; 'aliased' takes the gradient for the last gradient too. An identity for each draw.",
    measure=measure,
    sizes={"quick": Size(seeds=4), "default": Size(seeds=16)},
    figures=[Strip("β where the last gradient is an alias", "Plain descent is β = 0.", y="aliased", by=("method",))],
)
