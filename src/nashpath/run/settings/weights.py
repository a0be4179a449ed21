"""What a game's networks begin with, and what of them stays as it is: weights of another run, frozen layers."""

from fnmatch import fnmatchcase

import torch

from nashpath.core import Game, Tree, did_you_mean, split_buffers
from nashpath.core.typed import named_modules
from nashpath.games.techniques import AroundCritic
from nashpath.run.errors import SettingError


def weights_of(game: Game) -> Tree:
    """The parameters and the state of the players' networks, by their names without techniques around critics."""
    around = sorted((name for name, part in named_modules(game) if isinstance(part, AroundCritic)), key=len)
    found: Tree = {}
    for name, value in {**dict(game.named_parameters()), **split_buffers(game)[1]}.items():
        if name.partition(".")[0] not in game.players or any(name.startswith(f"{one}.before.") for one in around):
            continue
        for one in reversed(around):
            if name.startswith(f"{one}.network."):
                name = one + name.removeprefix(f"{one}.network")
        found[name] = value.detach()
    return found


@torch.no_grad()
def begin_from(game: Game, weights: Tree, whence: str) -> None:
    """Writes `weights_of` another game into this one's networks, in place.

    Raises `SettingError`, which names the network and the layer, where they do not fit.
    """
    own = weights_of(game)
    for name in [*own, *weights]:
        here, there = own.get(name), weights.get(name)
        if here is not None and there is not None and here.shape == there.shape:
            continue
        who, _, inside = name.partition(".")
        raise SettingError(
            f"start_from: the {who} does not fit: {inside} {_told(here)} here, {_told(there)} in {whence}; choose the "
            "networks of that run"
        )
    for name, value in own.items():
        value.copy_(weights[name])


def _told(value: torch.Tensor | None) -> str:
    """What a network has of a name."""
    if value is None:
        return "is not there"
    return "is one number" if value.dim() == 0 else f"has the shape {tuple(value.shape)}"


def freeze(game: Game, patterns: list[str]) -> None:
    """Takes the parameters that match a pattern out of training, in place (``requires_grad``): no solver moves them.

    A pattern is held against whole names, such as ``discriminator.0.weight``; ``*`` is any text, also one with dots.
    Raises `SettingError` for a pattern that matches nothing, and where a player would have nothing left to train.
    """
    named = dict(game.named_parameters())
    for pattern in patterns:
        matched = [name for name in named if fnmatchcase(name, pattern)]
        if not matched:
            raise SettingError(
                f"freeze: no parameter is called {pattern!r}.{did_you_mean(pattern, list(named))} Known: "
                f"{', '.join(named)}"
            )
        for name in matched:
            named[name].requires_grad_(False)
    for who in game.players if patterns else ():
        if not any(value.requires_grad for value in game.get_submodule(who).parameters()):
            raise SettingError(
                f"freeze: {', '.join(patterns)} leaves no parameter of the {who} to train, and a game needs players "
                "that move; freeze fewer"
            )
