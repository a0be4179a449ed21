"""From text to settings: ``key=value`` overrides, sweeps and seed ranges."""

import copy
import itertools
import tomllib
from collections.abc import Iterable
from typing import Any

from nashpath.run.settings import TABLES

Raw = dict[str, Any]
"""Settings before validation, as a TOML file holds them."""


class SettingError(ValueError):
    """Settings that cannot be used; the message names each key, what was expected, and the nearest valid name."""


def parse_value(text: str) -> Any:
    """A TOML value where the text is one (``3``, ``1e-3``, ``true``, ``[1, 2]``, ``"ring"``), else the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def parse_assignment(text: str, flag: str) -> tuple[str, str]:
    """``key=value`` in two parts."""
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise SettingError(f"{flag} {text!r} is not of the form key=value, such as {flag} penalty.weight=1")
    return key.strip(), value.strip()


def parse_seeds(value: Any) -> list[int]:
    """Seeds from ``"0:16"`` (0 to 15), ``"3,5,9"``, a number or a list."""
    if isinstance(value, str):
        try:
            parts = [part.split(":") for part in value.split(",")]
            ranges = [range(int(p[0]), int(p[1])) if len(p) == 2 else [int(p[0])] for p in parts]
        except (ValueError, IndexError):
            raise SettingError(f"seeds: {value!r} is not a range such as 0:16, or a list such as 0,1,2") from None
        value = list(itertools.chain.from_iterable(ranges))
        if not value:
            raise SettingError("seeds: the range is empty; 0:16 means 0 to 15")
    seeds = value if isinstance(value, list) else [value]
    if len(set(map(str, seeds))) < len(seeds):
        raise SettingError(f"seeds: {seeds} names a seed twice; two such members would be the same experiment")
    return seeds


def assign(raw: Raw, path: str, value: Any) -> None:
    """Sets a dotted path in nested tables, in place. A method's name becomes ``{kind = name}``."""
    *parents, last = path.split(".")
    table = raw
    for depth, key in enumerate(parents):
        where = ".".join(parents[: depth + 1])
        if isinstance(table.get(key), str) and where in TABLES:
            table[key] = {"kind": table[key]}
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            raise SettingError(f"{path}: {where} is a plain value and has no settings of its own")
    if path in TABLES and isinstance(value, str):
        value = {"kind": value}
    table[last] = value


def override(raw: Raw, assignments: Iterable[tuple[str, Any]]) -> Raw:
    """The settings with assignments applied: methods first, so that the order of the flags does not matter.

    Choosing another method drops the settings that the file gave to the old one.
    """
    raw = copy.deepcopy(raw)
    ordered = sorted(assignments, key=lambda item: (item[0] not in TABLES, item[0].count(".")))
    for path, value in ordered:
        assign(raw, path, value)
    return raw


def parse_overrides(texts: Iterable[str]) -> list[tuple[str, Any]]:
    """``-s key=value`` texts as assignments."""
    pairs = [parse_assignment(text, "-s") for text in texts]
    return [(key, parse_seeds(value) if key == "seeds" else parse_value(value)) for key, value in pairs]


def parse_sweeps(texts: Iterable[str]) -> dict[str, list[Any]]:
    """``--sweep key=a,b,c`` texts as ``{key: values}``; a value with commas is written as a TOML list of values."""
    sweeps: dict[str, list[Any]] = {}
    for text in texts:
        key, value = parse_assignment(text, "--sweep")
        values = parse_value(value) if value.startswith("[") else [parse_value(v.strip()) for v in value.split(",")]
        if key in sweeps:
            raise SettingError(f"--sweep {key} is given twice; write --sweep {key}=a,b,c once")
        if key == "seeds":
            raise SettingError("seeds are not swept with --sweep; use --seeds 0:8, which crosses with every sweep")
        if not values or "" in values:
            raise SettingError(f"--sweep {text!r} has an empty value; write --sweep {key}=a,b,c")
        if len(set(map(str, values))) < len(values):
            raise SettingError(f"--sweep {text!r} names a value twice")
        sweeps[key] = values
    return sweeps


def cross(sweeps: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Every combination of the swept values, the last key fastest."""
    return [dict(zip(sweeps, values)) for values in itertools.product(*sweeps.values())]
