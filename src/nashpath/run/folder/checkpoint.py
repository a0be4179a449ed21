"""Checkpoints: every tensor of every member in one safetensors file, written whole or not at all. Never pickle."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor
from torch.utils import _pytree

from nashpath.run.engine.step import TrainState
from nashpath.run.folder.atomic import write_atomic

FORMAT = "nashpath checkpoint 1"


class CheckpointError(ValueError):
    """A checkpoint that is damaged, or that belongs to another experiment."""


def named(tree: Any, prefix: str) -> dict[str, Tensor]:
    """The leaves of a tree by their path, such as ``m0.point.players.generator.head.weight``."""
    pairs, _ = _pytree.tree_flatten_with_path(tree)
    return {prefix + _pytree.keystr(path): leaf for path, leaf in pairs}


def save_checkpoint(path: Path, members: Sequence[tuple[TrainState, dict[str, Tensor]]], meta: dict[str, Any]) -> None:
    """Writes each member's carry and sampler state, and ``meta`` (JSON values), atomically."""
    tensors: dict[str, Tensor] = {}
    for index, (train_state, sampler) in enumerate(members):
        tensors |= named(train_state, f"m{index}.carry")
        tensors |= named(sampler, f"m{index}.sampler")
    flat = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    write_atomic(path, save(flat, {"format": FORMAT, "meta": json.dumps(meta)}))


def load_checkpoint(
    path: Path, like: Sequence[tuple[TrainState, dict[str, Tensor]]]
) -> tuple[list[tuple[TrainState, dict[str, Tensor]]], dict[str, Any]]:
    """``(members, meta)``, with the structure and devices of ``like``. Raises `CheckpointError` if it does not fit."""
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint; the run was stopped before its first one")
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise CheckpointError(f"{path}: damaged ({error}); restore it from a copy, or start anew") from None
    if header.get("format") != FORMAT:
        raise CheckpointError(f"{path}: not a nashpath checkpoint of a known format")
    members = []
    for index, (train_state, sampler) in enumerate(like):
        restored = (
            _fill(train_state, f"m{index}.carry", tensors, path),
            _fill(sampler, f"m{index}.sampler", tensors, path),
        )
        members.append(restored)
    if tensors:
        raise CheckpointError(f"{path}: holds more than this experiment has, such as {min(tensors)}")
    return members, json.loads(header["meta"])


def _fill(tree: Any, prefix: str, tensors: dict[str, Tensor], path: Path) -> Any:
    """``tree`` with its leaves replaced by the stored ones, which are taken out of ``tensors``."""
    pairs, spec = _pytree.tree_flatten_with_path(tree)
    leaves = []
    for where, leaf in pairs:
        name = prefix + _pytree.keystr(where)
        if name not in tensors:
            raise CheckpointError(f"{path}: holds no {name}; it belongs to another experiment")
        stored = tensors.pop(name)
        if stored.dtype != leaf.dtype or (stored.shape != leaf.shape and "sampler" not in prefix):
            raise CheckpointError(f"{path}: {name} has shape {tuple(stored.shape)}, this run {tuple(leaf.shape)}")
        # A copy is aligned as PyTorch aligns its own memory; products on other addresses may round in another way.
        leaves.append(stored.clone() if "sampler" in prefix else torch.empty_like(leaf).copy_(stored))
    return _pytree.tree_unflatten(leaves, spec)
