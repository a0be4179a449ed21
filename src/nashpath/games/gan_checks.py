"""What a GAN refuses: networks that do not fit each other, the data, the objective or the penalty."""

import warnings
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from nashpath.core import Key
from nashpath.core.game import check_own
from nashpath.core.passes import with_its_tensors
from nashpath.core.purity import Refused, check_modules, check_precision, undrawn
from nashpath.core.torch_compat import has_lazy_parameters, squash_of, squashed_by
from nashpath.core.typed import named_modules
from nashpath.games.critics import mixing_layer
from nashpath.games.penalties import NoPenalty

if TYPE_CHECKING:
    from nashpath.games.gan import GAN


def check_networks(game: "GAN") -> None:
    """Refuses networks that cannot be played under the game's objective and penalty, or do not fit each other.

    Raises `ValueError` that names the module, what it does, and what to use instead.
    """
    check_own(game)
    check_trainable(game)
    check_joint(game)
    check_shapes(game)


def check_trainable(game: "GAN") -> None:
    """Refuses modules whose forward pass cannot be a pure function, and those that mix samples under a slope."""
    check_modules(game)
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


def check_joint(game: "GAN") -> None:
    """Refuses a discriminator with a layer for joint batches, where it would be shown real samples alone."""
    layers = _joint_layers(game)
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
    if layers and game.batch_size < 2:
        raise ValueError(
            f"discriminator.{layers[0]} compares each sample with others of its kind, and a batch has one of each; use "
            "batch_size=2 or more"
        )


def _joint_layers(game: "GAN") -> list[str]:
    return [name for name, layer in named_modules(game.discriminator) if getattr(layer, "joint", False)]


def probed(game: "GAN") -> int:
    """Number of samples that a network is tried with: two, or two of each kind where a layer compares kinds."""
    return 4 if _joint_layers(game) else 2


def check_shapes(game: "GAN") -> None:
    """Runs one tiny batch through both networks; the error names the one that does not fit."""
    tensors = [*game.parameters(), *game.buffers()]
    device = tensors[0].device if tensors else torch.device("cpu")
    key = Key(0, device=device)
    if has_lazy_parameters(game):
        _make_lazy(game, key)
    with torch.no_grad(), with_its_tensors(game):
        made = _generated(game, key)
        fake = made.detach()
        logits = _logits(game, fake)
        for network in critics(game.discriminator).values():
            game.objective.check(network, fake)
        _check_learns("generator", game.generator, made)
        _check_learns("discriminator", game.discriminator, logits)
    _check_range(game, made)
    for which, network in critics(game.discriminator).items():
        squashed = squashed_by(network, fake)
        if squashed:
            raise ValueError(
                f"{which} ({type(network).__name__}) ends in a {squashed}, and objectives take logits, which they "
                "squash themselves: leave its last layer out"
            )


def _check_range(game: "GAN", made: Tensor) -> None:
    """Warns of a generator of images that can make no pixel darker than grey."""
    if len(game.data.shape) == 3 and squash_of(made) == "sigmoid":
        warnings.warn(
            f"the generator ({type(game.generator).__name__}) ends in a sigmoid, so its pixels lie in [0, 1]; those of "
            "the data lie in [-1, 1], with black at -1: end it in a tanh",
            stacklevel=5,
        )


def _make_lazy(game: "GAN", key: Key) -> None:
    """The first pass of lazy layers, which makes their parameters and must not move running statistics."""
    was = game.training
    game.eval()
    try:
        with torch.no_grad():
            game.discriminator(game.generator(game.latents(key, (probed(game),))))
    except Exception as error:
        raise ValueError(
            f"the first pass of the generator and the discriminator, which makes lazy layers, fails: {_told(error)}"
        ) from error
    game.train(was)


def _generated(game: "GAN", key: Key) -> Tensor:
    """A few samples, of the shape that the data have."""
    expected = (probed(game), *game.data.shape)
    try:
        fake = undrawn("generator", game.generator, game.latents(key, expected[:1]))
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
    if fake.is_floating_point() and fake.dtype != torch.get_default_dtype():
        check_precision("generator", game.generator)
        raise ValueError(f"the generator returns {fake.dtype}; samples are {torch.get_default_dtype()}")
    return fake


def _logits(game: "GAN", fake: Tensor) -> Tensor:
    """The logits of samples; refuses a discriminator that does not take them, or gives none as the objective needs."""
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
    if logits.shape[:1] != fake.shape[:1] or (single and logits.numel() != len(fake)):
        raise ValueError(
            f"the discriminator ({name}) returns shape {tuple(logits.shape)}; expected one logit a sample, "
            f"({len(fake)}, 1)"
        )
    return logits


def _check_learns(who: str, network: nn.Module, output: Tensor) -> None:
    """Refuses a network with parameters whose output no derivative leads back from."""
    if not output.requires_grad and any(p.requires_grad for p in network.parameters()):
        raise ValueError(
            f"the {who}'s output has no derivative by its parameters, so it would never learn: its forward detaches "
            "it, or runs under torch.no_grad() or torch.inference_mode()"
        )


def _told(error: Exception) -> str:
    told = str(error) if isinstance(error, RuntimeError) else f"{type(error).__name__}: {error}"
    if isinstance(error, TypeError) and "missing" in told and "positional argument" in told:
        told += ". Networks that take the class beside it, G(z, y) and D(x, y), are played by a game of your own "
        told += "(docs/coming_from.md), or made by game=conditional"
    return told


def critics(discriminator: nn.Module) -> dict[str, nn.Module]:
    """The networks whose outputs objectives see: the discriminator, or those of an ensemble."""
    inside = getattr(discriminator, "networks", None)
    if isinstance(inside, nn.ModuleList):
        return {f"discriminator.networks.{i}": network for i, network in enumerate(inside)}
    return {"the discriminator": discriminator}
