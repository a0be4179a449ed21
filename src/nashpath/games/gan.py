"""A GAN as a game: two networks, a source of real samples, an objective and a penalty."""

import copy
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from nashpath.core import Batch, Count, Game, Hyperparameters, Key, Source
from nashpath.core.game import DataSweep, check_own
from nashpath.core.noise import Noise, bound, draw_noise, generated
from nashpath.core.source import Indexed
from nashpath.core.torch_compat import (
    BATCH_NORMS,
    DROPOUTS,
    global_random_state,
    has_lazy_parameters,
    hidden_power_iteration,
    squashed_by,
)
from nashpath.core.typed import named_modules, split
from nashpath.games.critics import CachedCritic
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
        check_own(self)
        check_trainable(self)
        check_joint(self)
        check_shapes(self)

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
            paid += [term(player, self, critic, latent, fake) for term in self.sample_terms.values()]
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
            witness = self.objective.witness(critic, real, fake)
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


def check_trainable(game: GAN) -> None:
    """Refuses modules whose forward pass cannot be a pure function, with the replacement to use."""
    for name, module in named_modules(game):
        kind = type(module).__name__
        if isinstance(module, DROPOUTS):
            raise ValueError(
                f"{name} is {kind}, which draws from the global random state, so no run could be repeated; use "
                "nashpath.networks.Dropout(shape, rate), whose draws come with the batch"
            )
        if hidden_power_iteration(module):
            raise ValueError(
                f"{name} uses torch's spectral_norm (or a weight that changes its own state in the same way), which "
                "cannot be stacked or penalised; use nashpath.networks.spectral_norm(module) instead"
            )
    slopes = {"penalty": game.penalty.needs_input_gradient, "objective": game.objective.needs_input_gradient}
    if any(slopes.values()):
        name = mixing_layer(game.discriminator)
        if name is not None:
            raise ValueError(
                f"discriminator.{name} normalises over the batch, so ∇d of one sample depends on the others and a "
                f"gradient {'penalty' if slopes['penalty'] else 'of the objective'} has no meaning (Gulrajani et al. "
                "2017, Sec. 4); use layer or spectral normalisation, or another "
                f"{'penalty, or penalty=none' if slopes['penalty'] else 'objective'}"
            )


def mixing_layer(network: nn.Module) -> str | None:
    """The first layer whose output for one sample depends on the others of the batch."""
    mixing = (n for n, m in named_modules(network) if getattr(m, "mixes_batch", False) or isinstance(m, BATCH_NORMS))
    return next(mixing, None)


def check_joint(game: GAN) -> None:
    """Refuses a discriminator with a layer for joint batches, where it would be shown real samples alone."""
    layers = [name for name, layer in named_modules(game.discriminator) if getattr(layer, "joint", False)]
    if layers and not game.objective.joint:
        raise ValueError(
            f"discriminator.{layers[0]} compares the real half of a joint batch with the generated half; the objective "
            f"{type(game.objective).__name__} shows them apart: use joint_batch, or joint=False in the layer"
        )
    if layers and not isinstance(game.penalty, NoPenalty):
        raise ValueError(
            f"discriminator.{layers[0]} sees joint batches only, and {type(game.penalty).__name__} shows it one kind "
            "of sample at a time; use penalty=none"
        )


def check_shapes(game: GAN) -> None:
    """Runs one tiny batch through both networks; the error names the one that does not fit."""
    tensors = [*game.parameters(), *game.buffers()]
    device = tensors[0].device if tensors else torch.device("cpu")
    key = Key(0, device=device)
    if has_lazy_parameters(game):
        _make_lazy(game, key)
    kept = {k: v.clone() for k, v in game.state_dict().items()}
    with torch.no_grad():
        fake = _generated(game, key)
        _check_logits(game, fake)
        for network in critics(game.discriminator).values():
            game.objective.check(network, fake)
        _check_learns("generator", game.generator, game.latents(key, (2,)))
        _check_learns("discriminator", game.discriminator, fake)
        game.load_state_dict(kept)
    for which, network in critics(game.discriminator).items():
        squashed = squashed_by(network, fake)
        if squashed:
            raise ValueError(
                f"{which} ({type(network).__name__}) ends in a {squashed}, and objectives take logits, which they "
                "squash themselves: leave its last layer out"
            )


def _make_lazy(game: GAN, key: Key) -> None:
    """The first pass of lazy layers, which makes their parameters and must not move running statistics."""
    was = game.training
    game.eval()
    try:
        with torch.no_grad():
            game.discriminator(game.generator(game.latents(key, (2,))))
    except Exception as error:
        raise ValueError(
            f"the first pass of the generator and the discriminator, which makes lazy layers, fails: {_told(error)}"
        ) from error
    game.train(was)


