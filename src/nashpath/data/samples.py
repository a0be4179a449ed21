"""A library user's own tensors as a source."""

import numpy as np
from torch import Tensor

from nashpath.core.source import Source
from nashpath.data.bank import GIBIBYTE, Bank
from nashpath.data.held import Held
from nashpath.data.recognise import Layout, recognise


class Samples(Held):
    """Samples given as a tensor or an array: vectors ``[n, d]``, or images as `recognise` reads them.

    ``labels`` are whole numbers from 0, ``[n]``. The values are copied unless they stream (more than
    ``device_bytes``). Raises `ValueError` as `recognise` does, and for labels that do not fit.
    """

    def __init__(
        self,
        values: Tensor | np.ndarray,
        labels: Tensor | np.ndarray | None = None,
        layout: Layout = "auto",
        device_bytes: int = GIBIBYTE,
        where: str = "samples",
    ):
        rows, scale = recognise(_array(values), where, layout)
        known = None if labels is None else checked_labels(_array(labels), len(rows), where)
        classes = 0 if known is None else int(known.max()) + 1
        self._bank = Bank(rows, known, classes, scale, device_bytes)
        self.shape = self._bank.shape


def as_source(x: object) -> Source:
    """A source unchanged; a tensor or an array as `Samples`. Raises `TypeError` for anything else."""
    if isinstance(x, Tensor | np.ndarray):
        return Samples(x)
    if isinstance(x, Source):
        return x
    raise TypeError(
        f"expected a data source (with shape and draw), a tensor or an array, got {type(x).__name__}; "
        "for a file use nashpath.data.Array(path), for a folder of images nashpath.data.Folder(path)"
    )


def checked_labels(labels: np.ndarray, count: int, where: str) -> np.ndarray:
    """The labels, if they are ``count`` whole numbers of at least 0; else `ValueError`."""
    if labels.shape != (count,) or labels.dtype.kind not in "biu" or labels.min() < 0:
        raise ValueError(
            f"{where}: labels must be {count} whole numbers from 0, one a sample; got {labels.dtype} of shape "
            f"{labels.shape}" + (f" from {labels.min()}" if labels.dtype.kind in "biu" and labels.size else "")
        )
    return labels


def _array(values: Tensor | np.ndarray) -> np.ndarray:
    if isinstance(values, np.ndarray):
        return values
    plain = values.detach().cpu()
    return (plain.float() if plain.is_floating_point() else plain).numpy()
