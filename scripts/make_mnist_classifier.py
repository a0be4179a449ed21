"""Trains the package's classifier of MNIST, prints its accuracy: `python scripts/make_mnist_classifier.py [FILE]`.

Nine minutes on one core; the data are those of `nashpath.data.MNIST` (a copy below ``NASHPATH_DATA``, or the Hub).
Inputs are turned, shifted and noisy, so that features stay informative off the data (a generator's samples are never
quite on it). A penalty on what enters tanh keeps features from ±1, where they would tell classes apart and nothing
else.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import affine_grid, cross_entropy, grid_sample

from classifiers import tell
from nashpath.core import Key, seeded
from nashpath.data import MNIST
from nashpath.metrics.features.mnist import WEIGHTS, MNISTClassifier

STEPS = 6000
BATCH = 128
NOISE, SHIFT, TURN, STRETCH = 0.1, 0.15, 0.2, 0.1
SPREAD = 0.02


def varied(images: Tensor, key: Key) -> Tensor:
    """Turned by up to ``TURN`` radians, stretched and shifted (in halves of the image), and with noise."""
    turn, stretch = TURN * (2 * key.uniform(len(images)) - 1), 1 + STRETCH * (2 * key.uniform(len(images), 2) - 1)
    place = torch.stack([turn.cos(), -turn.sin(), turn.sin(), turn.cos()], 1).view(-1, 2, 2) * stretch[:, None]
    shift = SHIFT * (2 * key.uniform(len(images), 2, 1) - 1)
    grid = affine_grid(torch.cat([place, shift], 2), list(images.shape), align_corners=False)
    moved = grid_sample(images + 1, grid, align_corners=False) - 1
    return moved + NOISE * key.normal(images.shape)


def main(target: Path = WEIGHTS) -> None:
    with seeded(0):
        classifier = MNISTClassifier()
    source, key = MNIST("train"), Key(0)
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=3e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, STEPS)
    for step in range(STEPS):
        batch = source.draw(key.at(step), BATCH)
        before = classifier.body[:-1](varied(batch["real"], key.at(step).stream("varied")))
        loss = cross_entropy(classifier.head(before.tanh()), batch["label"], label_smoothing=0.05)
        loss = loss + SPREAD * before.square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 500 == 0:
            print(f"step {step}: {loss.item():.3f}", flush=True)
    classifier.eval()
    save_file({k: v.half() if v.is_floating_point() else v for k, v in classifier.state_dict().items()}, target)
    tell(classifier, MNIST, target)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
