"""The columns of a table, each with the way from what it holds to the numbers that networks see, and back."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from nashpath.core.typed import normal_quantile

MOST_KNOTS = 1000
"""Quantiles of a column that are kept; of fewer rows all values are."""


@runtime_checkable
class Column(Protocol):
    """One column: ``encode`` its values ``[n]`` to ``[n, width]``, ``decode`` those back; both in double precision."""

    @property
    def name(self) -> str: ...

    @property
    def width(self) -> int: ...

    def encode(self, values: np.ndarray) -> np.ndarray: ...

    def decode(self, x: Tensor) -> Tensor: ...

    def shown(self, value: float) -> str: ...

    @property
    def parts(self) -> list[str]:
        """What to call each of its numbers; empty where another one says as much."""
        ...

    @property
    def one_hot(self) -> tuple[int, int] | None:
        """Where its one-hot numbers begin, and how many they are; None where it has none."""
        ...


class _Numbers:
    """What columns of numbers share: one number a row, which is whole where all of the file's are."""

    name: str
    whole: bool
    one_hot = None

    @property
    def parts(self) -> list[str]:
        """What to call its number."""
        return [self.name]

    @property
    def width(self) -> int:
        """How many numbers networks see of it."""
        return 1

    def shown(self, value: float) -> str:
        """A value as text."""
        return str(int(value)) if self.whole and math.isfinite(value) else repr(value)

    def _given(self, found: Tensor) -> Tensor:
        return found.round() if self.whole else found


class _Standard(NamedTuple):
    name: str
    mean: float
    deviation: float
    whole: bool = False


class Standard(_Numbers, _Standard):
    """Numbers with mean 0 and deviation 1: ``(v − mean) / deviation``; a constant is 0."""

    def encode(self, values: np.ndarray) -> np.ndarray:
        return ((np.asarray(values, np.float64) - self.mean) / (self.deviation or 1.0))[:, None]

    def decode(self, x: Tensor) -> Tensor:
        return self._given(self.mean + self.deviation * x[..., 0])


class _Quantile(NamedTuple):
    name: str
    knots: tuple[float, ...]
    normal: bool
    whole: bool = False


class Quantile(_Numbers, _Quantile):
    """Numbers by their rank: scores that are uniform in [−1, 1], or normal, whatever the column's distribution is.

    ::

        u = (r + ½) / (K + 1),   score = 2u − 1   or   score = Φ⁻¹(u)

    where r is the place of the value among the ``knots`` k₀ ≤ … ≤ k_K (the column's quantiles at 0, 1/K, …, 1),
    linear between two of them and the mean place of those that are equal to it. With a knot a row u is the mid-rank
    ``(rank − ½) / n``. The way back is linear between knots and never leaves them: no value below the least or above
    the largest of the column is made.

    Reference: Van der Waerden 1952 (normal scores); Hazen 1914 (plotting positions, ``(rank − ½) / n``).
    """

    def encode(self, values: np.ndarray) -> np.ndarray:
        knots, x = np.asarray(self.knots), np.asarray(values, np.float64)
        places = np.arange(len(knots), dtype=np.float64)
        # np.interp finds one of several equal knots: the last, and seen from the other end the first
        last, first = np.interp(x, knots, places), -np.interp(-x, -knots[::-1], -places[::-1])
        u = ((last + first) / 2 + 0.5) / len(knots)
        scores = np.asarray(normal_quantile(torch.as_tensor(u))) if self.normal else 2 * u - 1
        return scores[:, None]

    def decode(self, x: Tensor) -> Tensor:
        u = (x[..., 0] + 1) / 2
        if self.normal:  # in single precision, in which alone ONNX Runtime has it, and generators answer
            u = (1 + torch.erf((x[..., 0] / math.sqrt(2)).float()).to(x.dtype)) / 2
        knots = torch.tensor(self.knots, dtype=x.dtype, device=x.device)
        place = (u * len(self.knots) - 0.5).clamp(0, len(self.knots) - 1)
        below = place.floor().clamp(max=max(0, len(self.knots) - 2)).long()
        above = (below + 1).clamp(max=len(self.knots) - 1)
        return self._given(knots[below] + (place - below) * (knots[above] - knots[below]))


