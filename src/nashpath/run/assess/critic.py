"""The independent Wasserstein critic: a fresh judge, who saw neither the training nor what it judges.

Each member of a population has a critic of its own, trained from the same start with the same budget on one half of
validation data against one half of the member's samples, all stacked; the other halves are what it is asked about.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nashpath.core import Batch, Game, Key, derive, seeded
from nashpath.games.objectives import Wasserstein
from nashpath.games.penalties import GradientPenalty
from nashpath.games.penalties.base import norms, slopes
from nashpath.metrics.errors import validate_pair
from nashpath.networks import MLPDiscriminator
from nashpath.run.training.library import Trained, train_many
from nashpath.solvers import Adam, SinglePlayer

NewCritic = Callable[[tuple[int, ...]], nn.Module]
"""From the shape of one sample to a fresh critic."""


class CriticScore(NamedTuple):
    """The estimate of an independent critic for one member, in the samples' units.

    ``distance`` is ``E_val d − E_fake d`` on samples that the critic was not trained on, ``error`` its standard error
    over those samples; ``slope`` the largest ‖∇d‖ seen on segments between them, 1 if the penalty held: the distance
    over the slope is a lower bound of W₁, where that is the critic's Lipschitz constant. ``outcome`` is ``finished``,
    or says when the critic left the finite numbers.
    """

    distance: float
    error: float
    slope: float
    outcome: str


def independent_critic(
    validation: Tensor,
    fakes: Sequence[Tensor],
    steps: int = 1000,
    seed: int = 0,
    *,
    batch_size: int = 128,
    learning_rate: float = 1e-3,
    penalty: float = 10.0,
    critic: NewCritic | None = None,
    stack: bool = True,
    compile: bool = False,
) -> list[CriticScore]:
    """Trains a fresh WGAN-GP critic per member, and asks it how far the member's samples are from validation data.

    ``validation [n, *shape]`` are real samples that no generator was trained on, ``fakes`` a list of ``[m, *shape]``,
    one a member. A random half of each trains the critic: ``steps`` steps of Adam (β = 0.5, 0.9) on batches of
    ``batch_size``, with gradient penalty ``penalty``; the other half is judged. Equal seeds give members equal critics
    and equal draws, so their differences are less noisy than their distances.

    Samples are centred and divided by the validation data's root mean square deviation first, so that penalty and rate
    mean the same for data of any unit; the answer is in the samples' own. The penalty is soft: between distributions t
    such deviations apart the answer is up to a factor ``1 + t / (2 penalty)`` too large. A budget too small makes it
    too small, and overfitting as well: then the critic knows less about samples that it has not seen.

    ``critic`` makes a network from the shape of a sample; by default an `MLPDiscriminator` of three layers of 128.
    ``stack=False`` trains one after the other (better for convolutions); the numbers are the same.

    Raises `ValueError` without fakes, and a `MetricError` that names the member for samples that are not finite, of
    another shape, or fewer than four.

    Reference: Danihelka, Lakshminarayanan, Uria, Wierstra & Dayan 2017, "Comparison of Maximum Likelihood and GAN-based
    training of Real NVPs" (the independent critic); Gulrajani et al. 2017, Algorithm 1 (its training).
    """
    if not fakes:
        raise ValueError("fakes is empty; give one tensor of samples for each member")
    for index, fake in enumerate(fakes):
        validate_pair(validation, fake, ("validation", f"fakes[{index}]"), least=4)
    new = _mlp if critic is None else critic
    real, scale = _standard(validation, validation)
    kept_real, real = _halves(real, seed)
    parts = [_halves(_standard(fake, validation)[0], seed) for fake in fakes]
    games = []
    for _, fake in parts:
        with seeded(derive(seed, "critic")):
            network = new(tuple(validation.shape[1:])).to(validation.device)
        games.append(_CriticGame(network, real, fake, penalty, batch_size))
    solvers = [SinglePlayer("discriminator", Adam(learning_rate, b1=0.5, b2=0.9)) for _ in games]
    trained = train_many(games, solvers, steps, [seed] * len(games), steps, compile, stack=stack)
    return [_score(one, kept_real, kept_fake, scale) for one, (kept_fake, _) in zip(trained, parts)]


class _CriticGame(Game):
    """A game of one player: WGAN-GP's critic against two banks of samples that never change."""

    players = ("discriminator",)

    def __init__(self, network: nn.Module, real: Tensor, fake: Tensor, penalty: float, batch_size: int):
        super().__init__()
        self.discriminator, self.objective, self.penalty = network, Wasserstein(), GradientPenalty(penalty)
        self._banks, self._batch_size = {"real": real, "fake": fake}, batch_size

    def draw(self, key: Key, lead: tuple[int, ...] = ()) -> Batch:
        lead = (*lead, self._batch_size)
        batch: dict[str, Any] = {}
        for name, bank in self._banks.items():
            batch[name] = bank[key.integers(len(bank), lead)]
        return {**batch, "penalty": self.penalty.draw(key, lead, self._banks["real"].shape[1:])}

    def forward(self, player: str, batch: Batch) -> Tensor:
        real, fake = batch["real"], batch["fake"]
        cost = self.objective.discriminator(self.discriminator(real), self.discriminator(fake))
        return cost + self.penalty(self.discriminator, real, fake, batch["penalty"])


def _mlp(shape: tuple[int, ...]) -> nn.Module:
    return MLPDiscriminator(shape, width=128, depth=3)


def _standard(samples: Tensor, reference: Tensor) -> tuple[Tensor, float]:
    """Samples in units of the reference's root mean square deviation from its mean, and that unit."""
    centre = reference.double().mean(0)
    unit = float((reference.double() - centre).flatten(1).square().sum(1).mean().sqrt()) or 1.0
    return ((samples.double() - centre) / unit).to(reference.device, torch.get_default_dtype()), unit


def _halves(samples: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """A random half to judge, and the rest to train on; samples of equal number are split alike."""
    order = Key(seed, "halves").permutation(len(samples)).to(samples.device)
    return samples[order[: len(samples) // 2]], samples[order[len(samples) // 2 :]]


def _score(trained: Trained, real: Tensor, fake: Tensor, unit: float) -> CriticScore:
    """What a trained critic says of samples that it has not seen; gradients are taken along segments between them."""
    with torch.no_grad():
        judged = [trained.discriminator(x).double().flatten() for x in (real, fake)]
    error = sum(float(logits.var()) / len(logits) for logits in judged) ** 0.5
    count = min(len(real), len(fake))
    share = torch.linspace(0, 1, count, dtype=real.dtype, device=real.device).view(-1, *[1] * (real.dim() - 1))
    between = fake[:count] + share * (real[:count] - fake[:count])
    slope = float(norms(slopes(trained.discriminator, between)).max().detach())
    return CriticScore(unit * float(judged[0].mean() - judged[1].mean()), unit * error, slope, trained.outcome)
