"""SciPy's ARPACK on products. SciPy is imported when it is first asked: it takes a time that training does not need."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nashpath.diagnostics.linearised import Product


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
