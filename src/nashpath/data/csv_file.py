"""Tables of people's own, with columns of numbers and of texts."""

import warnings
from copy import copy
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from nashpath.core.columns import Category, Column, TableUnits, WithGaps, scored
from nashpath.core.source import Units
from nashpath.data.base import DataWarning, FiniteSource, SampleBuffer, stamp
from nashpath.data.cells import (
    DELIMITERS,
    TABLES,
    Delimiter,
    delimiter_of,
    is_code,
    is_too_large,
    is_whole,
    number_in,
    read_cells,
    readings,
    told_of,
)
from nashpath.data.rounding import check_rounding, some_rows
from nashpath.data.samples import LARGEST
from nashpath.data.whole_numbers import EXACT, merged_texts

Scores = Literal["standard", "uniform", "normal"]
GAPS = ("", "nan", "na", "null", "none")
"""Cells of a column of numbers that hold none, in small letters."""
FEW = 20
"""Rows of which a column of texts that all differ is no wonder."""
MOST_CATEGORIES = 1000
"""Texts of one column; of more, each is hardly ever seen twice."""


class CSV(FiniteSource):
    """A table in a CSV file (UTF-8), whose first row names the columns: numbers, and texts as categories.

    Columns of numbers are standardised, or mapped by their ranks (``scale``, as of an array); where all numbers of the
    file are whole, so are those of samples. A number that is missing (an empty cell, or ``NaN``, ``NA``, ``null``) is
    a column of its own beside those that are given (`nashpath.core.columns.WithGaps`), and an empty cell of samples.
    Columns that hold texts, and those that ``categorical`` names (with commas
    between), are one-hot, an empty cell being a category like others; columns that ``leave_out`` names are not read. A
    sample is the vector ``[width]`` of all these numbers. Samples of a trained run are rows like the file's. The texts
    of the column that ``label`` names are the classes, in the order of numbers or of the alphabet, and no part of a
    sample.

    Raises `ValueError`, naming the file, for rows of another length, quotes that are not closed, columns of more than
    1,000 different texts, and names of columns that there are not.

    Reference: RFC 4180; Xu, Skoularidou, Cuesta-Infante & Veeramachaneni 2019, "Modeling Tabular Data using Conditional
    GAN", section 4 (tables for GANs).
    """

    precise: ClassVar[bool] = False
    """Whether rows stay float64: those that are measured, and never trained on."""

    def __init__(
        self,
        path: str = "",
        categorical: str = "",
        leave_out: str = "",
        label: str = "",
        scale: Scores = "standard",
        delimiter: Delimiter = "comma",
    ):
        if not path:
            raise ValueError("path is missing: give a CSV file")
        file = Path(path).expanduser()
        if not file.is_file():
            raise FileNotFoundError(f"path: there is no file {file} (seen from {Path.cwd()})")
        self._stamp, self._file, self._delimiter = stamp([file]), file, DELIMITERS[delimiter]
        self.label_name = label.strip()
        with told_of(file):
            table, lines = read_cells(file, self._delimiter)
            declared = _named(categorical, table, "categorical")
            self.class_names: list[str] = []
            if self.label_name:
                if self.label_name not in table:
                    raise ValueError(f"label: there is no column {self.label_name!r}; there are {', '.join(table)}")
                self.class_names = sorted(set(table[self.label_name]), key=_in_order)
                _check_number(self.label_name, self.class_names, "name it in data.leave_out")
            for name in _named(leave_out, table, "leave_out"):
                if name == self.label_name:
                    raise ValueError(f"leave_out: {name!r} is the label; it is no part of a sample already")
                del table[name]
            cells = {name: own for name, own in table.items() if name != self.label_name}
            odd = {name: "" if name in declared else _oddity(name, own, lines) for name, own in cells.items()}
            columns = {name: _column(name, own, scale, name in declared, odd[name]) for name, own in cells.items()}
            self._fill_bank(table, columns)
        for said in filter(None, odd.values()):
            warnings.warn(f"{file}: {said}", DataWarning, stacklevel=2)

    def _fill_bank(self, table: dict[str, list[str]], columns: dict[str, Column]) -> None:
        """Encodes the cells of these columns, and the classes."""
        if not columns:
            raise ValueError("no column is left to make samples of")
        self._units = TableUnits(tuple(columns.values()))
        encoded = self._units.encoded([_cells(column, table[name]) for name, column in columns.items()])
        at = {name: k for k, name in enumerate(self.class_names)}
        labels = np.array([at[cell] for cell in table[self.label_name]]) if self.label_name else None
        kind = np.float64 if self.precise else np.float32
        if not self.precise:
            names = [part for column in columns.values() for part in column.parts]
            cure = "scores of ranks (-s data.scale=uniform or normal) keep columns with far outliers"
            check_rounding(some_rows(encoded), str(self._file), cure, named=lambda k: f"column {names[k]!r}")
        self._bank = SampleBuffer(encoded, labels, len(self.class_names), kind=kind)
        self.shape = self._bank.shape

    @classmethod
    def settings_for(cls, path: Path) -> dict[str, Any] | None:
        """For a .csv or .tsv file (`ReadsPath`), the mark that its first row has most of."""
        if path.suffix.lower() not in TABLES:
            return None
        found = delimiter_of(path)
        return {"path": str(path), **({} if found == "comma" else {"delimiter": found})}

    def in_units(self, units: TableUnits, class_names: list[str]) -> "CSV":
        """The rows of this file as those of another table with the same columns (`Rereads`), whatever their order.

        Raises `ValueError`, naming the file, where columns are missing, or hold what that table does not.
        """
        found = copy(self)
        with told_of(self._file):
            table = read_cells(self._file, self._delimiter).columns
            wanted = [*units.names, *([self.label_name] if self.label_name else [])]
            lacking = [name for name in wanted if name not in table]
            if lacking:
                raise ValueError(f"there is no column {lacking[0]!r}; the table that it is held against has one")
            columns = dict(zip(units.names, units.columns))
            known: dict[str, tuple[str, ...]] = {n: c.names for n, c in columns.items() if isinstance(c, Category)}
            if self.label_name:
                known[self.label_name] = tuple(class_names)
            for name, texts in known.items():
                other = sorted(set(table[name]) - set(texts))
                if other:
                    raise ValueError(f"column {name!r} holds {other[0]!r}, which the other table does not")
            found.class_names = list(class_names) if self.label_name else []
            found._fill_bank(table, columns)
        return found

    @property
    def units(self) -> Units | TableUnits:
        """The columns, by which samples go back to what the file holds (`HasUnits`)."""
        return self._units

    @property
    def columns(self) -> TableUnits:
        """The same, as the columns of a table."""
        return self._units

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """Where the numbers of each category begin in a sample, and how many they are (`OneHot`)."""
        return self._units.blocks


