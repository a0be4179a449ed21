"""Trains the package's digits classifier, prints its accuracy: `python scripts/make_digits_classifier.py [FILE]`.

A quarter of a minute on one core. Inputs get noise and shifts of up to half a pixel, so that features stay informative
off the data (a generator's samples are never quite on it). A penalty on what enters tanh keeps features from ±1, where
they would tell classes apart and nothing else.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import affine_grid, cross_entropy, grid_sample

from classifiers import tell
from nashpath.core import Key, generator, seeded
from nashpath.data import Digits
from nashpath.metrics.features.digits import WEIGHTS, DigitsClassifier

STEPS = 6000
BATCH = 128
NOISE = 0.2
SHIFT = 0.125
SPREAD = 0.05


def varied(images: Tensor, rng: torch.Generator) -> Tensor:
    """Shifted by up to ``SHIFT`` of half the image in each direction, and with noise."""
    place = torch.zeros(len(images), 2, 3)
    place[:, 0, 0] = place[:, 1, 1] = 1
    place[:, :, 2] = SHIFT * (2 * torch.rand(len(images), 2, generator=rng) - 1)
    grid = affine_grid(place, list(images.shape), align_corners=False)
    moved = grid_sample(images + 1, grid, align_corners=False) - 1
    return moved + NOISE * torch.randn(images.shape, generator=rng)


def main(target: Path = WEIGHTS) -> None:
    with seeded(0):
        classifier = DigitsClassifier()
    source, key, rng = Digits("train"), Key(0), generator(0)
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        batch = source.draw(key, BATCH)
        before = classifier.body[:-1](varied(batch["real"], rng))
        loss = cross_entropy(classifier.head(before.tanh()), batch["label"], label_smoothing=0.05)
        loss = loss + SPREAD * before.square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    save_file(classifier.state_dict(), target)
    tell(classifier, Digits, target)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
