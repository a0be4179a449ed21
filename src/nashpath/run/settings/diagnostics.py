"""Diagnostics that settings can ask for by name: each is given the parts that its constructor names."""

from collections.abc import Callable
from typing import Any

from nashpath.core import FunctionalGame, Game
from nashpath.diagnostics import DIAGNOSTICS, Diagnostic
from nashpath.games import GAN
from nashpath.games.objectives import MonoFlowObjective
from nashpath.run.engine.linear_play import LinearPlay, unit_plays
from nashpath.run.settings.schema import required
from nashpath.solvers import Alternating, Extragradient, Simultaneous


def logit_game(game: Game) -> Game | None:
    """The same game whose generator has the logit loss; None where the critic gives no logit of a single sample."""
    return game.with_objective(MonoFlowObjective("logit")) if isinstance(game, GAN) else None


def _reference(game: Game) -> FunctionalGame:
    twin = logit_game(game)
    if twin is None:
        raise ValueError(
            f"diagnostics: vanishing compares with the loss of single logits; {type(game).__name__} with this "
            "objective has none; leave it out"
        )
    return FunctionalGame(twin)


def _plays(game: Game) -> dict[str, LinearPlay]:
    if set(game.players) != {"discriminator", "generator"}:
        raise ValueError(f"diagnostics: stable_step asks two players for their steps; {type(game).__name__} has others")
    return unit_plays((Simultaneous, Alternating, Extragradient), game)


INJECTED: dict[str, Callable[[Game], Any]] = {"reference": _reference, "plays": _plays}
"""Constructor arguments that the builder supplies by name."""


def runnable_by_name() -> list[str]:
    """The diagnostics that need only the game at its present point; others compare with an earlier one."""
    return [name for name in DIAGNOSTICS if set(required(DIAGNOSTICS[name])) <= INJECTED.keys()]


def build_diagnostics(names: list[str], game: Game) -> dict[str, Diagnostic]:
    """The named diagnostics for this game. Raises `ValueError` where one does not apply to it."""
    return {
        name: DIAGNOSTICS[name](**{part: INJECTED[part](game) for part in required(DIAGNOSTICS[name])})
        for name in names
    }
