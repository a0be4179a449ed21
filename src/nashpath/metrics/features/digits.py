"""Features for digits that need no network connection: a classifier that travels with the package."""

from pathlib import Path
from typing import ClassVar

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import interpolate

from nashpath.metrics.errors import FeaturesError, ShapeError
from nashpath.metrics.features.base import Extractor, Network, Outputs

WEIGHTS = Path(__file__).parent.parent / "assets" / "digits_classifier.safetensors"


class DigitsClassifier(nn.Module):
    """8x8 grey images in [-1, 1] ``[n, 1, 8, 8]`` -> (features ``[n, 32]`` in (-1, 1), logits ``[n, 10]``).

    Features end in tanh, not in a rectifier, so that all of them vary: their covariance has full rank.
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 32), nn.Tanh())
        self.head = nn.Linear(32, 10)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(images)
        return features, self.head(features)


class PackagedClassifier(Extractor):
    """Base of the extractors whose weights travel with the package: a network and the file it is read from."""

    weights: ClassVar[Path]
    signed_images = True
    classifier: ClassVar[type[nn.Module]]

    def __init__(self) -> None:
        with torch.device("meta"):  # initial weights would be drawn from the global generator
            classifier = self.classifier()
        classifier.load_state_dict(self.restored(load_file(self.weights)), assign=True)
        self.network = Network(classifier.float().requires_grad_(False), self.name)
        self.digest = self.network.digest

    @staticmethod
    def restored(stored: dict[str, Tensor]) -> dict[str, Tensor]:
        """The network's state, of what the file holds."""
        return stored

    def to(self, device: torch.device) -> "PackagedClassifier":
        self.network.to(device)
        return self

    def validate(self, samples: Tensor) -> None:
        """Raises `ShapeError` where ``samples`` are no images ``[n, channels, height, width]``."""
        if samples.dim() != 4:
            raise ShapeError(
                f"{self.name} features need images [n, channels, height, width], not {tuple(samples.shape)}; "
                f"for points give features='pixels'"
            )


class DigitsFeatures(PackagedClassifier):
    """The package's digits classifier: 32 features and 10 logits for each channel.

    Images ``[n, channels, h, w]`` in [-1, 1]: grey ones, where other sizes than 8x8 are resized (bilinear,
    antialiased), or several channels of 8x8, each of which is taken for a digit; features are concatenated, and logits
    exist for one channel only. Others are refused with a `FeaturesError`. Trained on the train split of
    `nashpath.data.Digits` by ``scripts/make_digits_classifier.py``; right on 539 of 542 images of the test split.

    Reference: Fedus et al. 2018, "Many Paths to Equilibrium: GANs Do Not Need to Decrease a Divergence At Every Step"
    (small networks as feature spaces for digits are common; this one is ours).
    """

    name = "digits"
    resize = "8x8, bilinear, antialiased"
    side: ClassVar[int] = 8
    weights = WEIGHTS
    classifier = DigitsClassifier

    def __call__(self, samples: Tensor) -> Outputs:
        self.validate(samples)
        size = (self.side, self.side)
        if samples.shape[1] != 1 and samples.shape[-2:] != size:
            shape = "x".join(map(str, samples.shape[1:]))
            raise FeaturesError(
                f"{self.name} features read grey images, or a digit of {self.side}x{self.side} in each channel; these "
                f"samples are {shape}: "
                "choose inception (1 or 3 channels), pixels, or a .pt2 file of your own"
            )
        channels = samples.flatten(0, 1)[:, None].float()
        if channels.shape[-2:] != size:
            channels = interpolate(channels, size, mode="bilinear", antialias=True)
        features, logits = self.network(channels)
        return Outputs(features.view(len(samples), -1), logits if samples.shape[1] == 1 else None)
