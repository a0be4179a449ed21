"""From text to settings: ``key=value`` overrides, sweeps and seed ranges."""

import itertools
import re
import tomllib
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

from nashpath.run.errors import SettingError

METHODS = frozenset(
    {
        *("game", "data", "objective", "penalty", "technique", "generator", "discriminator", "constraint", "average"),
        *("solver", "solver.generator", "solver.discriminator"),
        *("solver.generator.schedule", "solver.discriminator.schedule"),
    }
)
"""The settings that choose a method: the keys of `nashpath.run.settings.model.TABLES` (a test)."""
MOST_MEMBERS = 100_000
DEEPEST = 32
"""Tables inside tables; no setting has a third of it."""
TOGETHER = "together"
"""The entry of sweeps that holds whole points (settings that change together) in place of one key's values."""
Raw = dict[str, Any]
"""Settings before validation, as a TOML file holds them."""


def parse_value(text: str) -> Any:
    """A TOML value where the text is one (``3``, ``1e-3``, ``true``, ``[1, 2]``, ``"ring"``), else the text itself."""
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    except (ValueError, RecursionError):
        raise SettingError(
            f"{text[:40]}… ({len(text)} characters): too long, or nested too deep, for a setting"
        ) from None
    return value if isinstance(value, bool | int | float | str | list | dict) else text


def parse_assignment(text: str, flag: str) -> tuple[str, str]:
    """``key=value`` in two parts."""
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise SettingError(f"{flag} {text!r} is not of the form key=value, such as {flag} penalty.weight=1")
    return key.strip(), value.strip()


def parse_seeds(value: Any) -> list[int]:
    """Seeds from ``"0:16"`` (0 to 15), ``"3,5,9"``, a number or a list. Raises `SettingError`."""
    if isinstance(value, str):
        text = value.removeprefix("[").removesuffix("]")
        try:
            value = [seed for part in text.split(",") for seed in _seed_range(*map(_plain_number, part.split(":")))]
        except SettingError:
            raise
        except (ValueError, TypeError):
            raise SettingError(
                f"seeds: {_short(value)} is not a range such as 0:16 (0 to 15), or a list such as 0,1,2"
            ) from None
    seeds = value if isinstance(value, list) else [value]
    if not seeds:
        raise SettingError("seeds: there are none; give at least one, such as 0 or 0:16")
    if any(isinstance(seed, bool) for seed in seeds):
        raise SettingError(f"seeds: {_short(seeds)}: expected whole numbers, such as 0 or 0:16, not true or false")
    if _twice(seeds):
        raise SettingError(f"seeds: {_short(seeds)} names a seed twice; two such members would be the same experiment")
    return seeds


def _plain_number(text: str) -> int:
    """A whole number as digits alone: Python's also has underscores between them, and the digits of other scripts."""
    if not re.fullmatch(r"\s*[+-]?[0-9]+\s*", text):
        raise ValueError(text)
    return int(text)


def _twice(values: list[Any]) -> list[tuple[Any, Any]]:
    """Pairs of values that make the same setting, such as ``1`` and ``1.0``."""
    first: dict[str, Any] = {}
    pairs: list[tuple[Any, Any]] = []
    for value in values:
        key = _as_one(value)
        if key in first:
            pairs.append((first[key], value))
        first.setdefault(key, value)
    return pairs


def _as_one(value: Any) -> str:
    """A text that two values share where they make the same setting: the order of a table's keys does not matter."""
    if isinstance(value, dict):
        return str(sorted((str(key), _as_one(part)) for key, part in value.items()))
    if isinstance(value, list):
        return str([_as_one(part) for part in value])
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _seed_range(first: int, end: int | None = None) -> range:
    """One seed, or those from ``first`` to just before ``end``."""
    end = first + 1 if end is None else end
    if end <= first:
        raise ValueError("an empty range")
    if end - first > MOST_MEMBERS:
        raise SettingError(f"seeds: {first}:{end} are {end - first} members; one run has at most {MOST_MEMBERS}")
    return range(first, end)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:60]}… ({len(text)} characters)"


def assign(raw: Raw, changes: "Changes", methods: Container[str] = METHODS) -> Raw:
    """A copy of the settings with values put in by dotted key: methods first, so that their order does not matter.

    ``methods`` are the keys that choose one; choosing another drops the settings that were given to the old one.
    """
    raw = _unshared(raw)
    for path, value in sorted(pairs_of(changes), key=lambda change: (change[0] not in methods, change[0].count("."))):
        _put(raw, path, value, methods)
    return raw


