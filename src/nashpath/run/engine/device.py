"""Device and precision of a run."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal

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


@cache
def processor() -> str:
    """The processor's name, as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not on Linux
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def hardware(device: torch.device | str = "cpu") -> dict[str, str]:
    """The ``processor`` by name, with the vector instructions that PyTorch uses on it; of a CUDA device the ``gpu``."""
    device = torch.device(device)
    found = {"processor": f"{processor()} ({torch.backends.cpu.get_cpu_capability()})"}
    return found | ({"gpu": torch.cuda.get_device_name(device)} if device.type == "cuda" else {})


def wait_for(device: torch.device) -> None:
    """Returns when a device has done all that was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def with_threads(count: int = 0) -> Iterator[None]:
    """A block with ``count`` threads of PyTorch (0: as many as there are); after it there are as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


Precision = torch.dtype | Literal["tf32"] | None
"""The dtype of mixed precision, float32 whose products round their factors to TF32, or None for full precision."""


def precision_of(name: str, device: torch.device | str = "cpu") -> Precision:
    """The precision that a setting names. Raises `SettingError` for one that the device has not."""
    if name == "tf32" and torch.device(device).type != "cuda":
        raise SettingError(
            f"precision: tf32 is a rounding of CUDA's matrix units, and the device is {device}; use fp32 or bf16"
        )
    known: dict[str, Precision] = {"fp32": None, "bf16": torch.bfloat16, "tf32": "tf32"}
    return known[name]


def check_mixed(precision: torch.dtype | None) -> None:
    """Raises `ValueError` for a dtype that no step can be taken in."""
    if precision not in (None, torch.bfloat16):
        why = "; float16 would need costs that are scaled" if precision == torch.float16 else ""
        raise ValueError(
            f"precision is {precision}; it must be torch.bfloat16, for mixed precision, or None, for full{why}"
        )


@contextmanager
def tf32_products(wanted: bool) -> Iterator[None]:
    """Within this block, if ``wanted``, CUDA's float32 products and convolutions have factors of ten bits (TF32).

    Outside of it what was set before holds again: metrics and diagnostics are never rounded so.
    """
    convolutions: Any = torch.backends.cudnn
    switches: tuple[Any, ...] = (torch.backends.cuda.matmul, convolutions.conv) if wanted else ()
    before = [switch.fp32_precision for switch in switches]
    try:
        for switch in switches:
            switch.fp32_precision = "tf32"
        yield
    finally:
        for switch, kept in zip(switches, before):
            switch.fp32_precision = kept
