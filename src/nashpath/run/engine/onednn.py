"""Batched matrix products of a stack through oneDNN, where that library is exact on this processor.

PyTorch sends float32 products on CPUs to MKL, which runs at less than half of oneDNN's speed on some processors
(AMD Zen 5: 85 against 200 GFLOP/s). The only public switch to oneDNN is a permission to round to bfloat16, of which
it makes no use on processors without matrix units. So the permission is given only after a probe has shown that the
results here are those of float32. ``NASHPATH_ONEDNN=off`` in the environment forbids it altogether.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch

from nashpath.core.torch_compat import onednn_matmul

SHAPES = [(4, 64, 64, 64), (4, 64, 2, 64), (4, 64, 64, 1), (2, 128, 784, 256), (1, 256, 256, 256)]
WORK = 1 << 17
"""Parameters of all members of a stack from which oneDNN is asked: its calls take 12 µs longer than those of MKL. Where
both multiply as fast (AMD EPYC, Zen 4) stacks of 2, 4, 8, 16 and 32 rings, of 9,795 parameters each, made 3,078, 4,411,
5,411, 6,427 and 6,357 steps a CPU-second by oneDNN, and 5,313, 6,066, 6,555, 6,768 and 6,272 by MKL."""
EXACT = 1e-6
"""Largest error of a float32 product, relative to ``|a| |b|``; bfloat16 makes about 4e-3."""


@contextmanager
def float32_matmul(wanted: bool) -> Iterator[None]:
    """Within this block batched CPU products go through oneDNN, if ``wanted``, not forbidden, and exact here.

    It is a rule and not a race, since the two round in other ways: a run that goes on must go on by the same one.
    """
    if not wanted or os.environ.get("NASHPATH_ONEDNN") == "off" or not onednn_is_exact():
        yield
        return
    setting = onednn_matmul()
    before = setting.fp32_precision
    setting.fp32_precision = "bf16"
    try:
        yield
    finally:
        setting.fp32_precision = before


@cache
def onednn_is_exact() -> bool:
    """Whether oneDNN, allowed to round to bfloat16, does not do so on this processor. Deterministic; takes 10 ms."""
    setting = onednn_matmul()
    if setting is None:
        return False
    rng = torch.Generator().manual_seed(0)
    before = setting.fp32_precision
    setting.fp32_precision = "bf16"
    try:
        return all(_error(shape, rng) < EXACT for shape in SHAPES)
    finally:
        setting.fp32_precision = before


def _error(shape: tuple[int, int, int, int], rng: torch.Generator) -> float:
    """The largest error of one batched product, relative to the product of the absolute values."""
    batch, rows, inner, columns = shape
    a = torch.randn(batch, rows, inner, generator=rng)
    b = torch.randn(batch, inner, columns, generator=rng)
    true = torch.einsum("bij,bjk->bik", a.double(), b.double())
    scale = torch.einsum("bij,bjk->bik", a.double().abs(), b.double().abs())
    return ((torch.bmm(a, b) - true).abs() / scale).max().item()
