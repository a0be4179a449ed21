"""Tables of people's own, with columns of numbers and of texts."""

import csv
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nashpath.core.columns import Category, Column, TableUnits, scored
from nashpath.core.source import Units
from nashpath.data.base import FiniteSource, SampleBuffer, stamp
from nashpath.data.samples import LARGEST

Scores = Literal["standard", "uniform", "normal"]
Delimiter = Literal["comma", "semicolon", "tab"]
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
MOST_CATEGORIES = 1000
"""Texts of one column; of more, each is hardly ever seen twice."""


class CSV(FiniteSource):
    """A table in a CSV file (UTF-8), whose first row names the columns: numbers, and texts as categories.

    Columns of numbers are standardised, or mapped by their ranks (``scale``, as of an array); where all numbers of the
    file are whole, so are those of samples. Columns that hold texts, and those that ``categorical`` names (with commas
    between), are one-hot, an empty cell being a category like others; columns that ``leave_out`` names are not read. A
    sample is the vector ``[width]`` of all these numbers. Samples of a trained run are rows like the file's.

    Raises `ValueError`, naming the file, for rows of another length, numbers that are missing (fill them in, or leave
    the column out), columns of more than 1,000 different texts, and names of columns that there are not.

    Reference: RFC 4180; Xu, Skoularidou, Cuesta-Infante & Veeramachaneni 2019, "Modeling Tabular Data using Conditional
    GAN", section 4 (tables for GANs).
    """

    def __init__(
        self,
        path: str = "",
        categorical: str = "",
        leave_out: str = "",
        scale: Scores = "standard",
        delimiter: Delimiter = "comma",
    ):
        if not path:
            raise ValueError("path is missing: give a CSV file")
        file = Path(path).expanduser()
        if not file.is_file():
            raise FileNotFoundError(f"path: there is no file {file} (seen from {Path.cwd()})")
        self._stamp = stamp([file])
        try:
            table = _read(file, DELIMITERS[delimiter])
            declared = _named(categorical, table, "categorical")
            for name in _named(leave_out, table, "leave_out"):
                del table[name]
            if not table:
                raise ValueError("leave_out leaves no column")
            columns = {name: _column(name, cells, scale, name in declared) for name, cells in table.items()}
        except UnicodeDecodeError as error:
            raise ValueError(f"{file}: is not text in UTF-8 ({error.reason}); save it as CSV in UTF-8") from error
        except (ValueError, csv.Error) as error:
            raise ValueError(f"{file}: {error}") from error
        self._units = TableUnits(tuple(columns.values()))
        encoded = self._units.encoded([np.asarray(cells) for cells in table.values()])
        self._bank = SampleBuffer(encoded.astype(np.float32))
        self.shape = self._bank.shape

    @classmethod
    def settings_for(cls, path: Path) -> dict[str, Any] | None:
        """For a .csv or .tsv file (`ReadsPath`), the mark that its first row has most of."""
        if path.suffix.lower() not in (".csv", ".tsv"):
            return None
        with open(path, encoding="utf-8-sig", errors="replace") as handle:
            first = handle.readline()
        most = max(DELIMITERS, key=lambda name: first.count(DELIMITERS[name]))
        return {"path": str(path), **({} if most == "comma" else {"delimiter": most})}

    @property
    def units(self) -> Units | TableUnits:
        """The columns, by which samples go back to what the file holds (`HasUnits`)."""
        return self._units

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """Where the numbers of each category begin in a sample, and how many they are (`OneHot`)."""
        return self._units.blocks


def _read(file: Path, delimiter: str) -> dict[str, list[str]]:
    """The cells of each column, by its name."""
    with open(file, newline="", encoding="utf-8-sig") as handle:
        rows = csv.reader(handle, delimiter=delimiter)
        names = [name.strip() for name in next(rows, [""])]
        cells = [(rows.line_num, row) for row in rows if row]
    other = next((key for key, mark in DELIMITERS.items() if mark != delimiter and mark in names[0]), None)
    if len(names) == 1 and other:
        raise ValueError(f"the first row names one column, {names[0]!r}; is delimiter={other} meant?")
    if not cells:
        raise ValueError("holds no rows; the first names the columns, and those below it are samples")
    if all(_number(name) is not None for name in names):
        raise ValueError(f"the first row holds numbers ({', '.join(names[:3])}, …); put the names of columns there")
    for name in names:
        if not name or names.count(name) > 1:
            raise ValueError(f"the first row names a column {name!r} {'twice' if name else '(without a name)'}")
    for line, row in cells:
        if len(row) != len(names):
            raise ValueError(
                f"line {line} has {len(row)} cells, and the first row names {len(names)} columns (data.delimiter says "
                "what stands between them)"
            )
    return {name: [row[k].strip() for _, row in cells] for k, name in enumerate(names)}


def _named(text: str, table: dict[str, list[str]], key: str) -> list[str]:
    """The columns that a setting names."""
    chosen = [name.strip() for name in text.split(",") if name.strip()]
    for name in chosen:
        if name not in table:
            raise ValueError(f"{key}: there is no column {name!r}; there are {', '.join(table)}")
    return chosen


def _number(text: str) -> float | None:
    """A finite number, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) <= LARGEST else None


def _column(name: str, cells: list[str], scale: str, declared: bool) -> Column:
    """What a column holds: numbers where all cells are some, else categories. Raises `ValueError`."""
    numbers = [None if declared else _number(cell) for cell in cells]
    if not any(number is None for number in numbers):
        values = np.array(numbers, np.float64)
        return scored(name, values, scale, whole=bool((values == values.round()).all()))
    missing = [k for k, cell in enumerate(cells) if cell.lower() in ("", "nan", "na", "null", "none")]
    known = sum(number is not None for number in numbers)
    if not declared and known and missing and known + len(missing) == len(cells):
        raise ValueError(
            f"column {name!r} holds numbers, but none in row {missing[0] + 1} ({cells[missing[0]]!r}); fill it in, "
            "leave the row out, or name the column in data.categorical or data.leave_out"
        )
    names = sorted(set(cells))
    if len(names) > MOST_CATEGORIES:
        raise ValueError(
            f"column {name!r} holds {len(names)} different texts, more than the {MOST_CATEGORIES} that are told apart; "
            "name it in data.leave_out"
        )
    return Category(name, tuple(names))
