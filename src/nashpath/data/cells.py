"""The cells of a CSV file as they are written, before anything is made of them; and which of them are numbers."""

import csv
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple

from nashpath.data.samples import LARGEST

Delimiter = Literal["comma", "semicolon", "tab"]
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
TABLES = (".csv", ".tsv")
"""Endings of tables, in small letters."""
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


class Cells(NamedTuple):
    """The cells of each column by its name, without spaces around them, and the line at which each row begins."""

    columns: dict[str, list[str]]
    lines: list[int]


def read_cells(file: Path, delimiter: str) -> Cells:
    """The cells of a table in UTF-8 whose first row, after empty lines, names the columns.

    Raises `ValueError` for a file without rows or names, rows of another length, and quotes that are not closed.
    """
    with open(file, newline="", encoding="utf-8-sig") as handle:
        rows = _rows(handle, delimiter)
        names = [name.strip() for name in next(rows, (1, [""]))[1]]
        found = list(rows)
    other = next((key for key, mark in DELIMITERS.items() if mark != delimiter and mark in names[0]), None)
    if len(names) == 1 and other:
        raise ValueError(f"the first row names one column, {names[0]!r}; is delimiter={other} meant?")
    if not found:
        raise ValueError("holds no rows; the first names the columns, and those below it are samples")
    if all(number_in(name) is not None for name in names):
        raise ValueError(f"the first row holds numbers ({', '.join(names[:3])}, …); put the names of columns there")
    for name in names:
        if not name or names.count(name) > 1:
            raise ValueError(f"the first row names a column {name!r} {'twice' if name else '(without a name)'}")
    for line, row in found:
        if len(row) != len(names):
            raise ValueError(
                f"line {line} has {len(row)} cells, and the first row names {len(names)} columns (data.delimiter says "
                "what stands between them)"
            )
    columns = {name: [row[k].strip() for _, row in found] for k, name in enumerate(names)}
    return Cells(columns, [line for line, _ in found])


@contextmanager
def told_of(file: Path) -> Iterator[None]:
    """What is wrong in this block is said of the file."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: is not text in UTF-8 ({error.reason}); save it as CSV in UTF-8") from error
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{file}: {error}") from error


def delimiter_of(file: Path) -> Delimiter:
    """The mark that the first row of a table has most of outside quotes; commas are the likeliest to be in names."""
    with open(file, encoding="utf-8-sig", errors="replace") as handle:
        first = re.sub('"[^"]*"', "", next((line for line in handle if line.strip()), ""))
    known: tuple[Delimiter, ...] = ("tab", "semicolon", "comma")
    most = max(known, key=lambda name: first.count(DELIMITERS[name]))
    return most if DELIMITERS[most] in first else "comma"


def number_in(text: str) -> float | None:
    """A finite number, as other programs write it, too (``1_0`` and digits of other scripts are texts); or None."""
    if not NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if abs(value) <= LARGEST else None


GROUPED = re.compile("([+-]?[1-9][0-9]{0,2}([,.'\u2019])[0-9]{3}(?:\\2[0-9]{3})*)([.,][0-9]+)?")
"""A number with a mark between its thousands, and perhaps decimals behind another mark."""


SPACED = re.compile("([+-]?[1-9][0-9]{0,2})((?:[ _\u00a0\u2009\u202f][0-9]{3})+)([.,][0-9]+)?")
"""A number with spaces or underscores between its thousands."""
MINUS = "\u2212"


def bare(text: str) -> str:
    """A text without what stands around the digits of a number: a currency's or per-cent sign, spaces, brackets.

    Brackets about an amount are a minus, as bookkeepers write it.
    """
    inner = text.replace(MINUS, "-")
    if len(inner) > 2 and inner[0] == "(" and inner[-1] == ")":
        inner = f"-{inner[1:-1].strip()}"
    sign, body = (inner[0], inner[1:]) if inner[:1] in ("-", "+") else ("", inner)
    while body and (unicodedata.category(body[0]) == "Sc" or (body[0].isspace() and body != inner)):
        body = body[1:]
    while body and (unicodedata.category(body[-1]) == "Sc" or body[-1] in "%\u2030" or body[-1].isspace()):
        body = body[:-1]
    if not sign and body[:1] in ("-", "+") and body != inner:
        sign, body = body[0], body[1:]
    spaced = SPACED.fullmatch(body)
    if spaced:
        body = spaced[1] + re.sub("[^0-9]", "", spaced[2]) + (spaced[3] or "").replace(",", ".")
    return sign + body


def is_too_large(text: str) -> bool:
    """Whether a text is a number beyond what single precision holds."""
    return NUMBER.fullmatch(text) is not None and number_in(text) is None


def readings(text: str) -> dict[str, str]:
    """What a text that is no number may mean as one.

    With a ``decimal`` comma, with marks between ``thousands``, or by ``digits`` that signs stand around (`bare`).
    """
    inner = bare(text)
    if inner != text:
        return {"digits": inner} if number_in(inner) is not None else readings(inner)
    found = dict[str, str]()
    if "," in text and number_in(text.replace(",", ".")) is not None:
        found["decimal"] = text.replace(",", ".")
    grouped = GROUPED.fullmatch(text)
    if grouped and not (grouped[3] or "").startswith(grouped[2]):
        found["thousands"] = grouped[1].replace(grouped[2], "") + (grouped[3] or "").replace(",", ".")
    return found


def is_code(text: str) -> bool:
    """Whether a whole number has a leading zero, which only a text keeps: a post code, the number of an article."""
    return re.fullmatch("[+-]?0[0-9]+", text) is not None


def is_whole(text: str) -> bool:
    """Whether a number is written as a whole one."""
    return re.fullmatch("[+-]?[0-9]+", text) is not None


def _rows(handle: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The line at which each row begins, and its cells; empty lines are none. Raises `ValueError`."""
    held, before = list[str](), 0

    def lines() -> Iterator[str]:
        for line in chain(handle, ["\n"]):  # a quote that is still open takes the last one into its cell
            held.append(line)
            if "\0" in line:
                raise ValueError(f"line {before + len(held)} holds a NUL character; save the table as CSV in UTF-8")
            yield line

    rows = csv.reader(lines(), delimiter=delimiter)
    try:
        for row in rows:
            if len(held) > 1:
                _check_quotes(held, before, delimiter)
            if row:
                yield before + 1, row
            before += len(held)
            held.clear()
    except csv.Error as error:
        _check_quotes(held, before, delimiter)
        raise ValueError(f"line {before + len(held)}: {error}") from error


def _check_quotes(held: list[str], before: int, delimiter: str) -> None:
    """Refuses a row of several lines with a quote that swallowed lines: it ends in the middle of a cell, or never."""
    strict = csv.reader(held, delimiter=delimiter, strict=True)
    try:
        next(strict)
    except csv.Error as error:
        line = before + 1 + _opening(held[: max(1, strict.line_num - 1)], delimiter)
        raise ValueError(
            f"the quote that opens in line {line} is not closed at the end of its cell; close it there, and write a "
            "quote inside a cell twice"
        ) from error


def _opening(lines: list[str], delimiter: str) -> int:
    """In which line of a row that is still open its last cell begins, from 0."""

    def cells(line: int) -> int:
        return len(next(csv.reader(lines[: line + 1], delimiter=delimiter)))

    return bisect_left(range(len(lines)), cells(len(lines) - 1), key=cells)
