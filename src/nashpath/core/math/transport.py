"""Optimal transport between two samples of equal weights, exactly."""

import importlib
import os
import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor


def wasserstein(x: Tensor, y: Tensor, power: int = 1) -> float:
    """``W_p``, p = ``power``, for the Euclidean distance, from x [n, d] and y [m, d], in their units.

    In one dimension by sorting, elsewhere by POT's network simplex: memory n m, time about its power 3/2. Raises
    `ArithmeticError` if the simplex gives up.

    Reference: Peyré & Cuturi 2019, "Computational Optimal Transport", Sec. 2.6 (sorting) and 3.5 (simplex).
    """
    ot = pot()
    x, y = x.double().cpu(), y.double().cpu()
    if x.shape[1] == 1:
        moved = ot.wasserstein_1d(x[:, 0].numpy(), y[:, 0].numpy(), p=power)
    else:
        # Not by a matrix product, which leaves copies of a point 1e-8 apart.
        cost = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").pow(power).numpy()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the same sentence is in the log
            moved, log = ot.emd2([], [], cost, numItermax=10_000_000, log=True)
        if log["warning"] is not None:
            raise ArithmeticError(f"transport between {len(x)} and {len(y)} points: {log['warning']}")
    return max(float(np.asarray(moved)), 0.0) ** (1 / power)


def pot() -> Any:
    """The library POT, imported at its first use (half a second) with no array library but NumPy and PyTorch.

    Left alone, it imports each array library that is installed and asks it for its devices: JAX then takes most of a
    GPU's memory, and TensorFlow all of it.
    """
    for other in ("JAX", "CUPY", "TENSORFLOW"):
        os.environ.setdefault(f"POT_BACKEND_DISABLE_{other}", "1")
    return importlib.import_module("ot")
