"""The run folder: settings, metrics, samples, checkpoint and assessments, each in a format that other programs open.

``config.toml`` (resolved settings), ``run.json`` (what, when, on what), ``members.json`` (one entry a member),
``metrics.jsonl`` (one row a line, appended), ``samples/step-*.npz``, ``reference.npz``, ``checkpoint.safetensors``;
after an assessment ``evaluation.json``, and ``diagnosis.json`` with ``diagnosis.npz``.
"""

import io
import json
import math
import platform
import re
import tomllib
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
import torch

from nashpath.core.cache import replacing
from nashpath.run.errors import SettingError
from nashpath.run.settings.overrides import DEEPEST, Raw


class RunFolder:
    """A run folder. Files are replaced atomically and rows appended; a resume drops what is after its checkpoint."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.config = folder / "config.toml"
        self.checkpoint = folder / "checkpoint.safetensors"
        self.metrics = folder / "metrics.jsonl"

    def exists(self) -> bool:
        """Whether the folder already holds a run."""
        return self.config.exists()

    def create(self, raw: Raw) -> None:
        """Makes the folder and writes the resolved settings."""
        (self.folder / "samples").mkdir(parents=True, exist_ok=True)
        for left in self.folder.glob(".*.tmp"):  # by a run that was killed while it wrote
            left.unlink()
        write_atomic(self.config, tomli_w.dumps(raw).encode())

    def read_config(self) -> Raw:
        """The resolved settings of the run."""
        return read_toml(self.config)

    def write_json(self, name: str, value: Any) -> None:
        """Replaces one of the JSON files; numbers that are not finite become null."""
        write_atomic(self.folder / name, (plain_json(value, indent=1) + "\n").encode())

    def append(self, rows: list[dict[str, Any]]) -> None:
        """Appends rows to the metrics."""
        with open(self.metrics, "a") as file:
            file.write("".join(plain_json(row) + "\n" for row in rows))

    def truncate(self, step: int) -> None:
        """Drops what was recorded after ``step``: rows, a half-written last line, and samples."""
        if self.metrics.exists():
            kept = [line for line in self.metrics.read_text().splitlines() if _step_of(line, step + 1) <= step]
            write_atomic(self.metrics, "".join(line + "\n" for line in kept).encode())
        for file in (self.folder / "samples").glob("step-*.npz"):
            if int(file.stem.removeprefix("step-")) > step:
                file.unlink()

    def write_arrays(self, name: str, arrays: dict[str, np.ndarray]) -> None:
        """Replaces an ``.npz`` file."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        write_atomic(self.folder / name, buffer.getvalue())


def read_toml(path: Path) -> Raw:
    """A TOML file. Raises `SettingError` that names the file where it is missing or broken."""
    try:
        return parse_toml(path.read_text(), str(path))
    except FileNotFoundError:
        raise SettingError(f"{path}: no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, IsADirectoryError) as error:
        raise SettingError(f"{path}: not a TOML file: {error}") from None


def parse_toml(text: str, where: str) -> Raw:
    """Settings as TOML. Raises `SettingError` that begins with ``where`` for what Python cannot, or should not, read.

    That is beside broken TOML a nesting so deep that reading it overflows, and a number of thousands of digits.
    """
    try:
        found = tomllib.loads(text)
        deep = _too_deep(found)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        found, deep = {}, _key_of(text, r"[\[{]\s*[\[{]\s*[\[{]") or "a value"
    except ValueError as error:  # Python's limit on the digits of a number
        raise SettingError(f"{where}: {_key_of(text, '[0-9_]{1000}') or 'a number'}: {error}") from None
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


def plain_json(value: Any, indent: int | None = None) -> str:
    """Standard JSON: numbers that are not finite become null."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    """The value with NaN and infinities as None: JSON has neither."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _step_of(line: str, otherwise: int) -> int:
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return otherwise


def write_atomic(path: Path, content: bytes) -> None:
    """Replaces ``path`` in one step: a reader, or a crash, sees the old content or the new, never a part."""
    with replacing(path) as file:
        file.write(content)


def machine() -> dict[str, Any]:
    """The facts of this machine and these libraries that a run folder records."""
    own = import_module("nashpath").__version__  # by name: a room imports nothing that imports rooms
    versions = {"nashpath": own} | {name: version(name) for name in ("torch", "numpy")}
    return {
        "versions": {**versions, "python": platform.python_version()},
        "platform": f"{platform.system()} {platform.machine()}",
        "threads": torch.get_num_threads(),
    }
