"""The parts of data sets: finite samples, endless sources, and rows kept on the device they are drawn on."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from annotated_types import Ge, Le
from torch import Tensor

from nashpath.core.columns import TableUnits
from nashpath.core.hyperparameters import Whole
from nashpath.core.key import Key
from nashpath.core.source import Units

GIBIBYTE = 1 << 30
Bytes = Whole
SideLength = Annotated[int, Ge(4), Le(16384)]
PictureWidth = Annotated[int, Ge(0), Le(16384)]
"""Pixels; 0 is that of the height."""
"""Pixels on each side of a square picture."""


class DataWarning(UserWarning):
    """Data that are read in another way than was perhaps meant; the message says what to do."""


class Scale(NamedTuple):
    """``x -> x / half + shift``."""

    half: float = 1.0
    shift: float = 0.0


PLAIN = Scale()
BYTES = Scale(127.5, -1.0)
"""From 0..255 to [-1, 1]."""


class DeviceCopies:
    """One tensor, with at most one copy for each device that asked for it."""

    def __init__(self, tensor: Tensor):
        self._copies = {tensor.device: tensor}
        self._first = tensor

    def on(self, device: torch.device) -> Tensor:
        if device not in self._copies:
            self._copies[device] = self._first.to(device)
        return self._copies[device]

    def __deepcopy__(self, memo: dict[int, Any]) -> "DeviceCopies":
        return self  # never written to, so a copied game may share it


@runtime_checkable
class LazyRows(Protocol):
    """Rows that are made when they are asked for, with the face of an array of them."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __len__(self) -> int: ...
    def __getitem__(self, index: np.ndarray) -> np.ndarray: ...

    def standing(self, index: np.ndarray) -> np.ndarray:
        """The numbers of the rows that stood at places when they were asked for."""
        ...


