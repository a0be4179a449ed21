"""Protocols of data: what a source has, and what some know besides."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeGuard, cast, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from nashpath.core.arguments import instead
from nashpath.core.columns import TableUnits
from nashpath.core.contracts import gives, in_few_words
from nashpath.core.key import Key


def _no_samples(result: Any, source: "Source", key: Key, count: int) -> str:
    """What is wrong with samples."""
    if not isinstance(result, dict) or "real" not in result:
        given = ", ".join(map(str, cast("dict[str, object]", result))) or "nothing" if isinstance(result, dict) else ""
        names = f" of {given}" if given else ""
        return f'returns {in_few_words(result)}{names}, not {{"real": samples}}'
    real = cast("dict[str, object]", result)["real"]
    wanted = (count, *source.shape)
    if not isinstance(real, Tensor) or tuple(real.shape) != wanted or real.dtype != torch.get_default_dtype():
        kind = f" of {real.dtype}" if isinstance(real, Tensor) else ""
        return f"returns {in_few_words(real)}{kind} as real, not one of {torch.get_default_dtype()} and shape {wanted}"
    return ""


@instead(
    "nashpath.as_source(x) makes one of a tensor, an array, a torch Dataset or its DataLoader, Array(path) of a file, "
    "Folder(path) of images"
)
@runtime_checkable
class Source(Protocol):
    """An endless supply of real samples.

    ``shape`` is the shape of one sample: ``(2,)`` for points, ``(channels, height, width)`` for images, whose values
    lie in [-1, 1]. ``draw(key, count)`` returns independent samples ``{"real": [count, *shape]}`` as float32 on
    the key's device; labelled data adds ``"label": [count]`` (int64). The same key gives the same
    samples. Sources carry no parameters; members of a sweep may share one.
    """

    shape: tuple[int, ...]

    @gives(_no_samples, pure=True)
    def draw(self, key: Key, count: int) -> dict[str, Tensor]:
        """``count`` independent samples, ``{"real": [count, *shape]}``, whose numbers the key makes."""
        ...


@runtime_checkable
class HasModes(Source, Protocol):
    """A mixture of equal round Gaussians: ``centres [k, d]`` and their standard ``deviation``."""

    centres: Tensor
    deviation: float


@runtime_checkable
class HasDensity(Source, Protocol):
    """Data whose density is known: ``log_density`` maps ``[..., *shape]`` to ``[...]``."""

    def log_density(self, x: Tensor) -> Tensor: ...


@runtime_checkable
class OnManifold(Protocol):
    """Data on a line or surface: a density, where there is one, is a density along it."""

    def manifold_distance(self, x: Tensor) -> Tensor: ...


@runtime_checkable
class HasExamples(Source, Protocol):
    """Data with real samples to show, ``[n, *shape]``: all that are held (in the order of their labels), or some."""

    def examples(self, limit: int | None = None) -> Tensor: ...


@runtime_checkable
class Finite(HasExamples, Protocol):
    """Data with a finite number of distinct samples, which a generator could memorise."""

    def __len__(self) -> int: ...


@runtime_checkable
class Indexed(Finite, Protocol):
    """Finite data whose samples are taken by their numbers: ``rows(index)`` as `Source.draw`, by tensor operations.

    ``indexable`` is false where they stay on the disk.
    """

    @property
    def indexable(self) -> bool: ...

    def rows(self, index: Tensor) -> dict[str, Tensor]: ...


@runtime_checkable
class Classified(Source, Protocol):
    """Data that may have classes: how many (0 without labels), and real samples with their labels."""

    @property
    def classes(self) -> int: ...

    def labelled_examples(self, limit: int | None = None) -> tuple[Tensor, Tensor]: ...


@runtime_checkable
class CountsClasses(Classified, Protocol):
    """Finite labelled data that know how many samples each class has, ``[classes]``, without reading the samples."""

    def class_counts(self) -> Tensor: ...


@runtime_checkable
class Stacked(Source, Protocol):
    """Samples whose channels are each a sample of labelled ``digits``: the mode is the number that they spell."""

    @property
    def digits(self) -> Classified: ...


@runtime_checkable
class HoldsOut(Source, Protocol):
    """Data of which a part was kept from training; None where nothing was."""

    @property
    def held_out(self) -> Classified | None: ...


@runtime_checkable
class Prepares(Protocol):
    """Data with slow work (decoding, downloading) to be done before the first draw."""

    def prepare(self, progress: Callable[[int, int], None] | None = None) -> None: ...


class Units(NamedTuple):
    """The mean and the standard deviation of each column, which standardised samples count from and in."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def standard(self, x: np.ndarray) -> np.ndarray:
        """``(x − mean) / deviation``, in double precision; a column that is constant becomes 0."""
        deviation = np.asarray(self.deviation)
        return (np.asarray(x, dtype=np.float64) - self.mean) / np.where(deviation > 0, deviation, 1.0)

    def original(self, x: Tensor) -> Tensor:
        """``mean + deviation · x``, in double precision, ``[..., d]``; a column that is constant is that constant."""
        return torch.tensor(self.mean, dtype=torch.float64, device=x.device) + x.double() * torch.tensor(
            self.deviation, dtype=torch.float64, device=x.device
        )

    def plain(self) -> list[Any]:
        """All of it as plain values."""
        return [list(column) for column in self]


