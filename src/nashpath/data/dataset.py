"""Data sets of PyTorch: anything whose items are taken by their numbers, one sample each, perhaps with its class."""

import random
from collections.abc import Sized
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from nashpath.core.errors import first_line
from nashpath.core.plain import tensor_of, why_not_plain
from nashpath.core.source import Source
from nashpath.core.torch_compat import global_random_state
from nashpath.core.typed import kept_random_state
from nashpath.data.base import GIBIBYTE
from nashpath.data.loader import dataset_of
from nashpath.data.samples import Samples

LOOKED_AT = 8
"""Items that are taken twice, to see whether they draw."""


def as_source(x: object) -> Source:
    """A source unchanged; a tensor, an array, or a torch Dataset (or its DataLoader) as `Samples`.

    The items of a data set are read once. Each is a tensor or an array, or a pair of one and its class (a whole
    number); images are those of `Samples`: bytes, or floats in [0, 1] or [-1, 1]. A loader's batch size, order and
    workers are left out: batches are drawn by the key.

    Raises `TypeError` for anything else, and `ValueError` as `Samples` does, for items that change from one look to the
    next or have several shapes, for more of them than memory should hold, and for a loader with a sampler, batches or a
    ``collate_fn`` of its own (`nashpath.data.loader.dataset_of`).
    """
    if isinstance(x, Tensor | np.ndarray):
        return Samples(x)
    if isinstance(x, Source):
        return x
    if isinstance(x, Dataset | DataLoader):
        return _read(x)
    raise TypeError(
        f"expected a data source (with shape and draw), a tensor, an array, or a torch Dataset or DataLoader, got "
        f"{type(x).__name__}; for a file use nashpath.data.Array(path), for a folder of images "
        "nashpath.data.Folder(path)"
    )


def _read(given: Any) -> Samples:
    """The items of a data set, or of the one inside a loader."""
    data: Any = dataset_of(given) if isinstance(given, DataLoader) else given
    kind = type(data).__name__
    if isinstance(data, Sized) and not len(data):
        raise ValueError(f"{kind} is empty: it holds no sample to train on")
    if isinstance(data, IterableDataset) or not isinstance(data, Sized):
        raise TypeError(
            f"{kind} has no items by number (__getitem__ and __len__), and draws are by number: read it once, as "
            "nash.as_source(torch.stack(list(samples))), or write its samples into an .npy file or a folder of images"
        )
    count = len(data)
    first, _ = _parts(kind, data, 0)
    if count * first.numel() * first.element_size() > GIBIBYTE:
        raise ValueError(
            f"{kind} holds {count:,} samples of {tuple(first.shape)}, more than 1 GiB in memory; give the folder of "
            "its images (nash.Folder(path, size=...)) or an .npy file (nash.Array(path)), read as they are asked for"
        )
    _check_pure(kind, data, count)
    found = [_parts(kind, data, k) for k in range(count)]
    shapes = {tuple(sample.shape) for sample, _ in found}
    if len(shapes) > 1:
        some = " and ".join(map(str, sorted(shapes)[:2]))
        raise ValueError(f"{kind} has samples of several shapes, {some}; give it a transform to one size")
    labels = [label for _, label in found if label is not None]
    return Samples(
        torch.stack([sample for sample, _ in found]),
        np.array(labels, dtype=np.int64) if len(labels) == count else None,
        where=kind,
    )


def _parts(kind: str, data: Any, index: int) -> tuple[Tensor, int | None]:
    """An item as a tensor, and its class where it has one."""
    try:
        item = data[index]
    except Exception as error:  # whatever a data set of the user's may raise
        raise TypeError(
            f"item {index} of {kind} cannot be taken ({type(error).__name__}: {first_line(error)})"
        ) from error
    sample, label = item if isinstance(item, tuple | list) and len(item) == 2 else (item, None)
    if isinstance(sample, tuple | list) and len(sample) == 1:
        sample = sample[0]
    if said := why_not_plain(sample, f"item {index} of {kind}"):
        raise ValueError(said)
    if isinstance(sample, np.ndarray):
        sample = tensor_of(sample, f"item {index} of {kind}")
    whole = isinstance(label, Tensor | np.integer | int) and not isinstance(label, bool)
    if isinstance(label, Tensor):
        whole = label.dim() == 0 and not label.is_floating_point()
    if not isinstance(sample, Tensor) or not (label is None or whole):
        told = type(item).__name__
        if isinstance(item, tuple | list):
            told += f" of {', '.join(type(one).__name__ for one in item)}"
        raise TypeError(
            f"item {index} of {kind} is a {told}; expected a tensor, or a pair of one and its class (a whole number): "
            "images need a transform to tensors"
        )
    return sample, None if label is None else int(label)


def _check_pure(kind: str, data: Any, count: int) -> None:
    """Raises `ValueError` where items change from one look to the next, or draw from a global random state."""
    with kept_random_state():
        python, numpy_state = random.getstate(), np.random.get_state()
        before = global_random_state()
        looks = [[_parts(kind, data, k)[0] for k in range(min(LOOKED_AT, count))] for _ in range(2)]
        drew = before != global_random_state()
        random.setstate(python)
        np.random.set_state(numpy_state)
    if drew or not all(a.shape == b.shape and torch.equal(a, b) for a, b in zip(*looks)):
        raise ValueError(
            f"{kind} changes its samples at random (a transform that flips, crops, …), so no run could be repeated: "
            "leave that out; what changes samples by the key are techniques (nash.diff_augment, nash.ada)"
        )
