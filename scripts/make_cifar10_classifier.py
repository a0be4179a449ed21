"""Trains the package's classifier of CIFAR-10 and prints its accuracy: `make_cifar10_classifier.py [FILE]`.

Forty minutes on one core with bfloat16 instructions; the data are those of `nashpath.data.CIFAR10` (a copy below
``NASHPATH_DATA``, or the Hub). Inputs are mirrored, shifted, partly covered and noisy, so that features stay
informative off the data (a generator's samples are never quite on it). A penalty on what enters tanh keeps features
from ±1, where they would tell classes apart and nothing else.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import cross_entropy, pad

from classifiers import tell
from nashpath.core import Key, seeded
from nashpath.data import CIFAR10
from nashpath.metrics.features.cifar10 import WEIGHTS, CIFAR10Classifier, from_eight_bits, in_eight_bits

EPOCHS = 30
BATCH = 256
RATE, DECAY = 0.2, 5e-4
SHIFT, COVER, NOISE = 4, 10, 0.1
SPREAD = 0.005


def varied(images: Tensor, key: Key) -> Tensor:
    """Half of them mirrored, all shifted by up to ``SHIFT`` pixels, a square of ``COVER`` grey, noise to ``NOISE``."""
    n, side = len(images), images.shape[-1]
    mirrored = torch.where((key.uniform(n) < 0.5).view(-1, 1, 1, 1), images.flip(3), images)
    wide = pad(mirrored, [SHIFT] * 4, mode="reflect")
    begin = (key.uniform(n, 2) * (2 * SHIFT + 1)).long()
    along = torch.arange(side)
    rows, columns = begin[:, :1] + along, begin[:, 1:] + along
    moved = wide[torch.arange(n)[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    corner = (key.uniform(n, 2) * (side + COVER)).long() - COVER
    inside = [(along >= c[:, None]) & (along < c[:, None] + COVER) for c in corner.T]
    covered = moved.masked_fill((inside[0][:, :, None] & inside[1][:, None, :])[:, None], 0.0)
    strength = NOISE * (2 * key.uniform(n) - 1).clamp(min=0)
    return covered + strength.view(-1, 1, 1, 1) * key.normal(images.shape)


def main(target: Path = WEIGHTS) -> None:
    with seeded(0):
        classifier = CIFAR10Classifier()
    classifier.to(memory_format=torch.channels_last)
    images, labels = CIFAR10("train").labelled_examples()
    key, steps = Key(0), EPOCHS * (len(images) // BATCH)
    decayed = [p for p in classifier.parameters() if p.dim() > 1]
    others = [p for p in classifier.parameters() if p.dim() == 1]
    optimizer = torch.optim.SGD(
        [{"params": decayed, "weight_decay": DECAY}, {"params": others}], RATE, momentum=0.9, nesterov=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps, pct_start=0.2)
    for epoch in range(EPOCHS):
        order = key.stream("order").at(epoch).uniform(len(images)).argsort()
        for k, chosen in enumerate(order[: len(order) // BATCH * BATCH].split(BATCH)):
            at = key.stream("varied").at(epoch * (len(images) // BATCH) + k)
            batch = varied(images[chosen], at).contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16):
                before = classifier.body[:-1](batch).float()
            logits = classifier.head(before.tanh())
            loss = cross_entropy(logits, labels[chosen], label_smoothing=0.05) + SPREAD * before.square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1}: {loss.item():.3f}", flush=True)
        save_file(in_eight_bits(classifier.state_dict()), target)
    classifier.load_state_dict(from_eight_bits(in_eight_bits(classifier.state_dict())))
    tell(classifier, CIFAR10, target)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
