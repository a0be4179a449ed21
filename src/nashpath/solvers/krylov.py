"""A linear system solved by products alone, with a fixed number of them.

SciPy and the like stop when they are done, which neither a compiled nor a stacked program can do. Here the work is
fixed, and a system that is done is masked: its further directions and steps are exactly zero.
"""

from collections.abc import Callable

import torch
from torch import Tensor


def conjugate_residual(
    operator: Callable[[Tensor], Tensor], target: Tensor, iterations: int, tolerance: Tensor
) -> tuple[Tensor, Tensor]:
    """``(x, residual)`` with ``A x ≈ b``, by the generalised conjugate residual method from x = 0.

    ::

        p = r,  q = A p, made orthonormal to earlier q (and p alike);   x += ⟨r, q⟩ p,   r −= ⟨r, q⟩ q

    It minimises ``‖b − A x‖`` over the Krylov space, as GMRES does, for any A with positive definite symmetric part; A
    need not be symmetric. ``target`` is b, [n]; ``residual`` is ``‖r‖ / ‖b‖`` (0 where b = 0), at most ``tolerance``
    (or the rounding unit) unless the iterations ran out. It keeps 2 · iterations vectors.

    Reference: Eisenstat, Elman and Schultz 1983, Sec. 2.
    """
    size = torch.linalg.vector_norm(target)
    enough = size * tolerance.clamp(min=torch.finfo(target.dtype).eps)
    x, rest = torch.zeros_like(target), target
    steps: list[Tensor] = []
    images: list[Tensor] = []
    for _ in range(iterations):
        going = torch.linalg.vector_norm(rest) > enough
        step, image = rest, operator(rest)
        for old_step, old_image in zip(steps, images, strict=True):
            overlap = torch.dot(image, old_image)
            step, image = step - overlap * old_step, image - overlap * old_image
        length = torch.linalg.vector_norm(image)
        going = going & (length > torch.finfo(target.dtype).tiny)  # 1 over less is infinite
        shrink = torch.where(going, 1 / torch.where(going, length, 1.0), 0.0)
        step, image = shrink * step, shrink * image
        along = torch.dot(rest, image)
        x, rest = x + along * step, rest - along * image
        steps.append(step)
        images.append(image)
    return x, torch.linalg.vector_norm(rest) / torch.where(size > 0, size, 1.0)


def flat(tree: dict[str, Tensor]) -> Tensor:
    """All numbers of a tree in one vector."""
    return torch.cat([v.flatten() for v in tree.values()])


def unflat(vector: Tensor, like: dict[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of `flat`, for a tree shaped as ``like``."""
    parts = vector.split([v.numel() for v in like.values()])
    return {k: part.view_as(v) for part, (k, v) in zip(parts, like.items(), strict=True)}
