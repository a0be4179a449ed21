"""The Inception network of FID, written as the table that it is; state names are those of the published weights.

It is the TensorFlow model of 2015-12-05, which differs from textbook Inception v3: averages do not count padding,
the last block pools by maximum, and there are 1,008 classes.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d, relu


class Layer(NamedTuple):
    """A convolution, normalised and rectified; without stride it keeps the image's size."""

    name: str
    width: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1


Stage = Layer | tuple[Layer, ...]
"""One layer, or several side by side whose outputs are joined."""

ROW, COLUMN, SQUARE = (1, 7), (7, 1), (3, 3)


class Convolution(nn.Module):
    """Convolution, batch norm, rectifier."""

    def __init__(self, inputs: int, layer: Layer, padded: bool = True):
        super().__init__()
        tall, wide = layer.kernel
        padding = (tall // 2, wide // 2) if padded and layer.stride == 1 else (0, 0)
        self.conv = nn.Conv2d(inputs, layer.width, layer.kernel, layer.stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(layer.width, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.bn(self.conv(x)))


class Mixed(nn.Module):
    """Branches side by side, each a chain of stages, and last a pooling with a 1x1 layer, or (halving) without."""

    def __init__(self, inputs: int, *branches: tuple[Stage, ...], pool: int = 0, pool_by: str = "average"):
        super().__init__()
        self.names = [[[layer.name for layer in side_by_side(stage)] for stage in branch] for branch in branches]
        self.average = pool_by == "average"
        for branch in branches:
            width = inputs
            for stage in branch:
                for layer in side_by_side(stage):
                    self.add_module(layer.name, Convolution(width, layer))
                width = sum(layer.width for layer in side_by_side(stage))
        self.branch_pool = Convolution(inputs, Layer("branch_pool", pool)) if pool else None

    def forward(self, x: Tensor) -> Tensor:
        outputs = []
        for branch in self.names:
            y = x
            for stage in branch:
                y = torch.cat([self.get_submodule(name)(y) for name in stage], 1)
            outputs.append(y)
        return torch.cat([*outputs, self._pooled(x)], 1)

    def _pooled(self, x: Tensor) -> Tensor:
        if self.branch_pool is None:
            return max_pool2d(x, 3, 2)
        same = avg_pool2d(x, 3, 1, 1, count_include_pad=False) if self.average else max_pool2d(x, 3, 1, 1)
        return self.branch_pool(same)


def side_by_side(stage: Stage) -> tuple[Layer, ...]:
    return (stage,) if isinstance(stage, Layer) else stage


def block_35(inputs: int, pool: int) -> Mixed:
    return Mixed(
        inputs,
        (Layer("branch1x1", 64),),
        (Layer("branch5x5_1", 48), Layer("branch5x5_2", 64, (5, 5))),
        (Layer("branch3x3dbl_1", 64), Layer("branch3x3dbl_2", 96, SQUARE), Layer("branch3x3dbl_3", 96, SQUARE)),
        pool=pool,
    )


def block_17(width: int) -> Mixed:
    double = (Layer(f"branch7x7dbl_{i}", width, kernel) for i, kernel in ((2, COLUMN), (3, ROW), (4, COLUMN)))
    return Mixed(
        768,
        (Layer("branch1x1", 192),),
        (Layer("branch7x7_1", width), Layer("branch7x7_2", width, ROW), Layer("branch7x7_3", 192, COLUMN)),
        (Layer("branch7x7dbl_1", width), *double, Layer("branch7x7dbl_5", 192, ROW)),
        pool=192,
    )


def block_8(inputs: int, pool_by: str) -> Mixed:
    def fork(name: str) -> tuple[Layer, Layer]:
        return Layer(f"{name}a", 384, (1, 3)), Layer(f"{name}b", 384, (3, 1))

    return Mixed(
        inputs,
        (Layer("branch1x1", 320),),
        (Layer("branch3x3_1", 384), fork("branch3x3_2")),
        (Layer("branch3x3dbl_1", 448), Layer("branch3x3dbl_2", 384, SQUARE), fork("branch3x3dbl_3")),
        pool=192,
        pool_by=pool_by,
    )


def halving_35() -> Mixed:
    double = Layer("branch3x3dbl_2", 96, SQUARE), Layer("branch3x3dbl_3", 96, SQUARE, 2)
    return Mixed(288, (Layer("branch3x3", 384, SQUARE, 2),), (Layer("branch3x3dbl_1", 64), *double))


def halving_17() -> Mixed:
    long = Layer("branch7x7x3_2", 192, ROW), Layer("branch7x7x3_3", 192, COLUMN)
    return Mixed(
        768,
        (Layer("branch3x3_1", 192), Layer("branch3x3_2", 320, SQUARE, 2)),
        (Layer("branch7x7x3_1", 192), *long, Layer("branch7x7x3_4", 192, SQUARE, 2)),
    )


class InceptionNetwork(nn.Module):
    """Images ``[n, 3, 299, 299]`` in [-1, 1) -> (features ``[n, 2048]``, logits ``[n, 1008]`` without their biases)."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution(3, Layer("", 32, SQUARE, 2))
        self.Conv2d_2a_3x3 = Convolution(32, Layer("", 32, SQUARE), padded=False)
        self.Conv2d_2b_3x3 = Convolution(32, Layer("", 64, SQUARE))
        self.Conv2d_3b_1x1 = Convolution(64, Layer("", 80), padded=False)
        self.Conv2d_4a_3x3 = Convolution(80, Layer("", 192, SQUARE), padded=False)
        self.Mixed_5b = block_35(192, pool=32)
        self.Mixed_5c = block_35(256, pool=64)
        self.Mixed_5d = block_35(288, pool=64)
        self.Mixed_6a = halving_35()
        self.Mixed_6b = block_17(128)
        self.Mixed_6c = block_17(160)
        self.Mixed_6d = block_17(160)
        self.Mixed_6e = block_17(192)
        self.Mixed_7a = halving_17()
        self.Mixed_7b = block_8(1280, "average")
        self.Mixed_7c = block_8(2048, "maximum")
        self.fc = nn.Linear(2048, 1008)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(images)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(max_pool2d(x, 3, 2)))
        x = max_pool2d(x, 3, 2)
        for name, block in self.named_children():
            if name.startswith("Mixed"):
                x = block(x)
        features = x.mean((2, 3))
        return features, features @ self.fc.weight.T
