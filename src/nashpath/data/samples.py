"""Recognition of arrays of samples: vectors or images, colour axis, range; an error where it is ambiguous."""

import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from nashpath.core.columns import Quantile, Standard, TableUnits, scored
from nashpath.core.errors import first_names
from nashpath.core.plain import why_not_plain
from nashpath.core.source import Units
from nashpath.data.base import BYTES, GIBIBYTE, PLAIN, DataWarning, FiniteSource, SampleBuffer, Scale
from nashpath.data.rounding import check_rounding, some_rows
from nashpath.data.whole_numbers import EXACT, check_apart

Layout = Literal["auto", "channels_first", "channels_last"]
Columns = Literal["none", "standard", "uniform", "normal"]
"""Columns of vectors as they are, with mean 0 and standard deviation 1, or by ranks as uniform or normal scores."""
BLOCK = 1 << 22
LARGEST = float(np.finfo(np.float32).max)
NAMED = 10
"""Classes without samples that a warning names."""
Floating = type[np.floating[Any]]
"""The kind of numbers that samples are computed in."""


class Recognised(NamedTuple):
    """``values`` is ``[n, d]`` or ``[n, channels, height, width]``, a view of what was given."""

    values: np.ndarray
    scale: Scale
    units: Units | TableUnits | None = None


def recognise(
    values: np.ndarray, where: str, layout: Layout = "auto", columns: Columns = "none", kind: Floating = np.float32
) -> Recognised:
    """Vectors ``[n, d]`` as they are, or with units by which their columns are scaled (``columns``).

    Images ``[n, h, w]``, NHWC or NCHW, bytes or floats, as NCHW with their scale. They are computed in ``kind``: with
    float32 as networks see them, with float64 to be measured alone.

    Warns where rounding to that kind merges the values of a column or takes a share of its deviation
    (`nashpath.data.rounding`), and where columns are far from the scale of networks. Raises `ValueError` that begins
    with ``where`` for another shape or kind of number, for NaN, infinity and numbers beyond the kind, for columns of
    which rounding leaves nothing, and for float images that leave both [-1, 1] and [0, 1].
    """
    if values.dtype.kind not in "biuf":
        raise ValueError(f"{where}: holds {values.dtype}, not numbers; save a uint8 or float32 array")
    if values.ndim not in (2, 3, 4) or 0 in values.shape:
        raise ValueError(f"{where}: shape {values.shape}; expected vectors [n, d], or images [n, h, w] or [n, h, w, c]")
    low, high = _span(values, where, kind)
    if values.ndim == 2:
        if max(-low, high) >= EXACT:
            check_apart(values, where)
        units = _columns(values, columns)
        if not _warn_of_rounding(values, where, units, kind) and units is None and kind == np.float32:
            _warn_of_scales(values, where)
        return Recognised(values, PLAIN, units)
    if columns != "none":
        raise ValueError(
            f"{where}: scale={columns} is for vectors [n, d]; images are scaled by their range: leave it out"
        )
    scale = _image_scale(values.dtype, low, high, where)
    _warn_of_rounding(values, where, None, kind)
    return Recognised(_channels_first(values, where, layout), scale)


def _columns(values: np.ndarray, columns: Columns) -> Units | TableUnits | None:
    """The units by which the columns of vectors are scaled; None where they are as they are."""
    if columns == "none":
        return None
    if columns == "standard":
        return _units(values)
    return TableUnits(tuple(_ranked(values, k, columns) for k in range(len(values[0]))))