def units_from_plain(plain: list[Any]) -> "Units | TableUnits":
    """What ``plain()`` of units gave, also after JSON."""
    if isinstance(plain[0], dict):
        return TableUnits.from_plain(plain)
    return Units(*map(tuple, plain))


@runtime_checkable
class HasUnits(Source, Protocol):
    """Data that are drawn in other units than they were given in, or may be; None where they are not."""

    @property
    def units(self) -> Units | TableUnits | None: ...


@runtime_checkable
class Rereads(Source, Protocol):
    """Data whose units follow from their rows, and that can be read again in the units of others like them."""

    def in_units(self, units: TableUnits, class_names: list[str]) -> Source: ...


@runtime_checkable
class Foldered(Source, Protocol):
    """Data in folders: the names of those that hold all samples between them, which may be classes; none of others."""

    @property
    def subfolders(self) -> list[str]: ...


@runtime_checkable
class OneHot(Source, Protocol):
    """Vectors of which some numbers are one-hot: where each such block begins, and how wide it is; none: no blocks."""

    @property
    def blocks(self) -> list[tuple[int, int]]: ...


def is_labelled(source: object) -> TypeGuard[Classified]:
    """Whether the data have labels."""
    return isinstance(source, Classified) and source.classes > 0


def class_balance(source: Classified) -> Tensor:
    """The share of each class in the data, ``[classes]``; of data without end, in their examples."""
    if isinstance(source, CountsClasses):
        counts = source.class_counts()
    else:
        counts = torch.bincount(source.labelled_examples()[1], minlength=source.classes)
    return counts.float() / counts.sum()


def empty_classes(source: object) -> list[str]:
    """The names of the classes of finite labelled data that have no sample."""
    if not isinstance(source, CountsClasses):
        return []
    return [name for name, count in zip(class_names(source), source.class_counts()) if not int(count)]


def class_names(source: object) -> list[str]:
    """The names of the classes: those that the data give (``class_names``), else their numbers."""
    given = list(getattr(source, "class_names", []))
    return given or [str(k) for k in range(source.classes if is_labelled(source) else 0)]


def fitting_features(source: Source) -> str:
    """The feature extractor that fits the data: the one that they name as ``features``, else by their shape."""
    return getattr(source, "features", "pixels" if len(source.shape) == 1 else "inception")


@runtime_checkable
class FromDisk(Protocol):
    """A source that was read from files, and can tell cheaply whether they are still what it was read from."""

    def changed(self) -> bool:
        """Whether files were added, removed, replaced or written since, by their modification times alone."""
        ...


@runtime_checkable
class ReadsPath(Protocol):
    """A class of data that people keep in files: what to set for those at a path, None where it does not read such."""

    def settings_for(self, path: Path) -> dict[str, Any] | None: ...