def _unshared(value: Any) -> Any:
    """Deep copy without shared sub-tables: one rule given to both players must not become one rule of both."""
    if isinstance(value, dict):
        return {key: _unshared(part) for key, part in value.items()}
    return [_unshared(part) for part in value] if isinstance(value, list) else value


def _put(raw: Raw, path: str, value: Any, methods: Container[str]) -> None:
    """Sets a dotted path in nested tables, in place. A method's name becomes ``{kind = name}``."""
    *parents, last = path.split(".")
    if len(parents) > DEEPEST:
        raise SettingError(f"{path[:60]}…: nested more than {DEEPEST} deep, which no setting is")
    table = raw
    for depth, key in enumerate(parents):
        where = ".".join(parents[: depth + 1])
        if isinstance(table.get(key), str) and where in methods:
            table[key] = {"kind": table[key]}
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            raise SettingError(f"{path}: {where} is a plain value and has no settings of its own")
    if path in methods and isinstance(value, str):
        # What was meant for another method does not carry over; methods inside it (rules, their schedules) do.
        before = table[last] if isinstance(table.get(last), dict) else {}
        same = before.get("kind", value) == value
        value = {**{k: v for k, v in before.items() if same or f"{path}.{k}" in methods}, "kind": value}
    table[last] = _unshared(value)


def override(raw: Raw, texts: Iterable[str]) -> Raw:
    """The settings of a config file with ``-s key=value`` texts put in. Raises `SettingError`."""
    raw = assign(raw, parse_overrides(texts))
    return {**raw, "seeds": parse_seeds(raw["seeds"])} if "seeds" in raw else raw


def asked(raw: Raw, texts: Iterable[str], swept: Iterable[str]) -> tuple[Raw, dict[str, list[Any]]]:
    """``(settings, sweeps)`` of a config file with ``-s`` and ``--sweep`` texts put in. Raises `SettingError`.

    Settings of a method that the sweep replaces by others go with it, so that what ``-s`` says is for those others.
    """
    raw = _unshared(raw)
    sweeps = flatten_sweeps(raw.pop("sweep", {})) | parse_sweeps(swept)
    for path in METHODS & sweeps.keys():
        _leave_to_sweep(raw, path, sweeps[path])
    texts = list(texts)
    _check_not_both(parse_overrides(texts), sweeps)
    return override(raw, texts), sweeps


def _check_not_both(given: Iterable[tuple[str, Any]], sweeps: dict[str, list[Any]]) -> None:
    """Raises `SettingError` where a setting that is swept is given a value that no member would have."""
    swept = {key: values for key, values in sweeps.items() if key != TOGETHER}
    for key in sorted({key for point in sweeps.get(TOGETHER, ()) for key in point}):
        values = [point.get(key) for point in sweeps[TOGETHER]]
        swept |= {key: values} if all(key in point for point in sweeps[TOGETHER]) else {}
    for key, value in given:
        if key in swept and _as_one(value) not in map(_as_one, swept[key]):
            raise SettingError(
                f"{key}: -s gives it {_short(value)}, and it is swept over {_short(swept[key])}, so no member would "
                "have that one; leave out one of them"
            )


def _leave_to_sweep(raw: Raw, path: str, kinds: list[Any]) -> None:
    """Takes away, in place, a method that is none of the swept ones, but not the methods inside it."""
    *parents, last = path.split(".")
    holder: Any = raw
    for key in parents:
        holder = holder.get(key) if isinstance(holder, dict) else None
    given = holder.get(last) if isinstance(holder, dict) else None
    if isinstance(given, str) and given not in kinds:
        del holder[last]
    elif isinstance(given, dict) and "kind" in given and given["kind"] not in kinds:
        holder[last] = {key: value for key, value in given.items() if f"{path}.{key}" in METHODS}


Changes = Mapping[str, Any] | Iterable[tuple[str, Any]]
"""Settings by their keys, in a mapping or as pairs."""


def pairs_of(changes: Changes) -> list[tuple[str, Any]]:
    """Changes as pairs. Raises `SettingError` for what is neither a mapping nor pairs of a key and a value."""
    given: list[Any] = list(changes.items() if isinstance(changes, Mapping) else changes)
    for one in given:
        if not isinstance(one, tuple | list) or len(one) != 2 or not isinstance(one[0], str):
            raise SettingError(
                f'changes: expected a mapping such as {{"steps": 100}}, or pairs such as ("steps", 100), got {one!r}'
            )
    return [(key, value) for key, value in given]


def parse_overrides(texts: Iterable[str]) -> list[tuple[str, Any]]:
    """``-s key=value`` texts as assignments."""
    pairs = [parse_assignment(text, "-s") for text in texts]
    return [(key, _of_key(key, parse_seeds if key == "seeds" else parse_value, value)) for key, value in pairs]


