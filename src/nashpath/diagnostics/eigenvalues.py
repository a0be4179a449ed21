"""SciPy's ARPACK on products. SciPy is imported when it is first asked: it takes a time that training does not need."""

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nashpath.diagnostics.linearised import Linearised, Product, dense


def arpack(
    product: Product, like: Tensor, count: int, symmetric: bool = False, **options: Any
) -> tuple[NDArray[Any], bool]:
    """The ``count`` eigenvalues of largest modulus, or those that were found, and whether all of them were.

    ``product`` is applied to vectors like ``like``; ``options`` are those of ``scipy.sparse.linalg.eigs``.
    """
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs, eigsh

    def matvec(v: np.ndarray) -> np.ndarray:
        given = torch.from_numpy(np.ascontiguousarray(v).reshape(-1)).to(like)
        return product(given).detach().cpu().numpy()

    shape = len(like), len(like)
    apply = LinearOperator(shape, matvec=matvec, dtype=like.cpu().numpy().dtype)  # type: ignore[call-arg]
    solve: Any = eigsh if symmetric else eigs
    try:
        return solve(apply, k=count, return_eigenvectors=False, **options), True
    except ArpackNoConvergence as error:
        return error.eigenvalues, False


Eigenvalues = NDArray[np.complex128]
"""Eigenvalues of a Jacobian."""

DENSE = 256
"""Up to this many parameters the matrix is formed."""
ITERATIONS = 300
NARROW = 8
"""Vectors of a search that need not be exact: each costs a product before the first look."""
ROUGH = 0.05
"""Relative accuracy of what is compared with a limit that it may exceed several times."""


class NotConvergedError(ValueError):
    """An eigen-solver found nothing within its iterations."""


def leading(near: Linearised, count: int = 20) -> Eigenvalues:
    """The Jacobian's ``count`` eigenvalues of largest magnitude, complex, largest first."""
    return _by_size(_of_jacobian(near, count, 0.0))


def most_negative(near: Linearised, largest: float, count: int = 6) -> Eigenvalues:
    """The Jacobian's eigenvalues of smallest real part, smallest first; ``largest`` is its spectral radius."""
    found = _of_jacobian(near, count, 3 * largest)
    return found[np.argsort(found.real, kind="stable")]


def hessian_leading(near: Linearised, player: str, count: int = 20) -> NDArray[Any]:
    """One player's Hessian: its ``count`` eigenvalues of largest magnitude, largest first."""
    return _by_size(_of_symmetric(near.hessian(player), near, player, count, 0.0))


def hessian_ends(near: Linearised, player: str) -> tuple[float, float]:
    """``(smallest, largest)`` eigenvalue of one player's Hessian."""
    return _ends_of(near.hessian(player), near, player)


def _ends_of(product: Product, near: Linearised, player: str) -> tuple[float, float]:
    first = float(_of_symmetric(product, near, player, 1, 0.0)[0])
    other = float(_of_symmetric(product, near, player, 1, first)[0])
    return min(first, other), max(first, other)


def largest_scaled(near: Linearised, player: str, root: Tensor) -> float:
    """The largest eigenvalue of ``diag(root) H diag(root)`` for one player's Hessian H, to 5 % in a large game."""
    product, own = near.hessian(player), near.vector[near.block(player)]

    def scaled(u: Tensor) -> Tensor:
        return root * product(root * u)

    if len(own) <= DENSE:
        matrix = dense(scaled, own)
        return float(np.linalg.eigvalsh((matrix + matrix.T) / 2)[-1])
    rough = copy.copy(near)
    rough.tolerance = max(near.tolerance, ROUGH)
    return float(_converged(scaled, own, 1, rough, symmetric=True, which="LA", ncv=min(len(own), NARROW))[0])


def _by_size(found: NDArray[Any]) -> NDArray[Any]:
    return found[np.argsort(-np.abs(found), kind="stable")]


def _of_jacobian(near: Linearised, count: int, shift: float) -> Eigenvalues:
    """The ``count`` eigenvalues furthest from ``shift``."""
    if near.size <= DENSE or count >= near.size - 2:
        found = np.asarray(np.linalg.eigvals(near.matrix), dtype=np.complex128)
        return found[np.argsort(-np.abs(found - shift), kind="stable")][:count]
    found = _converged(lambda u: shift * u - near.transposed(u), near.vector, count, near)
    return shift - np.asarray(found, dtype=np.complex128)


def _of_symmetric(product: Product, near: Linearised, player: str, count: int, shift: float) -> NDArray[Any]:
    """The ``count`` eigenvalues furthest from ``shift`` of a symmetric product on one player's parameters."""
    own = near.vector[near.block(player)]
    if len(own) <= DENSE or count >= len(own):
        matrix = dense(product, own)
        found = np.linalg.eigvalsh((matrix + matrix.T) / 2)
        return found[np.argsort(-np.abs(found - shift), kind="stable")][:count]
    return shift - _converged(lambda u: shift * u - product(u), own, count, near, symmetric=True)


def _converged(
    product: Product, like: Tensor, count: int, near: Linearised, symmetric: bool = False, **more: Any
) -> NDArray[Any]:
    """ARPACK's eigenvalues, of largest modulus unless ``more`` says otherwise; those found where it gives up.

    Raises `NotConvergedError` if that is nothing.
    """
    size = len(like)
    options = {
        "ncv": min(size, max(3 * count, 20)),
        "tol": near.tolerance,
        "maxiter": ITERATIONS,
        "v0": near.start(size),
        "which": "LM",
    }
    found, _ = arpack(product, like, count, symmetric, **{**options, **more})
    if not len(found):
        raise NotConvergedError(
            f"no eigenvalue of {size} converged in {ITERATIONS} iterations; use a larger batch, or float64"
        )
    return found
