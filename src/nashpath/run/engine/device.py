"""Where a run computes, and how precisely."""

import torch

from nashpath.run.errors import SettingError


def find_device(name: str) -> torch.device:
    """The device that is called ``name``; ``auto`` is a GPU if there is one. Raises `SettingError` if there is not."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise SettingError(f"device: {name!r} is no device; use auto, cpu, cuda or cuda:N") from None
    if device.type not in ("cpu", "cuda"):
        raise SettingError(f"device: {name!r} is not supported; use auto, cpu, cuda or cuda:N")
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and not found:
        raise SettingError("device: cuda was asked for, but PyTorch finds no usable GPU here; use device=cpu or auto")
    if device.type == "cuda" and (device.index or 0) >= found:
        raise SettingError(f"device: there is no {name}; PyTorch finds cuda:0 to cuda:{found - 1}")
    return device


def precision_of(name: str) -> torch.dtype | None:
    """The dtype of mixed precision, or None for full precision."""
    return {"fp32": None, "bf16": torch.bfloat16}[name]
