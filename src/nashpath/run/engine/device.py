"""Device and precision of a run."""

import os

import torch

from nashpath.run.errors import SettingError

VARIABLE = "NASHPATH_DEVICE"


def find_device(name: str) -> torch.device:
    """The device that is called ``name``; ``auto`` is what ``NASHPATH_DEVICE`` says, else a GPU if there is one.

    Raises `SettingError`, which names the setting or the variable, for a device that is not there.
    """
    where = "device"
    if name == "auto" and os.environ.get(VARIABLE):
        name, where = os.environ[VARIABLE], VARIABLE
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise SettingError(f"{where}: {name!r} is no device; use auto, cpu, cuda or cuda:N") from None
    if device.type not in ("cpu", "cuda"):
        raise SettingError(f"{where}: {name!r} is not supported; use auto, cpu, cuda or cuda:N")
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and not found:
        raise SettingError(
            f"{where}: cuda was asked for, but PyTorch finds no usable GPU here; use {where}=cpu or auto"
        )
    if device.type == "cuda" and (device.index or 0) >= found:
        raise SettingError(f"{where}: there is no {name}; PyTorch finds cuda:0 to cuda:{found - 1}")
    return device


def precision_of(name: str) -> torch.dtype | None:
    """The dtype of mixed precision, or None for full precision."""
    return {"fp32": None, "bf16": torch.bfloat16}[name]
