"""A run folder as data.

A run may be read while it is still being written: a missing file is an empty part and a half-written last line of
``metrics.jsonl`` is left out. What is damaged hides nothing else: it is left out, and named in the notes of the run.
"""

import json
import math
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nashpath.report.member_settings import played_settings
from nashpath.report.recalled import recalled
from nashpath.run.folder.arrays import read_arrays
from nashpath.run.folder.digests import Digests
from nashpath.run.folder.identity import of_other_data
from nashpath.run.folder.places import DATA_KEYS, LINKED, WITH
from nashpath.run.folder.run_folder import is_search, plain_json
from nashpath.run.observe.snapshot import SAMPLES
from nashpath.run.settings.model import dotted

SEARCH = "search.html"
"""The page of a search."""
KNOWN = ("run.json", "members.json", "metrics.jsonl", "config.toml", "samples")
UNREAD = ("checkpoint.safetensors", "checkpoint.previous.safetensors")
"""Files of a run that a report does not read."""
COSTS = {"gradients": "gradient evaluations", "train_seconds": "seconds of training"}
"""Keys of a metrics row that say what a member has cost so far, and their units."""
REAL = "real."
"""Prefix of the arrays of ``reference.npz`` that are numbers of real samples."""
MEASURED = ("features", "evaluation_samples")
"""Settings that numbers depend on, beside the data."""
NOT_MEASURED = ("data.device_bytes", "data.labels", "data.label_key", "data.label_column", "game.seed")
"""Settings that leave the samples, or the game, as they are."""
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
    missing: dict[str, str] = field(default_factory=dict)
    """Why numbers are not there, by number; under `SAMPLES` why none of the samples is."""
    known_point: str | None = None
    """Of which kind the point is that a toy's distance is measured from; empty: nobody knows, None: not recorded."""

    @property
    def diverged(self) -> bool:
        return self.outcome.startswith("diverged")

    def why_missing(self, key: str) -> str:
        """Why a number that was to be measured is not there; empty where it is, or was not to be."""
        if drawable(self.metrics.get(key)):
            return ""
        untold = "it could not be measured" if key in self.metrics else ""
        return str(self.missing.get(SAMPLES) or self.missing.get(key) or untold)


def without(members: Sequence[ReportMember], key: str) -> list[ReportMember]:
    """The members of one setting that went on and still have no such number: their samples could not be measured.

    One that is at its end was evaluated there, as the others of its setting were.
    """
    some = any(drawable(one.metrics.get(key)) for one in members)
    left = [one for one in members if not one.diverged and not drawable(one.metrics.get(key))]
    return [one for one in left if one.why_missing(key) or (some and one.outcome == "finished")]


def drawable(value: Any) -> bool:
    """Whether this is a number that can be drawn."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False


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
    outlived: frozenset[str] = frozenset()
    """Which of these two are of data that the run had before it went on with others."""
    evidence: dict[str, np.ndarray] = field(default_factory=dict)
    """The arrays of its figures, by ``m<member>.<name>``."""
    notes: list[str] = field(default_factory=list)
    """What was left out, and why."""
    doubts: list[str] = field(default_factory=list)
    """What is shown all the same, and why it may not be as the run wrote it."""
    checked: bool = False
    """Whether the folder keeps digests, by which its files were checked."""

    @cached_property
    def rows_of(self) -> dict[int, list[dict[str, Any]]]:
        """The rows of each member, in their order."""
        found: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in self.rows:
            found[row["member"]].append(row)
        return dict(found)

    @property
    def data_since(self) -> int:
        """The step at which the run went on with other data; 0 where it never did."""
        found = self.info.get("data_since", 0)
        return found if isinstance(found, int) else 0

    @cached_property
    def rows_now(self) -> dict[int, list[dict[str, Any]]]:
        """The rows of each member that are of the run's present data, in their order."""
        since = self.data_since
        return {m: [row for row in rows if not since or row["step"] > since] for m, rows in self.rows_of.items()}

    @cached_property
    def paths(self) -> dict[int, list[np.ndarray]]:
        """The strategies that each member of a toy was at, in the order of steps, without the last."""
        found: dict[int, list[np.ndarray]] = defaultdict(list)
        for _, saved in read_frames(replace(self, notes=[]), self.frames[:-1]):
            for name, value in saved.items():
                if name.startswith("p") and name[1:].isdigit():
                    found[int(name[1:])].append(value)
        return dict(found)

    def ground(self, settings: dict[str, Any]) -> dict[str, Any]:
        """What numbers of members with these settings rest on, by dotted key: data, samples, features, a toy.

        Members that differ in it were not measured alike, and no number says which is better.
        """
        files = {key: value for key, value in self._ground.items() if key == "data.files"}
        return (self._measured(played_settings(self.config, settings)) if settings else self._ground) | files

    @cached_property
    def _ground(self) -> dict[str, Any]:
        """That of the run's own settings."""
        files = self.info.get("data")
        files = {key: value for key, value in files.items() if key != LINKED} if isinstance(files, dict) else files
        return self._measured(dotted(self.config)) | ({"data.files": files} if files else {})

    def _measured(self, flat: dict[str, Any]) -> dict[str, Any]:
        """Those of these settings that numbers rest on; where files lie does not matter once they are known."""
        begins = ("data.", "game.") if self._is_toy else ("data.",)
        left = (*NOT_MEASURED, *(DATA_KEYS if self.info.get("data") else ()))
        return {k: v for k, v in flat.items() if (k.startswith(begins) or k in MEASURED) and k not in left}

    @cached_property
    def _is_toy(self) -> bool:
        return any("distance" in member.metrics for member in self.members)

    @cached_property
    def class_names(self) -> list[str]:
        return class_names_of(self.reference)

    @cached_property
    def real(self) -> dict[str, float]:
        """What real samples get, by the name of the number."""
        whole = {k: v for k, v in self.reference.items() if k.startswith(REAL) and v.size == 1 and np.isfinite(v).all()}
        found = {k.removeprefix(REAL): float(v.item()) for k, v in whole.items()}
        return ({"modes": float(len(self.reference["centres"]))} if "centres" in self.reference else {}) | found


