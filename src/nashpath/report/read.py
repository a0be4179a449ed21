"""A run folder as data.

A run may be read while it is still being written: a missing file is an empty part and a half-written last line of
``metrics.jsonl`` is left out. A file that is there but cannot be understood is an error that names it.
"""

import json
import tomllib
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

KNOWN = ("run.json", "members.json", "metrics.jsonl", "config.toml", "samples")
COSTS = {"gradients": "gradient evaluations", "train_seconds": "seconds of training"}
"""Keys of a metrics row that say what a member has cost so far, and their units."""
REAL = "real."
"""Prefix of the arrays of ``reference.npz`` that are numbers of real samples."""
RESERVED = ("step", "member", "seconds", *COSTS)
"""Keys of a metrics row that say when, who and for what price, not what was measured."""


class RunFolderError(ValueError):
    """A run folder, or a file in it, that cannot be read; the message names it and says what to do."""


@dataclass(frozen=True)
class ReportMember:
    """One member of the population: its seed, the settings that set it apart, and where it ended."""

    member: int
    seed: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    outcome: str = "unknown"
    steps: int | None = None
    costs: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)

    @property
    def diverged(self) -> bool:
        return self.outcome.startswith("diverged")


@dataclass(frozen=True)
class Run:
    """Everything a report needs of one run. ``frames`` are ``(step, path)`` of saved samples, in order of steps."""

    folder: Path
    name: str
    info: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    members: list[ReportMember] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    frames: list[tuple[int, Path]] = field(default_factory=list)
    reference: dict[str, np.ndarray] = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)
    """What ``nashpath evaluate`` found."""
    diagnosis: list[dict[str, Any]] = field(default_factory=list)
    """What ``nashpath diagnose`` found, an entry a member."""
    evidence: dict[str, np.ndarray] = field(default_factory=dict)
    """The arrays of its figures, by ``m<member>.<name>``."""

    @property
    def real(self) -> dict[str, float]:
        """What real samples get, by the name of the number."""
        found = {k.removeprefix(REAL): float(v) for k, v in self.reference.items() if k.startswith(REAL)}
        return ({"modes": float(len(self.reference["centres"]))} if "centres" in self.reference else {}) | found


def load_run(folder: Path | str) -> Run:
    """Reads a run folder. Raises `FileNotFoundError` if there is none and `RunFolderError` for a corrupt file."""
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"no run folder at {folder}")
    if not any((folder / name).exists() for name in KNOWN):
        raise RunFolderError(f"{folder} is not a run folder: it has none of {', '.join(KNOWN)}")
    info = _json(folder / "run.json", dict)
    rows = _rows(folder / "metrics.jsonl")
    members = [_member(folder / "members.json", entry) for entry in _json(folder / "members.json", list)]
    return Run(
        folder=folder,
        name=str(info.get("name") or folder.resolve().name),
        info=info,
        config=_toml(folder / "config.toml"),
        members=members or _members_of(rows),
        rows=rows,
        frames=_frames(folder / "samples"),
        evaluation=_json(folder / "evaluation.json", dict),
        reference=_arrays_of(folder / "reference.npz"),
        diagnosis=_json(folder / "diagnosis.json", dict).get("members", []),
        evidence=_arrays_of(folder / "diagnosis.npz"),
    )


def arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an ``.npz`` file (never unpickling)."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise RunFolderError(
            f"{path} is not a readable .npz file ({error}); delete it and rebuild the report"
        ) from error


def _arrays_of(path: Path) -> dict[str, np.ndarray]:
    return arrays(path) if path.exists() else {}


def _json(path: Path, kind: type) -> Any:
    if not path.exists():
        return kind()
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RunFolderError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(value, kind):
        raise RunFolderError(f"{path} holds a {type(value).__name__}, expected a {kind.__name__}")
    return value


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RunFolderError(f"{path} is not valid TOML: {error}") from error


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    text = path.read_bytes().decode("utf-8", errors="replace")
    whole, _, last = text.rpartition("\n")
    rows = [_row(path, line, place) for place, line in enumerate(whole.split("\n"), 1) if line.strip()]
    try:
        return [*rows, _row(path, last, 0)] if last.strip() else rows
    except RunFolderError:
        return rows


def _row(path: Path, line: str, place: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
        return {**row, "step": int(row["step"]), "member": int(row["member"])}
    except (ValueError, KeyError, TypeError) as error:
        raise RunFolderError(
            f"{path}, line {place}: expected one JSON object with step and member, found {line[:80]!r}"
        ) from error


def _member(path: Path, entry: Any) -> ReportMember:
    try:
        known = {name: entry[name] for name in ReportMember.__dataclass_fields__ if entry.get(name) is not None}
        return ReportMember(**known)
    except (AttributeError, TypeError) as error:
        raise RunFolderError(f"{path}: expected objects with at least 'member', found {str(entry)[:80]!r}") from error


def _members_of(rows: list[dict[str, Any]]) -> list[ReportMember]:
    latest: dict[int, int] = {}
    for row in rows:
        latest[row["member"]] = max(row["step"], latest.get(row["member"], 0))
    return [ReportMember(member, steps=step) for member, step in sorted(latest.items())]


def _frames(folder: Path) -> list[tuple[int, Path]]:
    found = [(path.stem.removeprefix("step-"), path) for path in folder.glob("step-*.npz")]
    return sorted((int(step), path) for step, path in found if step.isdigit())