def _generated(game: GAN, key: Key) -> Tensor:
    """Two samples, of the shape that the data have."""
    expected = (2, *game.data.shape)
    try:
        fake = undrawn("generator", game.generator, game.latents(key, (2,)))
    except Refused:
        raise
    except Exception as error:  # whatever a module of the user's may raise
        check_precision("generator", game.generator)
        raise ValueError(
            f"the generator does not accept latents of shape (batch, {game.latent}): {_told(error)}"
        ) from error
    if not isinstance(fake, Tensor):
        name = type(game.generator).__name__
        raise ValueError(f"the generator ({name}) returns a {type(fake).__name__}; expected one tensor of samples")
    if tuple(fake.shape) != expected:
        raise ValueError(f"the generator returns shape {tuple(fake.shape)}; the data needs {expected}")
    return fake


def _check_logits(game: GAN, fake: Tensor) -> None:
    """Refuses a discriminator that does not take the samples, or gives no logits as the objective needs them."""
    try:
        logits = undrawn("discriminator", game.discriminator, fake)
    except Refused:
        raise
    except Exception as error:
        check_precision("discriminator", game.discriminator)
        raise ValueError(
            f"the discriminator does not accept samples of shape {tuple(fake.shape)}: {_told(error)}"
        ) from error
    name = type(game.discriminator).__name__
    if not isinstance(logits, Tensor):
        raise ValueError(f"the discriminator ({name}) returns a {type(logits).__name__}; expected one tensor of logits")
    single = game.objective.outputs == 1 and not game.classifies
    if logits.shape[:1] != (2,) or (single and logits.numel() != 2):
        raise ValueError(
            f"the discriminator ({name}) returns shape {tuple(logits.shape)}; expected one logit a sample, (2, 1)"
        )


def _check_learns(who: str, network: nn.Module, x: Tensor) -> None:
    """Refuses a network with parameters whose output no derivative leads back from."""
    if not any(p.requires_grad for p in network.parameters()):
        return
    with torch.enable_grad():
        if not network(x).requires_grad:
            raise ValueError(
                f"the {who}'s output has no derivative by its parameters, so it would never learn: its forward "
                "detaches it, or runs under torch.no_grad()"
            )


class Refused(ValueError):
    """A module that is refused for what it does, in words of its own."""


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, RuntimeError) else f"{type(error).__name__}: {error}"


def check_precision(who: str, network: nn.Module) -> None:
    """Raises `ValueError` for a network in another precision than samples and latents are drawn in."""
    usual = torch.get_default_dtype()
    for name, value in network.named_parameters():
        if value.is_floating_point() and value.dtype != usual:
            raise ValueError(
                f"the {who} ({type(network).__name__}) has parameters of {value.dtype}, {name} first; samples "
                f"and latents are {usual}: give {who}.to({usual}), and precision=torch.bfloat16 for mixed precision"
            )


def undrawn(who: str, network: nn.Module, x: Tensor) -> Any:
    """The network's output. Raises `ValueError` that names the module which draws from a global random state.

    Where that is Python's, a second output must be another one: type checkers draw from it which items they look at.
    """
    drew: list[str] = []
    elsewhere: list[str] = []
    before: dict[str, tuple[object, ...]] = {}

    def enter(name: str, *_: object) -> None:
        before[name] = global_random_state()

    def leave(name: str, *_: object) -> None:
        now = global_random_state()
        if before[name] != now:
            drew.append(name)
            elsewhere.extend([name] if before[name][1:] != now[1:] else [])

    watched = [(f"{who}.{name}" if name else who, module) for name, module in named_modules(network)]
    hooks = [module.register_forward_pre_hook(partial(enter, name)) for name, module in watched]
    hooks += [module.register_forward_hook(partial(leave, name)) for name, module in watched]
    try:
        result = network(x)
    finally:
        for hook in hooks:
            hook.remove()
    if drew and (elsewhere or not _equal(result, network(x))):  # the first to leave is the innermost
        raise Refused(
            f"{drew[0]} ({type(dict(watched)[drew[0]]).__name__}) draws from the global random state in its forward "
            "pass, so no run could be repeated; take the noise from nashpath.networks.Noise, as GaussianNoise and "
            "Dropout do"
        )
    return result


def _equal(one: Any, other: Any) -> bool:
    return isinstance(one, Tensor) and isinstance(other, Tensor) and torch.equal(one, other)


def critics(discriminator: nn.Module) -> dict[str, nn.Module]:
    """The networks whose outputs objectives see: the discriminator, or those of an ensemble."""
    inside = getattr(discriminator, "networks", None)
    if isinstance(inside, nn.ModuleList):
        return {f"discriminator.networks.{i}": network for i, network in enumerate(inside)}
    return {"the discriminator": discriminator}
