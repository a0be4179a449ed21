"""The local game that competitive gradient descent solves: both players' costs, linear but for their interaction.

With step sizes ``a_i`` (a tree or scalars, positive) the moves Δ satisfy, for both players at once::

    Δ_i = −a_i (∇_i J_i + ∂²_ij J_i Δ_j)

Put ``Δ_i = −a_i p_i``. Eliminating the discriminator leaves one linear system for the generator's direction::

    (I − D_g a_d D_d a_g) p_g = ∇_g J_g − D_g a_d ∇_d J_d,    D_i = ∂²_ij J_i;    then  p_d = ∇_d J_d − D_d a_g p_g

For a zero-sum game ``D_d = −D_gᵀ``; written in ``sqrt(a_g) p_g`` the matrix is then symmetric and at least I.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from nashpath.core import Batch, FunctionalGame, Point, Tree
from nashpath.core.typed import split, vector_norm
from nashpath.solvers.derivatives import mixed_product


def product_count(iterations: int) -> int:
    """Number of second-order products of `compete`."""
    return 2 * iterations + 2


def compete(
    problem: FunctionalGame,
    point: Point,
    batch: Batch,
    gradients: dict[str, Tree],
    sizes: dict[str, Tree],
    iterations: int,
    tolerance: Tensor,
) -> tuple[dict[str, Tree], Tensor]:
    """``(p, residual)``: each player's direction, and the relative residual of the generator's system."""
    mine = mixed_product(problem, point, batch, {"generator": 1.0}, inner="discriminator", outer="generator")
    theirs = mixed_product(problem, point, batch, {"discriminator": 1.0}, inner="generator", outer="discriminator")
    g, d = gradients["generator"], gradients["discriminator"]
    size, root = sizes["discriminator"], {k: v.sqrt() for k, v in sizes["generator"].items()}

    def operator(vector: "Tensor") -> "Tensor":
        back = mine(times(size, theirs(times(root, unflat(vector, g)))))
        return vector - flattened(times(root, back))

    with torch.no_grad():  # a product is a backward pass; its own graph is not needed
        push = mine(times(size, d))
        target = flattened(times(root, {k: v - push[k] for k, v in g.items()}))
        scaled, residual = conjugate_residual(operator, target, iterations, tolerance)
        moved = unflat(scaled, g)
        back = theirs(times(root, moved))
    reply = {k: v - back[k] for k, v in d.items()}
    own = {k: torch.where(root[k] > 0, v / torch.where(root[k] > 0, root[k], 1.0), g[k]) for k, v in moved.items()}
    return {"generator": own, "discriminator": reply}, residual


def times(a: Tree, b: Tree) -> Tree:
    """The product, leaf by leaf."""
    return {k: v * b[k] for k, v in a.items()}


def conjugate_residual(
    operator: Callable[[Tensor], Tensor],
    target: Tensor,
    iterations: int,
    tolerance: Tensor,
    start: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """``(x, residual)`` with ``A x ≈ b``, by the generalised conjugate residual method from x = 0, or from ``start``.

    ::

        p = r,  q = A p, made orthonormal to earlier q (and p alike);   x += ⟨r, q⟩ p,   r −= ⟨r, q⟩ q

    It minimises ``‖b − A x‖`` over the Krylov space, as GMRES does, for any A with positive definite symmetric part; A
    need not be symmetric. ``target`` is b, [n]; ``residual`` is ``‖r‖ / ‖b‖`` (0 where b = 0), at most ``tolerance``
    (or the rounding unit) unless the iterations ran out. It keeps 2 · iterations vectors. A ``start`` [n] costs one
    more product, and is taken only where its residual is smaller than that of 0.

    Reference: Eisenstat, Elman and Schultz 1983, Sec. 2.
    """
    size = vector_norm(target)
    enough = size * tolerance.clamp(min=torch.finfo(target.dtype).eps)
    x, rest = torch.zeros_like(target), target
    if start is not None:
        left = target - operator(start)
        nearer = vector_norm(left) < size
        x, rest = torch.where(nearer, start, x), torch.where(nearer, left, rest)
    steps: list[Tensor] = []
    images: list[Tensor] = []
    for _ in range(iterations):
        going = vector_norm(rest) > enough
        step, image = rest, operator(rest)
        for old_step, old_image in zip(steps, images, strict=True):
            overlap = torch.dot(image, old_image)
            step, image = step - overlap * old_step, image - overlap * old_image
        length = vector_norm(image)
        going = going & (length > torch.finfo(target.dtype).tiny)  # 1 over less is infinite
        shrink = torch.where(going, 1 / torch.where(going, length, 1.0), 0.0)
        step, image = shrink * step, shrink * image
        along = torch.dot(rest, image)
        x, rest = x + along * step, rest - along * image
        steps.append(step)
        images.append(image)
    return x, vector_norm(rest) / torch.where(size > 0, size, 1.0)


def flattened(tree: dict[str, Tensor]) -> Tensor:
    """All numbers of a tree in one vector."""
    return torch.cat([v.flatten() for v in tree.values()])


def unflat(vector: Tensor, like: dict[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of `flattened`, for a tree shaped as ``like``."""
    parts = split(vector, [v.numel() for v in like.values()])
    return {k: part.view_as(v) for part, (k, v) in zip(parts, like.items(), strict=True)}
