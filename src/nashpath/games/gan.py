"""A GAN as a game: two networks, a source of real samples, an objective and a penalty."""

import copy
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from nashpath.core import Batch, Count, Game, Hyperparameters, Key, Source
from nashpath.core.contracts import share_of
from nashpath.core.game import DataSweep
from nashpath.core.noise import Noise, bound, draw_noise, generated
from nashpath.core.source import Indexed
from nashpath.core.typed import split
from nashpath.games.critics import CachedCritic
from nashpath.games.gan_checks import check_networks
from nashpath.games.objectives import NonSaturating, Objective
from nashpath.games.penalties import NoPenalty, Penalty

Latents = Literal["normal", "uniform"]


class SampleTerm(Noise):
    """A cost that a technique adds to a GAN's, from the batch: an entry of `GAN.sample_terms`. It draws as `Noise`."""

    def forward(self, player: str, game: "GAN", critic: CachedCritic, latent: Tensor, fake: Tensor) -> Tensor:
        """The cost of ``player``, a scalar, where ``fake`` are the game's samples from ``latent``."""
        raise NotImplementedError


class LatentStep(nn.Module):
    """A technique that moves latents before both players see their samples: `GAN.latent_step`."""

    def forward(self, game: "GAN", latent: Tensor) -> tuple[Tensor, Tensor]:
        """``(latents, price)``: where they are moved to, and what both players pay for it, a scalar."""
        raise NotImplementedError


class LatentTruncation(Hyperparameters):
    """A technique that changes the latents of samples, and of no batch: `GAN.truncation`."""

    def forward(self, latent: Tensor) -> Tensor:
        """Latents of the same shape."""
        raise NotImplementedError


