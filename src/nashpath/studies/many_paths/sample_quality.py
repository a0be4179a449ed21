"""What is measured of a population of image generators: quality, diversity, and an independent critic's opinion."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from nashpath.core import Source, generator
from nashpath.metrics import FID, FeaturesError, InceptionScore, Sample
from nashpath.metrics.ms_ssim import similarity
from nashpath.run.assess.critic import independent_critic
from nashpath.run.observe.snapshot import samples
from nashpath.studies.population import Population
from nashpath.studies.rows import Row, significant


@dataclass(frozen=True)
class ImageScores:
    """What samples are held against: ``real`` (with its features) for FID, ``validation`` for the critic.

    ``count`` samples a member are measured, ``batches`` of 64 of them for their similarity; ``critic`` are the
    arguments of `independent_critic`.
    """

    real: Sample
    validation: Source
    count: int = 2000
    batches: int = 5
    critic: dict[str, Any] = field(default_factory=dict)

    def rows(self, population: Population) -> list[Row]:
        """A row a member: fid, inception_score (where the features classify), similarity, critic."""
        seats = list(population)
        device = seats[0].train_state.steps.device
        fakes = [samples(seat.trial, seat.train_state, seat.member.seed, self.count) for seat in seats]
        validation = self.validation.examples(self.count).to(device)  # type: ignore[attr-defined]
        judged = independent_critic(validation, fakes, **self.critic)
        alike = significant(similarity_in_batches(self._shuffled(), self.batches))
        return [
            {"seed": seat.member.seed, "outcome": seat.outcome}
            | {**self.scores(fake), "similarity_real": alike, "critic": significant(score.distance)}
            for seat, fake, score in zip(seats, fakes, judged)
        ]

    def _shuffled(self) -> Tensor:
        """The real samples in random order: that of the file may sort them by class."""
        return self.real.values[torch.randperm(len(self.real), generator=generator(0)).to(self.real.values.device)]

    def scores(self, fake: Tensor) -> dict[str, float]:
        """The numbers of one member's samples that need no training."""
        fake = fake.to(self.real.values.device)
        sample = Sample(fake, self.real.extractor)
        found = FID()(self.real, sample)
        with suppress(FeaturesError):  # features without classes have no score
            found |= {"inception_score": InceptionScore(splits=1)(self.real, sample)["inception_score"]}
        found["similarity"] = similarity_in_batches(fake, self.batches)
        return {key: significant(value) for key, value in found.items()}


def learning_rates(population: Population) -> Sequence[float]:
    """The learning rate of every member, in order."""
    return [seat.member.settings.solver.generator.learning_rate for seat in population]  # type: ignore[attr-defined]


def similarity_in_batches(samples: Tensor, batches: int = 5, size: int = 64) -> float:
    """The mean over ``batches`` of the mean over all pairs of different samples of a batch, samples [n, c, h, w].

    Raises `ValueError` where there are too few samples.
    """
    if len(samples) < batches * size:
        raise ValueError(f"{batches} batches of {size} need {batches * size} samples; there are {len(samples)}")
    first, second = torch.triu_indices(size, size, offset=1)
    parts = [_mean(part[first], part[second]) for part in samples[: batches * size].split(size)]
    return sum(parts) / batches


def _mean(a: Tensor, b: Tensor) -> float:
    return float(torch.cat([similarity(x, y) for x, y in zip(a.split(256), b.split(256))]).mean())
