"""Settings from a TOML file, those of earlier versions under their present names."""

import re
import tomllib
from pathlib import Path
from typing import Any

from nashpath.run.errors import SettingError
from nashpath.run.settings.overrides import DEEPEST, Raw

RENAMED: dict[str, Raw] = {"tensorboard": {"track": ["tensorboard"]}}
"""Switches of earlier versions that are settings of another name now, and what they say where they are on."""


def read_toml(path: Path) -> Raw:
    """A TOML file, with settings of an earlier version under their present names.

    Raises `SettingError` that names the file where it is missing or broken.
    """
    try:
        return renamed(parse_toml(path.read_text(encoding="utf-8-sig"), str(path)))
    except FileNotFoundError:
        raise SettingError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise SettingError(f"{path}: not a TOML file but a folder") from None
    except UnicodeDecodeError:
        raise SettingError(f"{path}: not a TOML file: it holds no text (in UTF-8)") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"{path}: not a TOML file: {error}") from None


def renamed(raw: Raw) -> Raw:
    """Settings of an earlier version as this one has them."""
    for name, now in RENAMED.items():
        if isinstance(raw.get(name), bool):
            raw = {**(now if raw[name] else {}), **{key: value for key, value in raw.items() if key != name}}
    return raw


def parse_toml(text: str, where: str) -> Raw:
    """Settings as TOML. Raises `SettingError` that begins with ``where`` for what Python cannot, or should not, read.

    That is beside broken TOML a nesting so deep that reading it overflows, and a number of thousands of digits.
    """
    try:
        found = tomllib.loads(text)
        deep = _too_deep(found)
        if not deep:
            repr(found)  # numbers in other bases are read beyond the limit, and fail when they are to be shown
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        found, deep = {}, _key_of(text, r"[\[{]\s*[\[{]\s*[\[{]") or "a value"
    except ValueError as error:  # Python's limit on the digits of a number
        raise SettingError(f"{where}: {_key_of(text, '[0-9A-Fa-f_xob]{1000}') or 'a number'}: {error}") from None
    if deep:
        raise SettingError(f"{where}: {deep}: nested more than {DEEPEST} deep, which no setting is")
    return found


def _too_deep(value: Any) -> str:
    """The key under which a value is nested deeper than `DEEPEST`, or an empty string."""
    waiting: list[tuple[Any, str, int]] = [(value, "", 0)]
    while waiting:
        one, key, depth = waiting.pop()
        if depth > DEEPEST:
            return key.split(".")[0]
        if isinstance(one, dict):
            waiting += [(v, f"{key}.{k}" if key else k, depth + 1) for k, v in one.items()]
        elif isinstance(one, list):
            waiting += [(v, key, depth + 1) for v in one]
    return ""


def _key_of(text: str, pattern: str) -> str:
    """The key of the first line whose value matches."""
    found = re.search(rf"^\s*([^=\n]{{1,80}}?)\s*=[^\n]*?{pattern}", text, re.MULTILINE)
    return found[1] if found else ""