class GAN(Game):
    """A generator against a discriminator (critic), priced by any objective and any penalty.

    ``J_D = objective.discriminator + penalty`` and ``J_G = objective.generator``, on batches of ``batch_size`` real
    samples from ``data`` and as many latents: N(0, I) or U[−1, 1] per coordinate, ``latent`` of them.

    ``generator`` maps [batch, latent] to [batch, *data.shape]; ``discriminator`` maps samples to logits [batch, 1] or
    [batch]. Both are ordinary modules. Raises `ValueError` where they do not fit each other or the data, where the
    discriminator ends in a sigmoid (objectives take logits), or where a module cannot be trained as a pure function.

    Reference: Goodfellow et al. 2014, Algorithm 1.
    """

    has_samples = True

    prices_classes = False
    """Whether its costs ask the critic for more than its logit: outputs that tell classes apart."""

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        objective: Objective | None = None,
        penalty: Penalty | None = None,
        *,
        data: Source,
        latent: Count,
        batch_size: Count = 64,
        latent_distribution: Latents = "normal",
    ):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.objective = objective if objective is not None else NonSaturating()
        self.penalty = penalty if penalty is not None else NoPenalty()
        self.data, self.latent, self.batch_size = data, latent, batch_size
        self.latent_distribution = latent_distribution
        self.sample_terms = nn.ModuleDict()
        self.latent_step: LatentStep | None = None
        self.truncation: LatentTruncation | None = None
        check_networks(self)

    def latents(self, key: Key, lead: tuple[int, ...]) -> Tensor:
        """Latents of shape (*lead, latent) on the generator's device."""
        shape = (*lead, self.latent)
        if self.latent_distribution == "uniform":
            return 2 * key.uniform(shape) - 1
        return key.normal(shape)

    def draw(self, key: Key, lead: tuple[int, ...] = ()) -> Batch:
        lead = (*lead, self.batch_size)
        rows = self.data.draw(key.stream("real"), math.prod(lead))
        batch = {
            "latent": self.latents(key.stream("latent"), lead),
            "penalty": self.penalty.draw(key.stream("penalty"), lead, self.data.shape),
            "noise": draw_noise(self, key.stream("noise"), lead),
        }
        return self.with_rows(batch, rows, lead)

    def with_rows(self, batch: Batch, rows: dict[str, Tensor], lead: tuple[int, ...]) -> Batch:
        """The batch with these rows of the data, as many as fill ``lead``, as its own."""
        return {**batch, "real": rows["real"].reshape(*lead, *self.data.shape)}

    def forward(self, player: str, batch: Batch) -> Tensor:
        with bound(self, batch["noise"]):
            latent, real = batch["latent"], batch["real"]
            paid: list[Tensor] = []
            if self.latent_step is not None:
                with generated(self, batch["noise"]):
                    latent, price = self.latent_step(self, latent)
                paid.append(price)
            fake = self.generator(latent)
            critic = self.critic(self.discriminator, [fake], batch)
            cost = self.price(player, critic, real, fake, batch)
            terms = self.sample_terms.values()
            paid += [share_of(term, term(player, self, critic, latent, fake)) for term in terms]
            if player == "discriminator":  # last, when all of the turn's passes have been made
                critic.observe_real(real)
            return cost + torch.stack(paid).sum() if paid else cost

    @property
    def sweep(self) -> DataSweep | None:
        known = isinstance(self.data, Indexed) and self.data.indexable
        return DataSweep(len(self.data), self.batch_size) if known else None  # type: ignore[arg-type]

    def swept(self, batch: Batch, first: Tensor) -> Batch:
        assert isinstance(self.data, Indexed)
        index = (first + torch.arange(self.batch_size, device=first.device)) % len(self.data)
        rows = self.data.rows(index)
        return self.with_rows(batch, {**rows, "real": rows["real"].to(batch["real"])}, (self.batch_size,))

    def advance(self, player: str) -> None:
        self.objective.advance(player)
        if player == "discriminator":
            self.penalty.advance()

    def on_average(self) -> Game:
        average = self.penalty.on_average()
        if average is self.penalty:
            return self
        twin = copy.deepcopy(self)
        twin.penalty = average
        return twin

    def critic(self, network: Callable[[Tensor], Tensor], fakes: Sequence[Tensor], batch: Batch) -> CachedCritic:
        """``network`` as the critic of one evaluation, which takes ``fakes`` for generated samples."""
        return CachedCritic(network, fakes, partial(generated, self, batch["noise"]))

    def with_objective(self, objective: Objective) -> "GAN | None":
        """A copy with another objective on the same logits; None where the critic gives no logit for single samples."""
        if self.objective.outputs != 1 or self.objective.joint:
            return None
        twin = copy.deepcopy(self)
        twin.objective = objective.to(next(self.parameters()))
        return twin

    def price(self, player: str, critic: CachedCritic, real: Tensor, fake: Tensor, batch: Batch) -> Tensor:
        """The cost of ``player`` for ``fake`` and ``real`` under one critic: objective and penalty."""
        cost = self.objective(player, critic, real, fake)
        if player == "discriminator":
            asked = not isinstance(self.penalty, NoPenalty)  # else a witness may cost passes of the critic for nothing
            witness = self.objective.witness(critic, real, fake) if asked else critic
            cost = cost + self.penalty(witness, real, fake, batch["penalty"])
        return cost

    @torch.no_grad()
    def sample(self, key: Key, count: int) -> Tensor:
        """Generated samples, [count, *data.shape], with running (not batch) statistics; the mode is put back after."""
        return self.generated(self.latents_of_samples(key, count))

    @torch.no_grad()
    def generated(self, latents: Tensor) -> Tensor:
        """What the generator makes of latents [count, latent], as for `sample`: a pure function of its own tensors."""
        was = self.generator.training
        self.generator.eval()
        try:
            return torch.cat([self.generator(part) for part in split(latents, AT_ONCE)])
        finally:
            self.generator.train(was)

    def latents_of_samples(self, key: Key, count: int) -> Tensor:
        """The latents of `sample`, [count, latent]."""
        return self.truncated(torch.cat([self.latents(key, (n,)) for n in _chunks(count, AT_ONCE)]))

    @property
    def input_names(self) -> tuple[str, ...]:
        """What a generator that is taken away asks for, by name."""
        return ("latents",)

    def inputs(self, latents: Tensor) -> tuple[Tensor, ...]:
        """Latents [batch, …] of `latents` as those inputs, each [batch, …]."""
        return (latents,)

    def joined(self, *inputs: Tensor) -> Tensor:
        """The latents that these `inputs` are."""
        return inputs[0]

    def truncated(self, latents: Tensor) -> Tensor:
        """The latents as the technique of that name leaves them."""
        return latents if self.truncation is None else self.truncation(latents)

    def moved(self, latents: Tensor, by: Tensor) -> Tensor:
        """Latents moved by [batch, latent]."""
        return latents + by


AT_ONCE = 1024
"""Samples that are made in one pass."""


def _chunks(count: int, most: int) -> list[int]:
    """Batch sizes that add up to ``count``, each at most ``most``."""
    return [min(most, count - done) for done in range(0, count, most)] or [0]
