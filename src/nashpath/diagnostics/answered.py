"""The generator's cost along the discriminator's best answers, in games that are not zero-sum."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.func import grad, vjp

from nashpath.diagnostics.linearised import Linearised, dense


def answered_cost(near: Linearised) -> tuple[NDArray[Any], NDArray[Any]]:
    """First and second derivatives of ``φ(x) = J_G(x, y*(x))``, [generator] and [generator, generator].

    y* minimises J_D: where ∇_D J_D = 0 and ∇²_DD J_D is positive definite, with ``R = −J_DD⁻¹ J_DG`` and
    ``λ = J_DD⁻¹ ∇_D J_G``::

        L = J_G − λ · ∇_D J_D,   φ' = ∇_G L,   φ'' = (I; R)ᵀ ∇²L (I; R)

    Raises `numpy.linalg.LinAlgError` where J_DD is singular.
    """
    d, g = near.block("discriminator"), near.block("generator")
    bend = near.own_hessian("discriminator")
    answer = -np.linalg.solve(bend, near.plain_matrix[d, g])
    slope: Tensor = grad(lambda v: near.cost("generator", v))(near.vector)
    dual = slope.new_tensor(np.linalg.solve(bend, slope[d].double().cpu().numpy()))

    def lagrangian(v: Tensor) -> Tensor:
        return near.cost("generator", v) - dual @ grad(lambda w: near.cost("discriminator", w))(v)[d]

    first, pull = vjp(grad(lagrangian), near.vector)[:2]
    whole = dense(lambda u: pull(u)[0], near.vector)
    way = np.zeros((near.size, g.stop - g.start))
    way[g], way[d] = np.eye(g.stop - g.start), answer
    found = way.T @ whole @ way
    return first[g].detach().double().cpu().numpy(), (found + found.T) / 2