class _Category(NamedTuple):
    name: str
    names: tuple[str, ...]


class Category(_Category):
    """Texts of which there are few: one-hot, 1 at the place of the text among ``names``; back as its number."""

    @property
    def width(self) -> int:
        """How many numbers networks see of it."""
        return len(self.names)

    @property
    def one_hot(self) -> tuple[int, int] | None:
        """All of its numbers."""
        return 0, self.width

    @property
    def parts(self) -> list[str]:
        """What to call each of its numbers; of two the first says all."""
        found = [f"{self.name} = {text or '(empty)'}" for text in self.names]
        return [found[0], ""] if len(found) == 2 else found

    def encode(self, values: np.ndarray) -> np.ndarray:
        at = {name: k for k, name in enumerate(self.names)}
        return np.eye(len(self.names))[[at[str(value)] for value in values]]

    def decode(self, x: Tensor) -> Tensor:
        return x.argmax(-1).to(x.dtype)

    def shown(self, value: float) -> str:
        """The text of a number."""
        return self.names[int(value)]


class _WithGaps(NamedTuple):
    column: Any


class WithGaps(_WithGaps):
    """Numbers of which some are missing (NaN): the number beside one-hot numbers for *given* and *missing*.

    ::

        v  ->  (score(v), 1, 0)          missing  ->  (score(v'), 0, 1)

    where the v' of the k-th missing number is the quantile of those given at ``k φ mod 1``, φ the golden ratio: as the
    given ones are distributed, whatever stands beside it, so that no score alone tells that a number is missing. Back,
    a row is missing where the third number is above the second.

    Reference: Patki, Wedge & Veeramachaneni 2016, "The Synthetic Data Vault", section III (missing values as a column
    of their own, and values drawn in their place).
    """

    one_hot = (1, 2)

    @property
    def name(self) -> str:
        """The name of the column."""
        return self.column.name

    @property
    def width(self) -> int:
        """How many numbers networks see of it."""
        return 3

    @property
    def parts(self) -> list[str]:
        """The number, and whether it is missing."""
        return [self.name, "", f"{self.name} = (empty)"]

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Values ``[n]``, NaN where they are missing, as ``[n, 3]``."""
        x = np.array(values, np.float64)
        gaps = np.isnan(x)
        if gaps.all():
            x[:] = float(self.column.decode(torch.zeros(1, 1, dtype=torch.float64))[0])
        else:
            count = int(np.count_nonzero(gaps))
            places = np.array([(k * (math.sqrt(5) - 1) / 2) % 1 for k in range(1, count + 1)])
            x[gaps] = np.quantile(x[~gaps], places, method="inverted_cdf")
        return np.concatenate([self.column.encode(x), ~gaps[:, None], gaps[:, None]], 1)

    def decode(self, x: Tensor) -> Tensor:
        """Numbers ``[…, 3]`` as values, NaN where they are missing."""
        found = self.column.decode(x[..., :1])
        return torch.where(x[..., 2] > x[..., 1], torch.full_like(found, math.nan), found)

    def shown(self, value: float) -> str:
        """A value as text; empty where it is missing."""
        return "" if math.isnan(value) else self.column.shown(value)


KINDS: dict[str, type[Any]] = {
    "standard": Standard,
    "quantile": Quantile,
    "category": Category,
    "with_gaps": WithGaps,
}


class TableUnits(NamedTuple):
    """The columns of a table as they were given, beside the numbers ``[…, width]`` that stand for them (`Units`)."""

    columns: tuple[Any, ...]

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """Where one-hot columns begin among the numbers of a row, and how wide they are."""
        ends = np.cumsum([column.width for column in self.columns]).tolist()
        found = [(end - c.width, c.one_hot) for c, end in zip(self.columns, ends) if c.one_hot]
        return [(begin + at, width) for begin, (at, width) in found]

    def other_form(self, before: "TableUnits") -> list[str]:
        """In which columns rows have another form than those of ``before``, in words: other numbers stand for them."""
        old, new = ({column.name: column for column in one.columns} for one in (before, self))
        said = [f"column {name!r} is gone" for name in old if name not in new]
        said += [f"column {name!r} is new" for name in new if name not in old]
        for name in (name for name in old if name in new):
            then, now = (getattr(one[name], "names", ()) for one in (old, new))
            said += [f"column {name!r} holds {text!r} now" for text in now if then and text not in then]
            said += [f"column {name!r} holds no {text!r} now" for text in then if now and text not in now]
            if bool(then) != bool(now) or (not now and old[name].width != new[name].width):
                took, takes = old[name].width, new[name].width
                parts = ", ".join(filter(None, new[name].parts))
                said.append(f"column {name!r} was {took} of a sample's numbers and is {takes} ({parts})")
        return said

    def encoded(self, values: Sequence[np.ndarray]) -> np.ndarray:
        """The numbers of columns ``[n]`` each, ``[n, width]``."""
        return np.concatenate([column.encode(own) for column, own in zip(self.columns, values)], 1)

    def standard(self, x: np.ndarray) -> np.ndarray:
        """The numbers of rows ``[n, columns]``, in double precision."""
        return self.encoded(list(np.asarray(x).T))

    def original(self, x: Tensor) -> Tensor:
        """The rows ``[…, columns]`` that numbers ``[…, width]`` stand for, in double precision; texts by number."""
        numbers, found, begin = x.double(), list[Tensor](), 0
        for column in self.columns:
            found.append(column.decode(numbers[..., begin : begin + column.width]))
            begin += column.width
        return torch.stack(found, -1)

    def texts(self, rows: Tensor) -> list[list[str]]:
        """Rows of `original` as a file of text has them."""
        return [[column.shown(float(value)) for column, value in zip(self.columns, row)] for row in rows]

    def plain(self) -> list[Any]:
        """All of it as plain values."""
        return [_plain(column) for column in self.columns]

    @classmethod
    def from_plain(cls, columns: list[dict[str, Any]]) -> "TableUnits":
        """What `plain` gave, also after JSON."""
        return cls(tuple(_column(**column) for column in columns))


def _plain(column: Any) -> dict[str, Any]:
    """A column, and one that it holds, as plain values."""
    (kind,) = [name for name, one in KINDS.items() if one is type(column)]
    own = {key: _plain(value) if type(value) in KINDS.values() else value for key, value in column._asdict().items()}
    return {"kind": kind, **own}


def _column(kind: str, **own: Any) -> Any:
    """A column of plain values; its sequences, which JSON makes lists, are tuples."""
    return KINDS[kind](**{key: _of_plain(value) for key, value in own.items()})


def _of_plain(value: Any) -> Any:
    """A column that another one holds, or a number, a text or a sequence of them."""
    if isinstance(value, dict):
        return _column(**value)  # type: ignore[reportUnknownArgumentType]
    return tuple(value) if isinstance(value, list) else value  # type: ignore[reportUnknownArgumentType]


def spread(x: np.ndarray) -> float:
    """The standard deviation of finite numbers ``[n]``, also where their squares are below all that a double holds.

    The sum of squares is taken in units of a power of two, so that it is to the bit that of `numpy.std` elsewhere.
    """
    distance = np.asarray(x - x.mean(), np.float64)
    exponent = math.frexp(float(np.abs(distance).max()))[1]
    scaled = float(np.mean(np.square(np.ldexp(distance, -exponent))))
    return math.ldexp(math.sqrt(scaled), exponent)


def scored(name: str, values: np.ndarray, scale: str, whole: bool = False) -> Standard | Quantile:
    """A column of finite numbers by one of the scales: ``standard``, ``uniform`` or ``normal``."""
    x = np.asarray(values, np.float64)
    if scale == "standard":
        mean, deviation = (float(x[0]), 0.0) if x.min() == x.max() else (float(x.mean()), spread(x))
        return Standard(name, mean, deviation, whole)
    count = min(len(x), MOST_KNOTS)
    knots = np.sort(x) if len(x) == count else np.quantile(x, np.linspace(0, 1, count))
    return Quantile(name, tuple(knots.tolist()), scale == "normal", whole)
