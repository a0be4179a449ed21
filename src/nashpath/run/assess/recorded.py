"""What is known of a trained member, as plain values that go with its exported generator."""

import json
from pathlib import Path, PurePath
from typing import Any

from nashpath.run.assess.member import LoadedMember
from nashpath.run.folder.about_data import about_data_from
from nashpath.run.folder.checkpoint import read_meta
from nashpath.run.folder.identity import DATA_SINCE, of_other_data
from nashpath.run.folder.places import named_places
from nashpath.run.folder.run_folder import RunFolder
from nashpath.run.settings.members import settings_rows
from nashpath.run.settings.method_files import origins, without_folders
from nashpath.run.settings.resolve import dump

Recorded = dict[str, Any]


def recorded(run: Path, member: int, loaded: LoadedMember, licence: str = "") -> Recorded:
    """Settings, where methods come from, data, outcome, and what evaluations and diagnoses of the folder say of it.

    Of places on the disk only the last name is kept. An assessment of another step, of other data, or a damaged one, is
    left out.
    """
    store, game = RunFolder(run), loaded.game
    meta = read_meta(store)
    identity = meta.get("identity", {})
    since = identity.get(DATA_SINCE, 0)
    shape: Any = about_data_from(meta, member)
    return {
        "settings": _without_places(dump(loaded.settings)),
        "methods": without_folders(origins(settings_rows(loaded.settings))),
        "member": member,
        "seed": loaded.seed,
        "steps": loaded.steps,
        "outcome": loaded.outcome,
        "averaged": loaded.averaged,
        "latent": getattr(game, "latent", None),
        "classes": loaded.class_names,
        "latent_distribution": getattr(game, "latent_distribution", None),
        "units": None if loaded.units is None else loaded.units.plain(),
        "about_data": {**shape, "shape": list(shape["shape"])},
        "data": identity.get("data", {}),
        "versions": identity.get("versions", {}),
        "evaluation": _evaluation(store, member, loaded.steps, since),
        "diagnosis": _diagnosis(store, member, loaded.steps, since),
        "licence": licence,
    }


def _without_places(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with the last name of each place: where data lie on somebody's disk is nobody else's business."""
    settings = {key: dict(value) if isinstance(value, dict) else value for key, value in settings.items()}
    for key, (place, *_) in named_places(settings).items():
        table, name = (settings["data"], key.partition(".")[2]) if "." in key else (settings, key)
        table[name] = PurePath(place).name
    return settings


def _evaluation(store: RunFolder, member: int, steps: int, since: int) -> dict[str, Any] | None:
    """The group of ``evaluation.json`` that measured this member, at this step, on the data that it has ``since``."""
    for group in _read(store, "evaluation.json", since).get("groups", []):
        measured = dict(zip(group["members"], group.get("steps", [])))
        if measured.get(member) == steps:
            return group
    return None


def _diagnosis(store: RunFolder, member: int, steps: int, since: int) -> dict[str, Any] | None:
    """The headline and the sentences of ``diagnosis.json`` about this member, at this step, on its present data."""
    for one in _read(store, "diagnosis.json", since).get("members", []):
        if (one["member"], one["step"]) == (member, steps):
            sentences = [said["sentence"] for said in [*one["findings"], *one["statements"]]]
            return {"headline": one["headline"], "sentences": sentences}
    return None


def _read(store: RunFolder, name: str, since: int) -> dict[str, Any]:
    """An assessment; empty where there is none, one of other data, or a damaged one, which a warning says."""
    file = store.folder / name
    if not file.exists():
        return {}
    fault = store.digests.fault(name)
    try:
        found = {} if fault else json.loads(file.read_bytes())
    except ValueError as error:
        found, fault = {}, str(error)
    if fault:
        store.warn(f"{file}: {fault}; the card goes without it")
    return found if isinstance(found, dict) and not of_other_data(found, since) else {}
