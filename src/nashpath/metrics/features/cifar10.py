"""Features for small photographs that need no network connection: a classifier that travels with the package."""

from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from nashpath.metrics.errors import FeaturesError
from nashpath.metrics.features.base import Outputs
from nashpath.metrics.features.digits import PackagedClassifier

WEIGHTS = Path(__file__).parent.parent / "assets" / "cifar10_classifier.safetensors"
SCALE = ".scale"
"""Ends the name under which a file holds the steps of a weight that is kept in whole numbers."""


class _Residual(nn.Module):
    """``x + GELU(norm(conv(x)))``, ``[n, c, h, w]`` to the same."""

    def __init__(self, width: int):
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.GELU())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(x)


class CIFAR10Classifier(nn.Module):
    """32x32 colour images in [-1, 1] ``[n, 3, 32, 32]`` -> (features ``[n, 64]`` in (-1, 1), logits ``[n, 10]``).

    Features end in tanh, not in a rectifier, so that all of them vary: their covariance has full rank.
    """

    def __init__(self) -> None:
        super().__init__()
        widths = (32, 64, 128, 128)
        layers: list[nn.Module] = [
            nn.Conv2d(3, widths[0], 3, padding=1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.GELU(),
        ]
        for into, out in pairwise(widths):
            layers += [nn.Conv2d(into, out, 3, padding=1, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(out), nn.GELU()]
            layers.append(_Residual(out))
        self.body = nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(widths[-1], 64), nn.Tanh())
        self.head = nn.Linear(64, 10)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(images)
        return features, self.head(features)


def in_eight_bits(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """As a file holds them: a convolution in whole numbers of 8 bits and a step for each output, the rest in halves."""
    stored = dict[str, Tensor]()
    for name, value in weights.items():
        value = value.contiguous()
        if value.dim() == 4:
            step = (value.flatten(1).abs().amax(1) / 127).half()
            stored[name] = (value / step.float().view(-1, 1, 1, 1)).round().clamp(-127, 127).to(torch.int8)
            stored[name + SCALE] = step
        else:
            stored[name] = value.half() if value.is_floating_point() else value
    return stored


def from_eight_bits(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights in single precision, of what `in_eight_bits` made."""
    whole = dict[str, Tensor]()
    for name, value in stored.items():
        if name + SCALE in stored:
            whole[name] = value.float() * stored[name + SCALE].float().view(-1, 1, 1, 1)
        elif not name.endswith(SCALE):
            whole[name] = value.float() if value.is_floating_point() else value
    return whole


class CIFAR10Features(PackagedClassifier):
    """The package's classifier of CIFAR-10: 64 features and 10 logits.

    Images ``[n, 3, h, w]`` in [-1, 1], or grey ones ``[n, 1, h, w]``, which are taken for colour ones; other sizes than
    32x32 are resized (bilinear, antialiased). Others are refused with a `FeaturesError`. Trained on the train half of
    `nashpath.data.CIFAR10` by ``scripts/make_cifar10_classifier.py``; right on 91.56 % of the test half.

    Reference: Salimans et al. 2016, "Improved Techniques for Training GANs", take features of a classifier of ImageNet;
    this one is small, and ours.
    """

    name = "cifar10"
    resize = "32x32, bilinear, antialiased"
    weights = WEIGHTS
    classifier = CIFAR10Classifier
    restored = staticmethod(from_eight_bits)

    def __call__(self, samples: Tensor) -> Outputs:
        self.validate(samples)
        if samples.shape[1] not in (1, 3):
            raise FeaturesError(
                f"cifar10 features read images of 1 or 3 channels, not of {samples.shape[1]}: choose pixels, or a .pt2 "
                "file of your own"
            )
        images = samples.float().expand(-1, 3, -1, -1)
        if images.shape[-2:] != (32, 32):
            images = interpolate(images, (32, 32), mode="bilinear", antialias=True)
        return self.network(images)
