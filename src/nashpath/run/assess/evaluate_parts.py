"""Evaluations in parts: each measures some of a run's members, anywhere, and together they are that of the whole run.

The parts lie below ``RUN/evaluation``, and are taken away once they are joined into ``RUN/evaluation.json``.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from operator import itemgetter
from pathlib import Path
from typing import Any

from nashpath.core.cache import check_replaceable
from nashpath.run.assess.evaluate import EvaluationOptions, Notify, measure_run
from nashpath.run.assess.evaluate_groups import check_any, grouped, over_members
from nashpath.run.errors import SettingError, kept_if_unwritten
from nashpath.run.folder.checkpoint import checkpoint_digest, planned
from nashpath.run.folder.lock import FolderLock
from nashpath.run.folder.run_folder import RunFolder, made_by, write_atomic
from nashpath.run.settings.members import part_of
from nashpath.run.training.parts import part_folder
from nashpath.spelling import as_argument

FOUND = "evaluation.json"


def evaluation_folder(run: Path) -> Path:
    """Below which the parts of a run's evaluation lie."""
    return run / "evaluation"


def is_evaluation(folder: Path) -> bool:
    """Whether parts of a run's evaluation are joined there."""
    return folder.name == "evaluation" and RunFolder(folder.parent).exists()


@contextmanager
def evaluating(run: Path) -> Iterator[None]:
    """Within this block no other process joins, or does all, parts of the run's evaluation, which takes them away.

    Raises `FolderError`, which names the process, where another does so.
    """
    lock = FolderLock(evaluation_folder(run))
    try:
        yield
    finally:
        lock.release()


def evaluate_part(
    run: str | Path,
    part: str,
    wish: EvaluationOptions,
    split: str = "",
    notify: Notify = lambda text: None,
    data_path: str | Path | None = None,
) -> Path:
    """Measures the members of one part; returns the file of it. What is there already, of the same wish, is kept.

    Raises `SettingError` and `CheckpointError` as `evaluate_run` does, and where a part has no members.
    """
    run = Path(run)
    data_path = None if data_path is None else Path(data_path)
    place = part_folder(evaluation_folder(run), part) / FOUND
    members = part_of(len(planned(run, data_path)), part)
    asked = _asked(run, wish, split)
    if place.exists() and _read(place)["asked"] == asked:
        return place
    check_replaceable(place)
    content = {"asked": asked, "found": measure_run(run, wish, members, split, notify, data_path)}
    place.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(place, (json.dumps({**content, "sha256": _digest(content)}) + "\n").encode())
    return place


def join_evaluations(run: str | Path, count: int = 0, data_path: str | Path | None = None) -> dict[str, Any]:
    """Makes ``evaluation.json`` of the parts of an evaluation, of which there are ``count`` (0: as many as they say).

    Raises `SettingError` where parts are missing, damaged, or were not asked for the same, with what to do, and
    `FolderError` where another process joins or measures them.
    """
    run = Path(run)
    with evaluating(run):
        return joined_evaluation(run, count, None if data_path is None else Path(data_path))


def joined_evaluation(run: Path, count: int, data_path: Path | None) -> dict[str, Any]:
    """As `join_evaluations`, where the caller is `evaluating` the run. Raises `SettingError`."""
    there = evaluation_folder(run)
    counts = (
        {count} if count else {int(path.parent.name.split("-")[-1]) for path in there.glob(f"parts/*-of-*/{FOUND}")}
    )
    if len(counts) != 1:
        told = f"parts of {' and of '.join(map(str, sorted(counts)))}" if counts else "no parts"
        raise SettingError(f"{there} has {told}; measure them with: nashpath evaluate {as_argument(run)} --part I/N")
    (count,) = counts
    parts = [f"{k}/{count}" for k in range(1, count + 1)]
    places = [part_folder(there, part) / FOUND for part in parts]
    missing = [part for part, place in zip(parts, places) if not place.exists()]
    if missing:
        raise SettingError(f"{there}: part {', '.join(missing)} is missing; measure it with --part {missing[0]}")
    read = [_read(place) for place in places]
    for part, one in zip(parts, read):
        if other := _differing(one["asked"], read[0]["asked"], parts[0]):
            raise SettingError(f"{there}: part {part} {other} --part {part}")
    groups = [group for one in read for group in one["found"]["groups"]]
    members = [m for group in groups for m in group["members"]]
    if sorted(members) != list(range(len(planned(run, data_path)))):
        raise SettingError(f"{there}: the parts have other members than {run}; measure them again")
    found = {**read[0]["found"], "groups": [_one(some) for _, some in grouped(groups, itemgetter("settings"))]}
    check_any(found)
    with kept_if_unwritten(found), made_by(f"nashpath gather {as_argument(there)}"):
        RunFolder(run).write_json(FOUND, found)
    shutil.rmtree(there)
    return found


OPTIONS = {"count": "samples", "most": "real-samples"}
"""What is asked for, by the names of the command's options where these are others."""


def _differing(asked: dict[str, Any], first: dict[str, Any], part: str) -> str:
    """In what a part was asked for something else than the first one, and with what to measure it again, in words."""
    apart = [key for key, value in asked.items() if value != first[key] and key != "checkpoint"]
    own, its = ([_option(key, one[key]) for key in apart] for one in (asked, first))
    said = [f"was measured with {' '.join(own)}, and part {part} with {' '.join(its)}"] if apart else []
    said += [f"is of another checkpoint than part {part}"] if asked["checkpoint"] != first["checkpoint"] else []
    return f"{' and '.join(said)}; measure it again: {' '.join(its)}".rstrip() if said else ""


def _option(key: str, value: Any) -> str:
    """What was asked for as the command's line has it."""
    text = ",".join(value) if isinstance(value, list) else str(value)
    return f"--{OPTIONS.get(key, key)} {as_argument(text)}"


def _one(some: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The groups of several parts as that of all their members."""
    first = next((group for group in some if group["numbers"]), some[0])
    numbers: list[dict[str, Any]] = []
    for entry in first["numbers"]:
        values: list[float | None] = []
        counted: list[bool] = []
        for group in some:
            own = next((one for one in group["numbers"] if one["name"] == entry["name"]), None)
            missing = len(group["members"])
            values += own["values"] if own else [None] * missing
            counted += own["counted"] if own else [False] * missing
        joined = {**entry, "values": values, "counted": counted}
        numbers.append({**joined, **over_members(joined)})
    lists = {key: [one for group in some for one in group[key]] for key in ("members", "seeds", "steps")}
    notes = list(dict.fromkeys(note for group in some for note in group["notes"]))
    said = {
        key: {member: why for group in some for member, why in group[key].items()} for key in ("failed", "diverged")
    }
    return {**first, **lists, "notes": notes, **said, "numbers": numbers}


def _asked(run: Path, wish: EvaluationOptions, split: str) -> dict[str, Any]:
    """What a part must have in common with the others: the options, and the checkpoint."""
    options = {key: value for key, value in asdict(wish).items() if key != "device"} | {"metrics": list(wish.metrics)}
    return {**options, "split": split, "checkpoint": checkpoint_digest(RunFolder(run))}


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _read(place: Path) -> dict[str, Any]:
    """A part as it was written. Raises `SettingError`."""
    try:
        content = json.loads(place.read_bytes())
        if content.pop("sha256") == _digest(content):
            return content
    except (ValueError, KeyError, AttributeError, TypeError):
        pass
    part = place.parent.name.replace("-of-", "/")
    raise SettingError(f"{place} is not as it was written; remove it, and measure it again with --part {part}")
