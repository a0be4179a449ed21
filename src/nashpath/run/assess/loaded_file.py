"""A generator in one safetensors file: its weights, and in the metadata the settings that it is built from."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from nashpath.core.source import units_from_plain
from nashpath.run.assess.member import LoadedMember
from nashpath.run.errors import SettingError
from nashpath.run.folder.checkpoint import CheckpointError
from nashpath.run.settings.build import AbsentSource, build_trial
from nashpath.run.settings.method_files import ask_for
from nashpath.run.settings.resolve import resolve

FORMAT = "nashpath generator 1"


@dataclass(frozen=True, repr=False)
class ExportedMember(LoadedMember):
    """A member that was exported: its generator, its settings and what became of it, without the rest of the run."""

    @property
    def discriminator(self) -> nn.Module:
        """Raises `SettingError`: only the generator was exported."""
        raise SettingError("an exported generator comes without its discriminator; load the run folder")


def safetensors_bytes(member: LoadedMember, told: dict[str, Any]) -> bytes:
    """The file: tensors of the generator by their names, and ``told`` as JSON in the metadata."""
    tensors = {k: v.detach().cpu().contiguous().clone() for k, v in member.generator.state_dict().items()}
    told = {**told, "sha256": _digest(tensors)}
    return save(tensors, {"format": FORMAT, "nashpath": json.dumps(told)})


def load_file(path: Path, device: str = "cpu") -> ExportedMember:
    """The generator of a file of `safetensors_bytes`, on ``device``.

    Raises `CheckpointError` for a file that is damaged or another's, `SettingError` where methods that it was made with
    are not in the tables: which, of which file, and how to load it.
    """
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            if header.get("format") != FORMAT:
                raise CheckpointError(f"{path}: is no generator that nashpath export wrote")
            told = json.loads(header["nashpath"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path}: is damaged, or no safetensors file ({error})") from None
    try:
        whole = told["sha256"] == _digest(tensors)
        about = {**told["about_data"], "shape": tuple(told["about_data"]["shape"])}
        known = told["settings"], int(told["seed"]), int(told["steps"]), str(told["outcome"]), bool(told["averaged"])
        units = None if told["units"] is None else units_from_plain(told["units"])
    except (KeyError, TypeError, ValueError):
        whole, about, known, units = False, {}, ({}, 0, 0, "", False), None
    if not whole:
        raise CheckpointError(f"{path}: is damaged: its weights are not those that were written")
    raw, seed, steps, outcome, averaged = known
    ask_for(told.get("methods", []), str(path))
    try:
        settings: Any = resolve(raw)
    except SettingError as error:
        raise SettingError(
            f"{path}: {error} (methods of one's own are loaded first: nashpath.run.load_methods(FILE))"
        ) from None
    trial = build_trial(settings, seed, device, AbsentSource(reason=f"{path} holds no data", **about))
    try:
        trial.game.get_submodule("generator").load_state_dict(tensors)
    except RuntimeError as error:
        told_first = " ".join(str(error).split())[:300]
        raise CheckpointError(f"{path}: does not fit the generator that its settings make ({told_first})") from None
    return ExportedMember(trial.game, outcome, steps, trial.solver, settings, seed, averaged, units)


def _digest(tensors: dict[str, Tensor]) -> str:
    """A hash of names, kinds, shapes and bytes."""
    found = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        found.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        found.update(value.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