class SampleBuffer:
    """``values [n, *shape]`` and perhaps ``labels [n]``, by index, on the device of the index.

    Above ``device_bytes`` the values stay where they are (memory or a memory map) and only the rows asked for are
    moved; below, each device holds one copy. Bytes stay bytes; every other kind of number becomes ``kind``: float32,
    or float64 for samples that are measured alone. With ``units`` columns are put into those, before they are rounded.
    """

    def __init__(
        self,
        values: np.ndarray | LazyRows,
        labels: np.ndarray | None = None,
        classes: int = 0,
        scale: Scale = PLAIN,
        device_bytes: int = GIBIBYTE,
        units: Units | TableUnits | None = None,
        kind: type[np.floating[Any]] = np.float32,
    ):
        self.units = units
        self.dtype = np.uint8 if values.dtype == np.uint8 and units is None else kind
        self.shape = tuple(values.shape[1:])
        self.scale = scale
        self.classes = classes
        lazy = not isinstance(values, np.ndarray)
        self.streams = lazy or values.size * np.dtype(self.dtype).itemsize > device_bytes
        self._rows = values if self.streams else np.empty(0)
        self._count = len(values)
        self._resident = None
        if isinstance(values, np.ndarray) and not self.streams:
            self._resident = DeviceCopies(torch.from_numpy(self._converted(values)))
        self._labels = None if labels is None else DeviceCopies(torch.from_numpy(np.array(labels, dtype=np.int64)))

    def __len__(self) -> int:
        return self._count

    @property
    def labelled(self) -> bool:
        return self._labels is not None

    def class_counts(self) -> Tensor:
        """The number of samples of each class, ``[classes]``; of unlabelled data ``[0]``."""
        if self._labels is None:
            return torch.zeros(0, dtype=torch.int64)
        return torch.bincount(self._labels.on(torch.device("cpu")), minlength=self.classes)

    def _converted(self, values: np.ndarray) -> np.ndarray:
        """A contiguous copy of rows, of the kind that is drawn from, in its units."""
        if self.units is None:
            return np.array(values, dtype=self.dtype, order="C")
        found = np.empty(values.shape, dtype=self.dtype)
        step = max(1, (1 << 20) // max(1, values.shape[1]))
        for start in range(0, len(values), step):
            found[start : start + step] = self.units.standard(values[start : start + step])
        return found

    def take(self, index: Tensor) -> dict[str, Tensor]:
        """``{"real": [len(index), *shape]}``, float32 (or the kind), and ``"label"`` where there are labels."""
        if self._resident is None:
            wanted = index.cpu().numpy()
            rows = torch.from_numpy(self._converted(self._rows[wanted]))
            real = moved(rows, index.device)
            if not isinstance(self._rows, np.ndarray) and self._labels is not None:
                index = torch.from_numpy(self._rows.standing(wanted)).to(index.device)
        else:
            real = self._resident.on(index.device).index_select(0, index)
        real = real if self.dtype == np.float64 else real.float()
        batch = {"real": real.div_(self.scale.half).add_(self.scale.shift)}
        if self._labels is not None:
            batch["label"] = self._labels.on(index.device)[index]
        return batch


def moved(rows: Tensor, device: torch.device) -> Tensor:
    """Rows on a device; to a GPU from memory that stays in its place, so that nobody waits for the copy."""
    if device.type != "cuda":
        return rows.to(device)
    return rows.pin_memory().to(device, non_blocking=True)


Stamp = dict[Path, tuple[int, ...] | None]
"""Files and folders as they were: device, number, size and times of change of each, or None where there was nothing."""


def stamp(paths: Iterable[Path]) -> Stamp:
    """The present state of the disk. A folder's own time changes where a file in it is added, removed or replaced."""
    found: Stamp = {}
    for path in paths:
        try:
            facts = path.stat()
        except OSError:
            found[path] = None
        else:
            found[path] = (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
    return found


Progress = Callable[[int, int], None]
"""Called as ``progress(done, total)`` while slow work goes on."""


class FiniteSource:
    """Base of the sources over a `SampleBuffer`. Subclasses set ``shape`` and say how the bank is filled."""

    shape: tuple[int, ...]
    _bank: SampleBuffer | None = None
    _stamp: Stamp | None = None
    """The files that it is read from, as they were; sources that read any set it before they do."""

    def _fill(self, progress: Progress | None) -> SampleBuffer:
        """Reads, decodes or downloads the samples; called once."""
        raise NotImplementedError

    def changed(self) -> bool:
        """Whether the files are others now (`FromDisk`)."""
        return self._stamp is not None and stamp(self._stamp) != self._stamp

    def prepare(self, progress: Progress | None = None) -> None:
        """Does the slow work (decoding, downloading) now rather than at the first draw."""
        self._filled(progress)

    def _filled(self, progress: Progress | None = None) -> SampleBuffer:
        if self._bank is None:
            self._bank = self._fill(progress)
        return self._bank

    @property
    def classes(self) -> int:
        """The number of classes; 0 for data without labels."""
        return self._filled().classes

    def class_counts(self) -> Tensor:
        """The number of samples of each class, ``[classes]`` (`CountsClasses`)."""
        return self._filled().class_counts()

    @property
    def units(self) -> Units | TableUnits | None:
        """The units in which the samples were given, where they are drawn in others (`HasUnits`)."""
        return self._filled().units

    def __len__(self) -> int:
        """Number of distinct samples."""
        return len(self._filled())

    def draw(self, key: Key, count: int) -> dict[str, Tensor]:
        """``count`` samples with replacement: ``{"real": [count, *shape]}``, and ``"label"`` where labelled."""
        bank = self._filled()
        return bank.take(key.integers(len(bank), (count,)))

    @property
    def indexable(self) -> bool:
        """Whether `rows` are taken by tensor operations alone: they are held in memory, not on the disk."""
        return not self._filled().streams

    def rows(self, index: Tensor) -> dict[str, Tensor]:
        """The samples of these numbers, as `draw` gives them: ``{"real": [len(index), *shape]}``."""
        return self._filled().take(index)

    def examples(self, limit: int | None = None) -> Tensor:
        """The samples on the CPU, ``[n, *shape]``; with a ``limit``, at most that many, evenly spread over the data."""
        return self._spread(limit)["real"]

    def labelled_examples(self, limit: int | None = None) -> tuple[Tensor, Tensor]:
        """As `examples`, with the labels ``[n]``. Raises `ValueError` for data without labels."""
        batch = self._spread(limit)
        if "label" not in batch:
            raise ValueError(f"{type(self).__name__} holds no labels here; give a labelled data set such as digits")
        return batch["real"], batch["label"]

    def _spread(self, limit: int | None) -> dict[str, Tensor]:
        bank = self._filled()
        count = len(bank) if limit is None else min(limit, len(bank))
        return bank.take(torch.arange(count) * len(bank) // max(count, 1))

    def __deepcopy__(self, memo: dict[int, Any]) -> "FiniteSource":
        return self  # never changed by drawing, so a copied game may share it


class SyntheticSource:
    """Base of composed, labelled sources. Their examples are draws from a seed of their own."""

    shape: tuple[int, ...]
    classes: int

    def draw(self, key: Key, count: int) -> dict[str, Tensor]:
        """``{"real": [count, *shape], "label": [count]}``."""
        raise NotImplementedError

    def examples(self, limit: int | None = None) -> Tensor:
        """``limit`` samples (10,000 by default) on the CPU, always the same ones."""
        return self.labelled_examples(limit)[0]

    def labelled_examples(self, limit: int | None = None) -> tuple[Tensor, Tensor]:
        """As `examples`, with the labels ``[n]``."""
        batch = self.draw(Key(0, "examples"), 10_000 if limit is None else limit)
        return batch["real"], batch["label"]
