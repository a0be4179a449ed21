"""Does the Inception score order samples as a person would: real, trained, collapsed, noise?

Set-up: Salimans et al. 2016, Sec. 4 (the score) and Sec. 6.2 (real images far above, collapsed models low); here on
8x8 digits, with the package's digits classifier in the place of Inception. The paper compares with people's votes; in
their place stands the Fréchet distance, through training.
"""

from collections.abc import Iterator
from typing import Any

import torch
from scipy.stats import spearmanr
from torch import Tensor

from nashpath.core import Key
from nashpath.data import Digits
from nashpath.metrics import real_sample
from nashpath.run.observe.snapshot import samples
from nashpath.studies.figures import Lines, Strip
from nashpath.studies.population import Population, alternating_adam, split_steps
from nashpath.studies.rows import Row
from nashpath.studies.shared.paper_data import image_scores
from nashpath.studies.study import Cell, Experiment, Size

LOOKS = 12
SETTINGS: dict[str, Any] = {
    "data": {"kind": "digits", "split": "train"},
    "latent": 32,
    "batch_size": 64,
    "generator": {"kind": "mlp", "width": 128, "norm": "batch"},
    "discriminator": {"kind": "mlp", "width": 128},
    "solver": alternating_adam(1e-3),
}


def known_samples(seed: int, count: int) -> dict[str, Tensor]:
    """Samples whose quality is known: real, of five classes, of one class, one image, and noise."""
    key = Key(seed, "known")
    batch = Digits("test").draw(key, 20 * count)
    first = key.permutation(10)
    classes = {"real": 10, "real, five classes": 5, "real, one class": 1}
    chosen = {name: batch["real"][torch.isin(batch["label"], first[:k])][:count] for name, k in classes.items()}
    noise = 2 * key.uniform(chosen["real"].shape) - 1
    return {**chosen, "one image": chosen["real"][:1].expand(count, -1, -1, -1).contiguous(), "noise": noise}


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """A row for each kind of samples and seed; that of the trained GAN has its curves and their rank correlation."""
    count, real = size.options["samples"], real_sample(Digits("test").examples(), "digits", "test", cached=False)
    population = Population(SETTINGS, size)
    steps, looks = [], []
    for played in split_steps(size.steps, LOOKS):
        population.play(played)
        steps.append(played + (steps[-1] if steps else 0))
        looks.append(
            population.look(lambda s: image_scores(samples(s.trial, s.train_state, s.member.seed, count), real))
        )
    for k, seat in enumerate(population):
        row: Row = {"seed": seat.member.seed, "outcome": seat.outcome}
        for name, found in known_samples(seat.member.seed, count).items():
            yield row | {"samples": name} | image_scores(found, real)
        scores, distances = ([look[k][key] for look in looks] for key in ("inception_score", "fid"))
        row |= {"samples": "GAN", "rank_correlation": agreement(scores, distances), "step": steps}
        yield row | looks[-1][k] | {"score_curve": scores, "fid_curve": distances}


def agreement(scores: list[float], distances: list[float]) -> float:
    """Spearman's rank correlation of score and minus distance: 1 if they order the moments of training alike."""
    return round(float(spearmanr(scores, [-d for d in distances]).statistic), 5)  # type: ignore[attr-defined]


SCORE_ORDERING = Experiment(
    name="score-ordering",
    about=(
        "Inception score (one split, 2,000 samples) with the digits classifier: held-out real digits, real digits of "
        "five classes and of one, one image repeated, uniform noise, and a GAN (generator 32-128-128-64 with batch "
        "normalisation, discriminator 64-128-128-1, non-saturating, Adam 1e-3 (0.5, 0.999), batch 64) at twelve "
        "moments of its training; beside it the Fréchet distance in the classifier's features to the held-out digits."
    ),
    measure=measure,
    sizes={
        "quick": Size(seeds=2, steps=60, options={"samples": 300}),
        "default": Size(seeds=8, steps=1500, compiled=True, options={"samples": 2000}),
    },
    figures=[
        Strip(
            "Inception score", "At most 10, the number of classes.", y="inception_score", by=("samples",), target=10.0
        ),
        Lines(
            "Inception score through training",
            where={"samples": "GAN"},
            x="step",
            y="score_curve",
            by=("samples",),
        ),
        Lines(
            "Fréchet distance through training",
            where={"samples": "GAN"},
            x="step",
            y="fid_curve",
            by=("samples",),
            log_y=True,
        ),
    ],
)
