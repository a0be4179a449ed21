"""Diagnostics that settings can ask for by name: each is given the parts that its constructor names."""

import copy
import inspect
from collections.abc import Callable
from typing import Any

from nashpath.core import Game, Problem
from nashpath.diagnostics import DIAGNOSTICS, Diagnostic
from nashpath.games import GAN, SemiSupervised
from nashpath.games.objectives import MonoFlowObjective


def logit_game(game: Game) -> Game | None:
    """The same game whose generator has the logit loss; None where the critic gives no logit of a single sample."""
    if not isinstance(game, GAN) or isinstance(game, SemiSupervised):
        return None
    if game.objective.outputs != 1 or getattr(game.objective, "joint", False):
        return None
    twin = copy.deepcopy(game)
    twin.objective = MonoFlowObjective("logit").to(next(game.parameters()))
    return twin


def _reference(game: Game) -> Problem:
    twin = logit_game(game)
    if twin is None:
        raise ValueError(
            f"diagnostics: vanishing compares with the loss of single logits; {type(game).__name__} with this "
            "objective has none; leave it out"
        )
    return Problem(twin)


INJECTED: dict[str, Callable[[Game], Any]] = {"reference": _reference}
"""What the builder gives to constructors that ask for it by name."""


def required(name: str) -> set[str]:
    """The constructor's arguments without defaults."""
    parameters = inspect.signature(DIAGNOSTICS[name]).parameters
    return {k for k, v in parameters.items() if v.default is inspect.Parameter.empty}


def runnable_by_name() -> list[str]:
    """The diagnostics that need nothing but the game where it stands; others compare with an earlier point."""
    return [name for name in DIAGNOSTICS if required(name) <= INJECTED.keys()]


def build_diagnostics(names: list[str], game: Game) -> dict[str, Diagnostic]:
    """The named diagnostics for this game. Raises `ValueError` where one does not apply to it."""
    return {name: DIAGNOSTICS[name](**{part: INJECTED[part](game) for part in required(name)}) for name in names}
