"""Joins the parts of a run into one run folder, under the numbers that members have in the whole."""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nashpath.run.errors import SettingError
from nashpath.run.folder.checkpoint import CheckpointError, read_checkpoint, read_meta, save_tensors
from nashpath.run.folder.identity import changed_settings, flat_settings_of
from nashpath.run.folder.outputs import check_new
from nashpath.run.folder.places import find_data, remember_data
from nashpath.run.folder.run_folder import METRICS, RunFolder, made_by
from nashpath.run.settings.flow import is_flow
from nashpath.run.settings.members import Member, by_structure, plan
from nashpath.run.settings.method_files import recall
from nashpath.run.settings.model import parse_part
from nashpath.run.settings.overrides import Raw
from nashpath.spelling import as_argument

_CURE = "put it back, or train that part anew"
"""What to do where a file of a part is not as it was written."""


@dataclass
class _Part:
    """One part: its folder, settings, members, and the facts of its run."""

    store: RunFolder
    raw: Raw
    members: list[Member]
    run: dict[str, Any]

    def number(self, index: int) -> int:
        """A member's index in the whole run."""
        return self.members[index].number


def gather_run(out: str | Path, folders: Sequence[str | Path] = ()) -> None:
    """Makes ``out`` the run of which ``folders`` (by default those in ``out/parts``) are the parts.

    Rows, samples and results are joined, and the checkpoint is that of all members, so that the run is reported,
    sampled, evaluated, diagnosed and gone on with like any other. What was assessed of the parts is left to them.

    Raises `SettingError` where parts are missing, are not finished, or are of different runs, and where ``out`` holds
    anything but an earlier gathering of them, with what to do.
    """
    out = Path(out)
    folders = [Path(one) for one in folders]
    chosen = list(folders) or sorted((out / "parts").glob("*-of-*"), key=lambda path: path.name)
    parts = _in_order([_read(folder) for folder in chosen if folder.is_dir()], out)
    first = parts[0]
    raw = {key: value for key, value in first.raw.items() if key != "part"}
    store = RunFolder(out)
    _check_out(store, parts, first.run["steps"])
    with made_by(" ".join(["nashpath gather", *map(as_argument, [out, *folders])])):
        _gather(store, raw, parts)


def _gather(store: RunFolder, raw: Raw, parts: Sequence[_Part]) -> None:
    """Writes the run of which these are the parts, whose settings are ``raw``."""
    out, first = store.folder, parts[0]
    store.claim()
    try:
        _check_out(store, parts, first.run["steps"])  # now that nobody else writes there
        store.create(remember_data(raw, out))
        store.write_json("run.json", {**_facts(out, parts), "status": "running"})  # what is there is a gathering
        store.write(METRICS, b"")
        store.append(_rows(parts))
        for name in sorted({file.name for p in parts for file in (p.store.folder / "samples").glob("step-*.npz")}):
            store.write_arrays(f"samples/{name}", _arrays(parts, f"samples/{name}"))
        if (first.store.folder / "reference.npz").exists():
            store.write("reference.npz", first.store.sound("reference.npz", _CURE))
        _join_checkpoints(store, parts)
        entries = [
            {**entry, "member": part.number(entry["member"])}
            for part in parts
            for entry in json.loads(part.store.sound("members.json", _CURE))
        ]
        store.write_json("members.json", sorted(entries, key=lambda entry: entry["member"]))
        store.write_json("run.json", _facts(out, parts))
    finally:
        store.release()


def check_gatherable(out: str | Path) -> None:
    """Raises `SettingError` where the parts in ``out/parts``, once they are trained, could not be gathered in ``out``.

    That is where ``out`` holds anything but an earlier gathering of them, or has taken more steps than they are to.
    """
    store = RunFolder(Path(out))
    folders = [one for one in sorted(store.folder.glob("parts/*-of-*")) if RunFolder(one).exists()]
    parts = [_read(folder) for folder in folders] if store.exists() else []
    _check_out(store, parts, max((part.raw["steps"] for part in parts), default=0))


