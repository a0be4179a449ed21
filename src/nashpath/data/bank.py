"""Where held samples live: small data once a device, large data on disk.

Images stay bytes until they are drawn (a quarter of the memory, and a streamed draw equals a resident one bit for
bit). Values leave the bank as ``value / half + shift``; division keeps the end points of [-1, 1] exact.
"""

from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
from annotated_types import Ge
from torch import Tensor

GIBIBYTE = 1 << 30
Bytes = Annotated[int, Ge(0)]


class Scale(NamedTuple):
    """``x -> x / half + shift``."""

    half: float = 1.0
    shift: float = 0.0


PLAIN = Scale()
BYTES = Scale(127.5, -1.0)
"""From 0..255 to [-1, 1]."""


class DeviceCopies:
    """One tensor, with at most one copy for each device that asked for it."""

    def __init__(self, tensor: Tensor):
        self._copies = {tensor.device: tensor}
        self._first = tensor

    def on(self, device: torch.device) -> Tensor:
        if device not in self._copies:
            self._copies[device] = self._first.to(device)
        return self._copies[device]

    def __deepcopy__(self, memo: dict[int, Any]) -> "DeviceCopies":
        return self  # never written to, so a copied game may share it


class Bank:
    """``values [n, *shape]`` and perhaps ``labels [n]``, by index, on the device of the index.

    Above ``device_bytes`` the values stay where they are (memory or a memory map) and only the rows asked for are
    moved; below, each device holds one copy. Bytes stay bytes; every other kind of number becomes float32.
    """

    def __init__(
        self,
        values: np.ndarray,
        labels: np.ndarray | None = None,
        classes: int = 0,
        scale: Scale = PLAIN,
        device_bytes: int = GIBIBYTE,
    ):
        self.dtype = np.uint8 if values.dtype == np.uint8 else np.float32
        self.shape = tuple(values.shape[1:])
        self.scale = scale
        self.classes = classes
        self.streams = values.size * np.dtype(self.dtype).itemsize > device_bytes
        self._rows = values if self.streams else np.empty(0)
        self._count = len(values)
        self._resident = None if self.streams else DeviceCopies(torch.from_numpy(np.array(values, dtype=self.dtype)))
        self._labels = None if labels is None else DeviceCopies(torch.from_numpy(np.array(labels, dtype=np.int64)))

    def __len__(self) -> int:
        return self._count

    @property
    def labelled(self) -> bool:
        return self._labels is not None

    def take(self, index: Tensor) -> dict[str, Tensor]:
        """``{"real": float32 [len(index), *shape]}``, and ``"label"`` where there are labels."""
        if self._resident is None:
            rows = np.ascontiguousarray(self._rows[index.cpu().numpy()], dtype=self.dtype)
            real = torch.from_numpy(rows).to(index.device)
        else:
            real = self._resident.on(index.device).index_select(0, index)
        batch = {"real": real.float().div_(self.scale.half).add_(self.scale.shift)}
        if self._labels is not None:
            batch["label"] = self._labels.on(index.device)[index]
        return batch