def _of_key(key: str, parse: Callable[[str], Any], value: str) -> Any:
    """The value of a setting; what refuses it names the key."""
    try:
        return parse(value)
    except SettingError as error:
        raise error if str(error).startswith(key) else SettingError(f"{key}: {error}") from None


def parse_values(text: str) -> Any:
    """``a,b,c``, or a TOML list of values; what that is no list of is left to who asked."""
    return parse_value(text) if text.startswith("[") else [parse_value(part.strip()) for part in text.split(",")]


def parse_sweeps(texts: Iterable[str]) -> dict[str, list[Any]]:
    """``--sweep key=a,b,c`` texts as ``{key: values}``; a value with commas is written as a TOML list of values."""
    sweeps: dict[str, list[Any]] = {}
    for text in texts:
        key, value = parse_assignment(text, "--sweep")
        values = parse_values(value)
        if key in sweeps:
            raise SettingError(f"--sweep {key} is given twice; write --sweep {key}=a,b,c once")
        sweeps[key] = values
    return _checked(sweeps)


def flatten_sweeps(table: Any, prefix: str = "") -> dict[str, list[Any]]:
    """The ``[sweep]`` table of a config file as ``{key: values}``; ``"penalty.weight"`` may be quoted or nested.

    ``[[sweep.together]]`` holds points: tables of settings that change together.
    """
    if not isinstance(table, dict):
        raise SettingError(f"sweep: expected a table of lists, such as penalty.weight = [0.1, 1], got {table!r}")
    sweeps: dict[str, list[Any]] = {}
    for key, value in table.items():
        found = flatten_sweeps(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        twice = sorted(found.keys() & sweeps.keys())
        if twice:
            raise SettingError(
                f"sweep: {twice[0]} is given twice, as {_short(sweeps[twice[0]])} and {_short(found[twice[0]])}; "
                "give it once"
            )
        sweeps |= found
    return _checked(sweeps)


def _checked(sweeps: dict[str, Any]) -> dict[str, list[Any]]:
    """The sweeps, points by dotted key. Raises `SettingError` where they make no members, or the same one twice."""
    if TOGETHER in sweeps:
        sweeps = {**sweeps, TOGETHER: _points(sweeps[TOGETHER], sweeps)}
    _check_sweeps(sweeps)
    return sweeps


def _points(points: Any, sweeps: dict[str, Any]) -> list[dict[str, Any]]:
    """Points by dotted key. Raises `SettingError` for what is no list of tables, or names what is swept besides."""
    if not isinstance(points, list) or not all(isinstance(point, dict) for point in points):
        raise SettingError(
            'sweep.together: expected tables of settings that change together, such as [{penalty = "r1", '
            f'"penalty.weight" = 1}}], got {_short(points)}'
        )
    found = [_dotted(point) for point in points]
    for key in sorted({key for point in found for key in point}):
        if key == "seeds" or key in sweeps:
            raise SettingError(f"sweep.together: {key} is swept by itself already; name it once")
    return found


def _dotted(table: Raw, prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in table.items():
        path = (
            prefix[:-1] if key == "kind" and prefix[:-1] in METHODS else prefix + key
        )  # a method is called by its key
        found |= _dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else {path: value}
    return found


def _check_sweeps(sweeps: dict[str, Any]) -> None:
    for key, values in sweeps.items():
        if key == "seeds":
            raise SettingError("sweep: seeds are not swept; use --seeds 0:8, which crosses with every sweep")
        try:
            repr(values)
        except ValueError:  # in another base than ten they are read
            raise SettingError(f"sweep: {key}: a number of thousands of digits, which no setting takes") from None
        if not isinstance(values, list) or not values or "" in values:
            raise SettingError(f"sweep: {key}: expected values, such as --sweep {key}=a,b,c, got {values!r}")
        twice = _twice(values)
        if twice:
            what, (one, other) = "point" if key == TOGETHER else "value", twice[0]
            raise SettingError(
                f"sweep: {key}: {_short(values)} names a {what} twice ({_short(one)} and {_short(other)}); two such "
                "members would be the same experiment"
            )


def cross(sweeps: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Every combination of the swept values, the last key fastest; points that change `TOGETHER` faster still."""
    crossed = {key: values for key, values in sweeps.items() if key != TOGETHER}
    points = [dict(zip(crossed, values)) for values in itertools.product(*crossed.values())]
    return [{**point, **other} for point in points for other in sweeps.get(TOGETHER, [{}])]