def _check_out(store: RunFolder, parts: Sequence[_Part], steps: int) -> None:
    """Raises `SettingError` where the parts, of so many ``steps``, would be written over something else."""
    out = store.folder
    if not store.exists():
        check_new(out)
        return
    cure = "nothing was written over; choose another OUT"
    raw, facts, taken = store.read_config(), store.folder / "run.json", 0
    with suppress(CheckpointError):
        taken = max(read_meta(store).get("taken", [0]), default=0)
    told = json.loads(store.sound("run.json", cure)) if facts.exists() else {}
    if not parts or is_flow(raw) or raw.get("part"):
        what = "a flow" if is_flow(raw) else "a part of a run" if raw.get("part") else "a run"
        raise SettingError(f"{out} holds {what}, and none that was gathered of these parts; {cure}")
    of = [{"settings": flat_settings_of({**one, "part": "", "device": "", "steps": 0})} for one in (raw, parts[0].raw)]
    if said := changed_settings(*of):
        raise SettingError(f"{out} holds another run than that of these parts: {'; '.join(said)}; {cure}")
    taken = max(taken, told.get("steps", 0))
    if taken > steps:
        raise SettingError(
            f"{out} holds this run at step {taken}, and its parts end at step {steps}: to gather them would lose what "
            f"was trained since; {cure}, or go on with: nashpath train --resume --out {as_argument(out)}"
        )
    if "parts" not in told and (told or taken):
        raise SettingError(f"{out} holds a run that was trained there, and was not gathered of parts; {cure}")


def _read(folder: Path) -> _Part:
    store = RunFolder(folder)
    if not store.exists():
        raise SettingError(f"{folder} holds no run ({store.lacks})")
    raw = find_data(store.read_config(), folder)
    given = {key: value for key, value in raw.items() if key not in ("with", "sweep")}
    if not raw.get("part"):
        raise SettingError(f"{folder} is a whole run, not a part of one")
    recall(raw.get("with", []), folder)
    run = folder / "run.json"
    facts = json.loads(store.sound("run.json", _CURE)) if run.exists() else {"status": "not finished", "steps": 0}
    with store.configured():
        return _Part(store, raw, plan(given, raw.get("sweep", {})), facts)


def _in_order(parts: list[_Part], out: Path) -> list[_Part]:
    """The parts in their order, all there, all finished, all of one run. Raises `SettingError`."""
    if not parts:
        raise SettingError(f"{out} has no parts (no {out / 'parts'}); train them with nashpath train --part I/N")
    first = parts[0]
    for part in parts[1:]:
        texts = [{"settings": flat_settings_of({**one.raw, "part": "", "device": ""})} for one in (first, part)]
        if said := changed_settings(*texts):
            raise SettingError(f"{part.store.folder} is no part of the run of {first.store.folder}: {'; '.join(said)}")
    places = {parse_part(part.raw["part"]): part for part in parts}
    counts = {count for _, count in places}
    if len(counts) > 1:
        raise SettingError(f"{out}: these are parts of runs in {' and '.join(map(str, sorted(counts)))} parts")
    (count,) = counts
    missing = [f"{k}/{count}" for k in range(1, count + 1) if (k, count) not in places]
    if missing:
        raise SettingError(
            f"{out}: part {', '.join(missing)} is missing; train it with --part {missing[0]} --out {as_argument(out)}"
        )
    for part in places.values():
        if part.run["status"] == "halted":
            raise SettingError(
                f"{part.store.folder} ended at step {part.run['steps']}, since a member diverged (on_divergence=stop); "
                f"train it and the other parts anew in another OUT, more slowly, or with another on_divergence"
            )
        if part.run["status"] != "finished":
            raise SettingError(
                f"{part.store.folder} is {part.run['status']} at step {part.run.get('steps', 0)}; go on with: nashpath "
                f"train --resume --out {as_argument(part.store.folder)}"
            )
    if len({part.run["steps"] for part in parts}) > 1:
        told = ", ".join(f"{part.store.folder.name}: {part.run['steps']}" for part in parts)
        raise SettingError(f"{out}: parts have taken different numbers of steps ({told}); resume those that have fewer")
    return [places[key] for key in sorted(places)]


def _rows(parts: Sequence[_Part]) -> list[dict[str, Any]]:
    rows = []
    for part in parts:
        for line in part.store.sound(METRICS, _CURE).splitlines():
            row = json.loads(line)
            rows.append({**row, "member": part.number(row["member"])})
    return sorted(rows, key=lambda row: (row["step"], row["member"]))


_OF_MEMBER = re.compile(r"(m|p|level)(\d+)(\..*)?")