class MeasuredCSV(CSV):
    """The same to be measured: its rows are float64."""

    precise = True


def _named(text: str, table: dict[str, list[str]], key: str) -> list[str]:
    """The columns that a setting names."""
    chosen = [name.strip() for name in text.split(",") if name.strip()]
    for name in chosen:
        if name not in table:
            raise ValueError(f"{key}: there is no column {name!r}; there are {', '.join(table)}")
    return chosen


def _in_order(text: str) -> tuple[float, str]:
    """Numbers by their size, before texts."""
    value = number_in(text)
    return (np.inf if value is None else value, text)


def _check_number(name: str, texts: list[str], cure: str) -> None:
    if len(texts) > MOST_CATEGORIES:
        raise ValueError(
            f"column {name!r} holds {len(texts)} different texts, more than the {MOST_CATEGORIES} that are told apart; "
            f"{cure}"
        )


def _oddity(name: str, cells: list[str], lines: list[int]) -> str:
    """Why a column is none of numbers, and what to do, where nine tenths of its cells are some; else `_all_differ`."""
    given = [(line, cell) for line, cell in zip(lines, cells) if cell.lower() not in GAPS]
    odd = [(line, cell) for line, cell in given if number_in(cell) is None or is_code(cell)]
    marked = [(line, cell) for line, cell in odd if readings(cell) or is_too_large(cell)]
    if not odd or 10 * (len(odd) - len(marked)) > len(given):
        return _all_differ(name, cells)
    clear = [(line, cell) for line, cell in marked if len(readings(cell)) == 1]
    line, cell = (clear or marked or odd)[0]
    if is_too_large(cell):
        cure = f"numbers go to {LARGEST:.3g} here: give the column in other units, or name it in data.leave_out"
    elif marked:
        cure = _written_as(cell, {way for _, own in clear for way in readings(own)})
    elif is_code(cell):
        cure = "write it without the leading zero if it is an amount"
    else:
        cure = "leave the cell empty if the number is missing, else correct it"
    return (
        f"column {name!r} is read as texts, although most of its cells are numbers, for {cell!r} in line {line}; "
        f"{cure} (data.categorical={name} if texts are meant)"
    )


