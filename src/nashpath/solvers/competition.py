"""The local game that competitive gradient descent solves: both players' costs, linear but for their interaction.

With step sizes ``a_i`` (a tree or scalars, positive) the moves Δ satisfy, for both players at once::

    Δ_i = −a_i (∇_i J_i + ∂²_ij J_i Δ_j)

Put ``Δ_i = −a_i p_i``. Eliminating the discriminator leaves one linear system for the generator's direction::

    (I − D_g a_d D_d a_g) p_g = ∇_g J_g − D_g a_d ∇_d J_d,    D_i = ∂²_ij J_i;    then  p_d = ∇_d J_d − D_d a_g p_g

For a zero-sum game ``D_d = −D_gᵀ``; written in ``sqrt(a_g) p_g`` the matrix is then symmetric and at least I.
"""

import torch
from torch import Tensor

from nashpath.core import Batch, Point, Problem, Tree
from nashpath.solvers.derivatives import cross
from nashpath.solvers.krylov import conjugate_residual, flat, unflat


def products(iterations: int) -> int:
    """How many second-order products `compete` costs."""
    return 2 * iterations + 2


def compete(
    problem: Problem,
    point: Point,
    batch: Batch,
    gradients: dict[str, Tree],
    sizes: dict[str, Tree],
    iterations: int,
    tolerance: Tensor,
) -> tuple[dict[str, Tree], Tensor]:
    """``(p, residual)``: each player's direction, and the relative residual of the generator's system."""
    mine = cross(problem, point, batch, {"generator": 1.0}, inner="discriminator", outer="generator")
    theirs = cross(problem, point, batch, {"discriminator": 1.0}, inner="generator", outer="discriminator")
    g, d = gradients["generator"], gradients["discriminator"]
    size, root = sizes["discriminator"], {k: v.sqrt() for k, v in sizes["generator"].items()}

    def operator(vector):
        back = mine(times(size, theirs(times(root, unflat(vector, g)))))
        return vector - flat(times(root, back))

    with torch.no_grad():  # a product is a backward pass; its own graph is not needed
        push = mine(times(size, d))
        target = flat(times(root, {k: v - push[k] for k, v in g.items()}))
        scaled, residual = conjugate_residual(operator, target, iterations, tolerance)
        moved = unflat(scaled, g)
        back = theirs(times(root, moved))
    reply = {k: v - back[k] for k, v in d.items()}
    own = {k: torch.where(root[k] > 0, v / torch.where(root[k] > 0, root[k], 1.0), g[k]) for k, v in moved.items()}
    return {"generator": own, "discriminator": reply}, residual


def times(a: Tree, b: Tree) -> Tree:
    """The product, leaf by leaf."""
    return {k: v * b[k] for k, v in a.items()}
