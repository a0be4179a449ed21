"""What techniques share that stand between samples and critic: which games they fit, and the wrapped critic."""

from collections.abc import Callable

from torch import Tensor, nn

from nashpath.core import Game
from nashpath.core.typed import named_modules
from nashpath.games.critics import activations, observe_real
from nashpath.games.gan import GAN
from nashpath.games.gan_checks import critics
from nashpath.games.views import is_image


class AroundCritic(nn.Module):
    """A critic inside a technique: ``network`` asked about what ``before`` makes of the samples."""

    def __init__(self, network: nn.Module, before: nn.Module | None = None):
        super().__init__()
        self.before = before if before is not None else nn.Identity()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(self.before(x))

    def activations(self, x: Tensor, layer: str) -> Tensor:
        """The network's own layers, by its own names."""
        return activations(self.network, self.before(x), layer)

    def observe_real(self, logits: Tensor) -> None:
        """Told to the part before, and to the network, where they watch."""
        observe_real(self.before, lambda: logits)
        observe_real(self.network, lambda: logits)


def bare_names(network: nn.Module, kinds: tuple[type[nn.Module], ...]) -> list[str]:
    """The layers of these kinds by the names that they have without techniques around critics, for `layer_at`."""
    found: list[str] = []
    for name, layer in named_modules(network):
        if isinstance(layer, kinds):
            steps = name.split(".")
            above = [network.get_submodule(".".join(steps[:k])) for k in range(len(steps))]
            found.append(
                ".".join(s for s, m in zip(steps, above) if not (isinstance(m, AroundCritic) and s == "network"))
            )
    return found


def layer_at(network: nn.Module, name: str) -> nn.Module:
    """The layer of that name, whatever techniques stand around critics now."""
    for step in name.split("."):
        network = _bare(network).get_submodule(step)
    return _bare(network)


def _bare(network: nn.Module) -> nn.Module:
    while isinstance(network, AroundCritic):
        network = network.network
    return network


def gan_of(game: Game, technique: str) -> GAN:
    """The game, which must be a GAN. Raises `ValueError` for one without samples."""
    if not isinstance(game, GAN):
        raise ValueError(f"{technique} works on samples, and {type(game).__name__} has none: choose it for a GAN")
    return game


def plain_gan_of(game: Game, technique: str) -> GAN:
    """As `gan_of`; raises `ValueError` also for a GAN that plays its batches in a way of its own."""
    gan = gan_of(game, technique)
    if type(gan).forward is not GAN.forward:
        raise ValueError(f"{technique} needs one generator and one critic of logits; {type(game).__name__} has others")
    return gan


def image_gan_of(game: Game, technique: str) -> GAN:
    """As `gan_of`; raises `ValueError` where samples are no images."""
    gan = gan_of(game, technique)
    if not is_image(tuple(gan.data.shape)):
        raise ValueError(
            f"{technique} changes images (channels, height, width); the data have the shape {tuple(gan.data.shape)}"
        )
    return gan


def wrap_critics(game: GAN, wrap: Callable[[nn.Module], nn.Module]) -> GAN:
    """The game with its critic (each one of a mixture) wrapped, in place."""
    inside = getattr(game.discriminator, "networks", None)
    if isinstance(inside, nn.ModuleList):
        for index, network in enumerate(critics(game.discriminator).values()):
            inside[index] = wrap(network)
    else:
        game.discriminator = wrap(game.discriminator)
    return game


def check_single_logits(game: GAN, technique: str) -> None:
    """Raises `ValueError` where the critic gives no logit for each sample alone."""
    objective = game.objective
    if objective.outputs != 1 or game.classifies:
        raise ValueError(f"{technique} needs one logit a sample; here the critic gives features or classes")
    if objective.joint:
        raise ValueError(f"{technique} needs the logits of real samples alone; {type(objective).__name__} mixes them")
