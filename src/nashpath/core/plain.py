"""Tensors and arrays that others give: plain numbers in their places, or one sentence that says what to give."""

from typing import Any

import numpy as np
import torch
from torch import Tensor


def why_not_plain(values: object, name: str) -> str:
    """Why a tensor or an array holds no number in some place, and what to give instead; empty where it holds all."""
    kind = type(values).__name__
    if isinstance(values, np.ma.MaskedArray):
        hidden: Any = np.ma.getmaskarray(values)  # type: ignore[reportUnknownArgumentType]
        count = int(hidden.sum())
        held = f"{name}: {count} of its {hidden.size} numbers are masked, so there are none; "
        return f"{held}leave their rows out, or give {name}.filled(number)" if count else ""
    if not isinstance(values, Tensor):
        return ""
    if kind == "MaskedTensor":
        return f"{name}: a MaskedTensor has no numbers where it is masked; give {name}.to_tensor(number)"
    if values.is_nested:
        return f"{name} is nested, with samples of several sizes; give one tensor [n, ...] of samples of one size"
    if values.layout != torch.strided:
        return f"{name} is sparse ({values.layout}); give {name}.to_dense()"
    if values.is_meta or kind == "FakeTensor":
        return f"{name} is on the device meta, and holds no numbers there; give it with its numbers"
    if values.is_quantized:
        return f"{name} is quantized ({values.dtype}); give {name}.dequantize()"
    return ""


def tensor_of(values: np.ndarray, name: str) -> Tensor:
    """An array as a tensor, whatever its strides and the order of its bytes; `ValueError` where it holds no numbers.

    Whole numbers and long ones of kinds that tensors hardly know become int64 and float64.
    """
    if values.dtype.kind not in "biufc":
        raise ValueError(f"{name} holds {values.dtype}, not numbers; give a float32 array")
    plain = np.asarray(values)
    if plain.dtype.kind in "ui" and plain.dtype != np.uint8:
        kind = np.dtype(np.int64) if plain.dtype.kind == "u" else plain.dtype.newbyteorder("=")
    else:
        kind = np.dtype(np.float64) if plain.dtype == np.longdouble else plain.dtype.newbyteorder("=")
    plain = plain.astype(kind, copy=False)
    return torch.as_tensor(plain.copy() if min(plain.strides, default=0) < 0 or not plain.flags.writeable else plain)