def _arrays(parts: Sequence[_Part], name: str) -> dict[str, np.ndarray]:
    """The arrays of one file of samples, of the parts that saved one then."""
    found: dict[str, np.ndarray] = {}
    for part in parts:
        if not (part.store.folder / name).exists():
            continue
        part.store.sound(name, _CURE)
        with np.load(part.store.folder / name) as arrays:
            for key in arrays.files:
                own = _OF_MEMBER.fullmatch(key)
                renamed = f"{own[1]}{part.number(int(own[2]))}{own[3] or ''}" if own else key
                found[renamed] = arrays[key]
    return found


def _join_checkpoints(store: RunFolder, parts: Sequence[_Part]) -> None:
    """The state of all members, in programs of the sizes that they had in their parts."""
    tensors: dict[str, Any] = {}
    of_structure: dict[int, list[tuple[int, Any, Any, Any]]] = {}
    metas = []
    order = [[member.number for member in group] for group in by_structure(_whole(parts))]
    for part in parts:
        _, own, meta = read_checkpoint(part.store)
        metas.append(meta)
        for key, value in own.items():
            member, rest = key.split(".", 1)
            tensors[f"member{part.number(int(member.removeprefix('member')))}.{rest}"] = value
        queue = [member for group in by_structure(part.members) for member in group]
        for size, taken, report, clock in zip(meta["sizes"], meta["taken"], meta["reports"], meta["clocks"]):
            numbers = [member.number for member in queue[:size]]
            queue = queue[size:]
            place = next(k for k, group in enumerate(order) if numbers[0] in group)
            of_structure.setdefault(place, []).append((size, taken, report, clock))
    joint = [entry for place in sorted(of_structure) for entry in of_structure[place]]
    first = metas[0]
    settings = {key: value for key, value in first["identity"]["settings"].items() if key != "part"}
    meta = {
        **first,
        "sizes": [size for size, *_ in joint],
        "taken": [taken for _, taken, _, _ in joint],
        "reports": [report for _, _, report, _ in joint],
        "clocks": [clock for *_, clock in joint],
        "spent": max(one["spent"] for one in metas),
        "looks": {},
        "units": _join_data([one.get("units") or _none_of(one["about_data"]) for one in metas]),
        "about_data": _join_data([one["about_data"] for one in metas]),
        "results": {str(p.number(int(k))): v for p, one in zip(parts, metas) for k, v in one["results"].items()},
        "causes": {str(p.number(int(k))): v for p, one in zip(parts, metas) for k, v in one["causes"].items()},
        "identity": {**first["identity"], "settings": settings},
        "changes": [change for one in metas for change in one["changes"]],
    }
    save_tensors(store, tensors, meta)


def _join_data(each: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the checkpoints of parts say of their members' data (or units), of all members."""
    known: list[Any] = []
    for one in each:
        known += [entry for entry in one["known"] if entry not in known]
    of = [None if at is None else known.index(one["known"][at]) for one in each for at in one["of"]]
    return {"known": known, "of": of}


def _none_of(about: dict[str, Any]) -> dict[str, Any]:
    """The units of as many members, of which none has any."""
    return {"known": [], "of": [None] * len(about["of"])}


def _whole(parts: Sequence[_Part]) -> list[Member]:
    return sorted((member for part in parts for member in part.members), key=lambda member: member.number)


def _facts(out: Path, parts: Sequence[_Part]) -> dict[str, Any]:
    """The facts of the whole run: those of the first part, with the times, warnings and programs of all."""
    runs = [part.run for part in parts]
    first = runs[0]
    programs = [
        {**program, "members": [part.number(index) for index in program["members"]]}
        for part in parts
        for program in part.run["programs"]
    ]
    said = [f"part {part.raw['part']}: {warning}" for part in parts for warning in part.run["warnings"]]
    settings = {k: v for k, v in first["settings"].items() if k != "part"} if first.get("settings") else None
    return {
        **first,
        "name": out.name,
        "started": min(run["started"] for run in runs),
        "warnings": said,
        "wall_seconds": max(run["wall_seconds"] for run in runs),
        "evaluate_seconds": sum(run["evaluate_seconds"] for run in runs),
        "steps_per_second": round(sum(run["steps_per_second"] for run in runs), 3),
        **({"settings": settings} if settings else {}),
        "parts": len(parts),
        "programs": programs,
    }