def class_names_of(reference: dict[str, np.ndarray]) -> list[str]:
    """The names of the classes of labelled data, by their numbers; none of others."""
    kept = reference.get("class_names")
    return [] if kept is None else json.loads(kept.tobytes())


def load_run(folder: Path | str) -> Run:
    """Reads a run folder. Raises `FileNotFoundError` if there is none, and `RunFolderError` where it holds no run.

    What is damaged, missing or not as expected is left out, and named in ``notes``. Methods of one's own, which say
    what their numbers mean, are found again as the run remembers them; where they cannot be, ``doubts`` say so.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"no run folder at {folder}")
    if is_search(folder):
        raise RunFolderError(
            f"{folder} holds a search, and its page is {folder / SEARCH}; its runs are {folder / 'confirm'} and those "
            f"in {folder / 'rounds'}"
        )
    if not any((folder / name).exists() for name in KNOWN):
        raise RunFolderError(f"{folder} is not a run folder: it has none of {', '.join(KNOWN)}, and no study.json")
    return _Reader(folder).run()


def read_frames(run: Run, chosen: Iterable[tuple[int, Path]]) -> list[tuple[int, dict[str, np.ndarray]]]:
    """Saved samples with their steps. Arrays whose shape is not that of most of their kind are left out, and noted."""
    reader = _Reader(run.folder, run.notes)
    frames = [(step, reader.arrays(f"samples/{path.name}"), path) for step, path in chosen]
    shapes: dict[str, Counter] = defaultdict(Counter)
    for _, saved, _ in frames:
        for name, value in saved.items():
            shapes[name.rstrip("0123456789")][value.shape[1:]] += 1
    usual = {kind: counted.most_common(1)[0][0] for kind, counted in shapes.items()}
    kept = []
    for step, saved, path in frames:
        odd = [name for name, value in saved.items() if value.shape[1:] != usual[name.rstrip("0123456789")]]
        if odd:
            run.notes.append(f"{path}: {', '.join(map(repr, odd))}: of another shape than the others")
        fitting = {name: value for name, value in saved.items() if name not in odd}
        if fitting:
            kept.append((step, fitting))
    return kept


class _Reader:
    """Reads the files of one folder, and notes what it leaves out."""

    def __init__(self, folder: Path, notes: list[str] | None = None):
        self.folder, self.notes, self.doubts = folder, [] if notes is None else notes, list[str]()
        self.digests = Digests(folder)

    def run(self) -> Run:
        """All that a report needs."""
        if self.digests.damage():
            self.notes.append(f"{self.digests.damage()}: no file could be checked")
        self.notes += [f"{self.folder / name}: is missing" for name in self.digests.missing() if name not in UNREAD]
        info = self.json("run.json", dict)
        rows = self.rows("metrics.jsonl")
        entries = self.json("members.json", list)
        members = [found for entry in entries if (found := self.member(entry)) is not None]
        diagnosis, evaluation = self.json("diagnosis.json", dict), self.json("evaluation.json", dict)
        diagnosed, config = diagnosis.get("members", []), self.toml("config.toml")
        self.doubts += recalled(config.get(WITH), self.folder)
        found = Run(
            folder=self.folder,
            name=str(info.get("name") or self.folder.resolve().name),
            info=self.facts(info),
            config=config,
            members=members or _members_of(rows),
            rows=rows,
            frames=_frames(self.folder / "samples"),
            evaluation=evaluation,
            reference=self.arrays("reference.npz"),
            diagnosis=diagnosed if isinstance(diagnosed, list) else [],
            evidence=self.arrays("diagnosis.npz"),
            notes=self.notes,
            doubts=self.doubts,
            checked=self.digests.kept(),
        )
        swept = {plain_json(member.settings): member.settings for member in found.members}
        assessed = {"diagnosis": diagnosis, "evaluation": evaluation}
        outlived = frozenset(name for name, one in assessed.items() if of_other_data(one, found.data_since))
        found = replace(found, outlived=outlived)
        grounds = {plain_json(found.ground(settings)) for settings in swept.values()}
        # real samples are those of the first member's data: beside members of other data they would mislead
        return replace(found, reference={}) if len(grounds) > 1 else found

    def note(self, name: str, said: str) -> None:
        """Notes what is wrong with a file, which is left out."""
        self.notes.append(f"{self.folder / name}: {said}")

    def there(self, name: str) -> bool:
        """Whether a file is there, and as it was written; notes it if it is not."""
        fault = self.digests.fault(name)
        if fault and fault != "is missing":  # which is noted once, of all files
            self.note(name, fault)
        return not fault and (self.folder / name).exists()

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """The arrays of an ``.npz`` file that can be read."""
        if not self.there(name):
            return {}
        found, wrong = read_arrays(self.folder / name)
        for said in wrong:
            self.note(name, said)
        return found

    def json(self, name: str, kind: type) -> Any:
        """A JSON file of one kind; an empty one in its place."""
        if not self.there(name):
            return kind()
        try:
            value = json.loads((self.folder / name).read_bytes(), parse_int=_whole)
        except (ValueError, RecursionError, OSError) as error:
            self.note(name, f"is not valid JSON ({str(error)[:120]})")
            return kind()
        if not isinstance(value, kind):
            self.note(name, f"holds a {type(value).__name__}, expected a {kind.__name__}")
            return kind()
        return value

    def toml(self, name: str) -> dict[str, Any]:
        """The settings; edited ones are shown, with a note."""
        path = self.folder / name
        if not path.exists():
            return {}
        if fault := self.digests.fault(name):
            self.doubts.append(f"{path}: {fault}; the settings shown are those that it holds now")
        try:
            return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
        except (ValueError, RecursionError, OSError) as error:
            self.note(name, f"is not valid TOML ({str(error)[:120]})")
            return {}

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The rows of the metrics that can be read; a half-written last line is what a killed run leaves."""
        path = self.folder / name
        if not path.exists():
            return []
        pieces, wrong = self.digests.sound(name, path.read_bytes())
        if wrong:
            self.note(name, wrong)
        content = b"".join(pieces)
        *lines, last = content.split(b"\n")
        rows, bad = [], []
        for place, line in enumerate(lines, 1):
            row = _row(line)
            if row is not None:
                rows.append(row)
            elif line.strip():
                bad.append(place)
        if bad:
            more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
            said = f"line {', '.join(map(str, bad[:5]))}{more}: expected one JSON object with step and member"
            self.note(name, said)
        half = _row(last)
        return rows if half is None else [*rows, half]

    def member(self, entry: Any) -> ReportMember | None:
        """One entry of ``members.json``; None, with a note, if it is none."""
        kinds = {"member": int, "seed": int | float, "settings": dict, "outcome": str, "steps": int, "costs": dict}
        kinds |= {"metrics": dict, "missing": dict, "known_point": str}
        if not isinstance(entry, dict) or not isinstance(entry.get("member"), int):
            self.note("members.json", f"expected objects with at least 'member', found {str(entry)[:80]!r}")
            return None
        given = {name: entry[name] for name in kinds if entry.get(name) is not None}
        fitting = {name: value for name, value in given.items() if isinstance(value, kinds[name])}
        for name in given.keys() - fitting.keys():
            self.note("members.json", f"{name} of member {entry['member']} is left out: {str(given[name])[:80]!r}")
        return ReportMember(**fitting)

    def facts(self, info: dict[str, Any]) -> dict[str, Any]:
        """``run.json`` without entries of another kind than they should be."""
        kinds = {"steps": int, "wall_seconds": int | float, "steps_per_second": int | float, "warnings": list}
        kinds |= {"versions": dict, "shape": list, "programs": list, "metrics": list}
        odd = [key for key, kind in kinds.items() if info.get(key) is not None and not isinstance(info[key], kind)]
        if odd:
            self.note("run.json", f"{', '.join(odd)}: not as expected")
        return {key: value for key, value in info.items() if key not in odd}


def _whole(text: str) -> int | float | None:
    """A whole number as far as figures can hold it: beyond 15 digits a float, and None where that is too large."""
    if len(text) <= 15:
        return int(text)
    value = float(text)
    return value if math.isfinite(value) else None


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line, parse_int=_whole)
        step, member = row["step"], row["member"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    fits = isinstance(step, int) and isinstance(member, int)
    return {**row, "step": int(step), "member": int(member)} if fits else None


def _members_of(rows: list[dict[str, Any]]) -> list[ReportMember]:
    latest: dict[int, int] = {}
    for row in rows:
        latest[row["member"]] = max(row["step"], latest.get(row["member"], 0))
    return [ReportMember(member, steps=step) for member, step in sorted(latest.items())]


def _frames(folder: Path) -> list[tuple[int, Path]]:
    found = [(path.stem.removeprefix("step-"), path) for path in folder.glob("step-*.npz")]
    return sorted((int(step), path) for step, path in found if step.isdigit())