def _warn_of_rounding(values: np.ndarray, where: str, units: Units | TableUnits | None, kind: Floating) -> bool:
    """Whether the kind of numbers loses much of a column, and a warning said so (`check_rounding`)."""
    if units is None and (values.dtype.kind == "b" or values.dtype.itemsize < 4):
        return False
    rows = some_rows(values)
    if kind != np.float32:
        return check_rounding(rows, where, "subtract what the numbers have in common before they are saved", kind)
    if units is not None:
        cure = "scale='uniform' or 'normal' (-s data.scale=…), which map ranks, keep columns with far outliers"
        return check_rounding(units.standard(rows), where, cure)
    if values.ndim > 2:
        cure = "give images of which the contrast is a part of 0 to 1"
        return check_rounding(rows, where, cure, named="pixel {}, all colours counted,".format)
    cure = "scale='standard' (-s data.scale=standard) takes off the mean and the deviation before numbers are rounded"
    return check_rounding(rows, where, cure)


def _blocks(values: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Iterates over blocks of at most `BLOCK` values, so that a memory map is never loaded at once."""
    step = max(1, BLOCK // max(1, values[0].size))
    for start in range(0, len(values), step):
        yield start, values[start : start + step]


def _span(values: np.ndarray, where: str, kind: Floating) -> tuple[float, float]:
    if values.dtype == np.uint8:
        _check_bytes(values, where)
        return 0.0, 255.0
    low, high, largest = np.inf, -np.inf, float(np.finfo(kind).max)
    for start, block in _blocks(values):
        block_low, block_high = float(block.min()), float(block.max())
        if not (block_low >= -largest and block_high <= largest):  # false for NaN, too
            with np.errstate(over="ignore"):  # of longer numbers than double
                held = np.abs(block.astype(np.float64)) <= largest
            bad = ~held.reshape(len(block), -1).all(1)
            raise ValueError(
                f"{where}: sample {start + int(bad.argmax())} holds NaN, infinity or more than {kind.__name__} can; "
                "remove it"
            )
        low, high = min(low, block_low), max(high, block_high)
    return low, high


DARK = 32
"""Bytes that all lie below it are perhaps no bytes, but numbers of a smaller range."""


def _check_bytes(values: np.ndarray, where: str) -> None:
    """Refuses images of bytes that are all 0 or 1, and warns where all are very dark; looks at 10,000 of them."""
    if values.ndim == 2:
        return
    most = int(values[:: max(1, len(values) // 10_000)].max())
    if most == 1:
        raise ValueError(f"{where}: bytes of 0 and 1 alone, which as 0 to 255 are all black; {_recognisable(0, 1)}")
    if 0 < most < DARK:
        warnings.warn(
            f"{where}: bytes from 0 to {most}, which as 0 to 255 are nearly black; if {most} is white, give "
            f"x * (255 / {most}) as bytes, or x / {most} as float numbers",
            DataWarning,
            stacklevel=5,
        )


def _units(values: np.ndarray) -> Units:
    """Mean and deviation of each column over all rows, in two passes; the deviation of a constant column is 0."""
    total = np.zeros(values.shape[1])
    low, high = np.full_like(total, np.inf), np.full_like(total, -np.inf)
    for _, part in _blocks(values):
        block = np.asarray(part, dtype=np.float64)
        total += block.sum(0) / len(values)
        low, high = np.minimum(low, block.min(0)), np.maximum(high, block.max(0))
    mean = np.where(low == high, low, total)
    square = np.zeros_like(mean)
    exponent = np.frexp(np.maximum(high - mean, mean - low))[1]  # of the unit, in which no square is lost
    for _, block in _blocks(values):
        distance = np.ldexp(np.asarray(block, dtype=np.float64) - mean, -exponent)
        square += np.square(distance).sum(0) / len(values)
    deviation = np.where(low == high, 0.0, np.ldexp(np.sqrt(square), exponent))
    return Units(tuple(mean.tolist()), tuple(deviation.tolist()))


def _ranked(values: np.ndarray, k: int, scale: str) -> Standard | Quantile:
    """Column ``k`` of vectors as scores of its ranks."""
    return scored(str(k), np.array(values[:, k]), scale)


FAR = 100.0
"""A mean or a deviation above it, or a ratio of two deviations above its square: no network begins near such data."""


def _warn_of_scales(values: np.ndarray, where: str) -> None:
    """Warns where the columns of vectors are far from the scale at which networks begin, or from each other's."""
    rows = np.asarray(values[:: max(1, len(values) // 10_000)], dtype=np.float64)
    mean, deviation = rows.mean(0), rows.std(0)
    size = np.maximum(np.abs(mean), deviation)
    varied = deviation[deviation > 0]
    if size.max() <= FAR and (not varied.size or varied.max() <= FAR**2 * varied.min()):
        return
    worst = int(size.argmax()) if size.max() > FAR else int(np.where(deviation > 0, deviation, np.inf).argmin())
    warnings.warn(
        f"{where}: column {worst} has mean {mean[worst]:.3g} and deviation {deviation[worst]:.3g}; columns are taken "
        "as they are, and networks begin near 1: scale='standard' (-s data.scale=standard) standardises them, and is "
        "undone on samples; so do 'uniform' and 'normal', which map ranks",
        DataWarning,
        stacklevel=4,
    )


def _image_scale(kind: np.dtype, low: float, high: float, where: str) -> Scale:
    if kind == np.uint8:
        return BYTES
    if kind.kind != "f":
        raise ValueError(f"{where}: images of {kind} from {low:g} to {high:g}; {_recognisable(low, high)}")
    if low >= 0 and high <= 1:
        if 0 < high < DARK / 255:
            warnings.warn(
                f"{where}: float images from {low:.3g} to {high:.3g}, which as [0, 1] are nearly black; if {high:.3g} "
                f"is white (were they divided by 255 twice?), give x / {high:.3g}",
                DataWarning,
                stacklevel=5,
            )
        return Scale(0.5, -1.0)
    if low >= -1 and high <= 1:
        return PLAIN
    raise ValueError(
        f"{where}: float images from {low:g} to {high:g}; expected [-1, 1] or [0, 1] (or uint8, 0 to 255): "
        f"{_recognisable(low, high)}"
    )


def _recognisable(low: float, high: float) -> str:
    """What to give in place of images of numbers from ``low`` to ``high``, so that they are recognised."""
    if low >= 0 and high <= 1:
        return "give 255 * x as uint8, or x as float32"
    if low >= 0 and DARK <= high <= 255:
        return "give x as uint8 (0 to 255)"
    size = max(-low, high)
    unit = 10.0 ** (math.floor(math.log10(size)) - 2)
    most = math.ceil(size / unit * (1 - 1e-12)) * unit
    return f"give x / {most:.3g} as float32, from {'-1' if low < 0 else '0'} to 1"


def _channels_first(values: np.ndarray, where: str, layout: Layout) -> np.ndarray:
    if values.ndim == 3:
        return values[:, None]
    first, last = values.shape[1] in (1, 3), values.shape[3] in (1, 3)
    known = {"auto": last and not first, "channels_first": False, "channels_last": True}
    if layout not in known:
        raise ValueError(f"{where}: layout={layout!r} is unknown; choose one of {', '.join(known)}")
    if layout == "auto" and first == last:
        why = "both axis 1 and axis 3 could be" if first else "neither axis 1 nor axis 3 (1 or 3 long) is"
        raise ValueError(
            f"{where}: shape {values.shape}: {why} the colour channels; say layout='channels_first' or 'channels_last'"
        )
    return values.transpose(0, 3, 1, 2) if known[layout] else values


class Samples(FiniteSource):
    """Samples given as a tensor or an array: vectors ``[n, d]``, or images as `recognise` reads them.

    ``scale="standard"`` draws columns of vectors with mean 0 and deviation 1, ``"uniform"`` and ``"normal"`` scores of
    their ranks (`nashpath.core.columns.Quantile`); `units` goes back to those given.
    ``labels`` are whole numbers from 0, ``[n]``, also in a list. The values are copied unless they stream (more than
    ``device_bytes``). Raises `ValueError` as `recognise` does, for labels that do not fit, and
    for what holds no number in some place (masked, sparse, nested, on the device meta).
    """

    precise: ClassVar[bool] = False
    """Whether vectors of finer numbers than float32 stay float64: those that are measured, and never trained on."""

    def __init__(
        self,
        values: Tensor | np.ndarray,
        labels: Tensor | np.ndarray | Sequence[int] | None = None,
        layout: Layout = "auto",
        device_bytes: int = GIBIBYTE,
        where: str = "samples",
        scale: Columns = "none",
    ):
        given = _array(values, where)
        fine = self.precise and given.ndim == 2 and not np.can_cast(given.dtype, np.float32)
        kind = np.float64 if fine else np.float32
        rows, span, units = recognise(given, where, layout, scale, kind)
        known = None if labels is None else checked_labels(_label_array(labels, where), len(rows), where)
        classes = 0 if known is None else int(known.max()) + 1
        self._bank = SampleBuffer(rows, known, classes, span, device_bytes, units, kind)
        self.shape = self._bank.shape


def checked_labels(labels: np.ndarray, count: int, where: str) -> np.ndarray:
    """The labels, if they are ``count`` whole numbers of at least 0; else `ValueError`."""
    if labels.shape != (count,) or labels.dtype.kind not in "biu" or labels.min() < 0:
        raise ValueError(
            f"{where}: labels must be {count} whole numbers from 0, one a sample; got {labels.dtype} of shape "
            f"{labels.shape}" + (f" from {labels.min()}" if labels.dtype.kind in "biu" and labels.size else "")
        )
    if labels.min() == 1:
        raise ValueError(
            f"{where}: labels are 1 to {labels.max()}; classes are counted from 0, so class 0 is empty: subtract 1"
        )
    missing = sorted(set(range(int(labels.max()) + 1)) - set(labels.tolist())) if labels.max() < 2 * count else [0]
    if missing:
        told = f"{len(missing)} of {int(labels.max()) + 1} classes" if labels.max() < 2 * count else "most classes"
        warnings.warn(
            f"{where}: {told} have no sample, class {missing[0]} for one; number them from 0", DataWarning, stacklevel=3
        )
    return labels


def labels_of_kept(labels: np.ndarray, kept: np.ndarray, where: str, names: Sequence[str] = ()) -> np.ndarray:
    """The labels of the samples at places ``kept``; a warning names the classes that have no sample any more.

    They stay classes, so that the others keep their numbers. Without ``names`` they are called by these.
    """
    left = labels[kept]
    gone = [names[int(k)] if names else str(k) for k in np.setdiff1d(labels, left)]
    if gone:
        many = len(gone) > 1
        warnings.warn(
            f"{where}: no sample of {'classes' if many else 'class'} {first_names(gone, NAMED)} could be read; "
            f"{'they stay classes' if many else 'it stays a class'} (of {int(labels.max()) + 1}) without samples: mend "
            f"{'their' if many else 'its'} files, or take {'them' if many else 'it'} out",
            DataWarning,
            stacklevel=3,
        )
    return left


def _label_array(labels: Any, where: str) -> np.ndarray:
    """Labels in an array, of whatever holds them by their numbers."""
    if isinstance(labels, Tensor | np.ndarray):
        return _array(labels, f"{where}: labels")
    try:
        return np.asarray(labels)
    except ValueError as error:  # lists of several lengths
        raise ValueError(f"{where}: labels must be whole numbers from 0, one a sample ({error})") from None


def _array(values: Tensor | np.ndarray, where: str) -> np.ndarray:
    if not isinstance(values, Tensor | np.ndarray):
        raise TypeError(f"{where}: a {type(values).__name__} is no tensor and no array; give torch.as_tensor(values)")
    if said := why_not_plain(values, where):
        raise ValueError(said)
    if isinstance(values, np.ndarray):
        return values if isinstance(values, np.memmap) else np.asarray(values)
    plain = values.detach().cpu().resolve_neg()
    held = plain.dtype in (torch.float16, torch.float32, torch.float64) or not plain.is_floating_point()
    return (plain if held else plain.float()).numpy()