def _all_differ(name: str, cells: list[str]) -> str:
    """What to do about a column that is one of texts, of which nearly each is another one; else empty."""
    texts = set(cells)
    numbers = all(number_in(cell) is not None or cell.lower() in GAPS for cell in texts)
    if len(cells) < FEW or 10 * len(texts) < 9 * len(cells) or (numbers and not any(map(is_code, texts))):
        return ""
    return (
        f"column {name!r} holds {len(texts):,} different texts in {len(cells):,} rows, each of which is a category: "
        f"samples can only repeat them, cell by cell. Name it in data.leave_out, or write numbers (of a date the days "
        f"since another); data.categorical={name} if the texts are meant"
    )


def _written_as(cell: str, ways: set[str]) -> str:
    """How to write a cell with a mark between thousands, or a decimal comma, where cells of the column are ``ways``."""
    known = readings(cell)
    if "digits" in known:
        return f"write {known['digits']}, the number alone, and so in all cells"
    whole, point = known.get("thousands", ""), known.get("decimal", "")
    if {"thousands", "decimal"} <= ways:
        return "some commas stand between thousands and others for decimals: write 1000.5 for each such number"
    if whole and point:
        return f"write {whole} if the comma stands between thousands, or {point} if it is decimal, and so in all cells"
    how = "without marks between thousands" if whole else "with a decimal point"
    return f"write {whole or point}, {how}, and so in all cells"


def _cells(column: Column, cells: list[str]) -> np.ndarray:
    """The cells of a column as its `encode` takes them. Raises `ValueError` for a text where numbers are."""
    if isinstance(column, Category):
        return np.asarray(cells)
    large = next((cell for cell in cells if is_whole(cell) and abs(number_in(cell) or 0) >= EXACT), "")
    if large and abs(int(large)) > EXACT:
        raise ValueError(
            f"column {column.name!r} holds the whole number {large}, and beyond 2^53 these are not told apart; name it "
            f"in data.leave_out or data.categorical, or write {float(large):.6g} where it is an amount"
        )
    numbers = [number_in(cell) for cell in cells]
    if found := merged_texts(cell for cell, value in zip(cells, numbers) if value is not None and abs(value) >= EXACT):
        raise ValueError(
            f"column {column.name!r} holds the numbers {found[0]} and {found[1]}, and beyond 2^53 these are not told "
            "apart; name it in data.leave_out or data.categorical, or write fewer digits where it is an amount"
        )
    for k, (value, cell) in enumerate(zip(numbers, cells)):
        if value is None and not (isinstance(column, WithGaps) and cell.lower() in GAPS):
            raise ValueError(f"column {column.name!r} holds no number in row {k + 1} ({cell!r})")
    return np.array([np.nan if value is None else value for value in numbers])


def _column(name: str, cells: list[str], scale: str, declared: bool, odd: str) -> Column:
    """What a column holds: numbers where all cells are some or empty, else categories. Raises `ValueError`."""
    text = declared or any(map(is_code, cells))
    numbers = [] if text else [value for cell in cells if (value := number_in(cell)) is not None]
    missing = sum(cell.lower() in GAPS for cell in cells)
    if numbers and len(numbers) + missing == len(cells):
        values = np.array(numbers, np.float64)
        column = scored(name, values, scale, whole=bool((values == values.round()).all()))
        return WithGaps(column) if missing else column
    names = sorted(set(cells))
    _check_number(name, names, odd or "name it in data.leave_out")
    return Category(name, tuple(names))
