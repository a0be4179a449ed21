"""From settings to a trial: each constructor is given the parts that it names."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any
from weakref import WeakValueDictionary

import torch
from torch import nn

from nashpath.core import FunctionalGame, Game, Key, Source, Table, derive, seeded
from nashpath.core.source import FromDisk, is_labelled
from nashpath.data import SOURCES
from nashpath.games import GAMES, OBJECTIVES, PENALTIES
from nashpath.games.objectives import Objective
from nashpath.games.techniques import TECHNIQUES
from nashpath.networks import DISCRIMINATORS, GENERATORS
from nashpath.run.engine.step import Trial
from nashpath.run.errors import SettingError
from nashpath.run.settings.model import General
from nashpath.run.settings.schema import Method, accepts
from nashpath.solvers import AVERAGES, CONSTRAINTS, RULES, SCHEDULES, SOLVERS, Scheduled, Solver, UpdateRule
from nashpath.solvers.rollback import Rollback


def build_source(settings: General) -> Source:
    """The data set; those who use one with the same settings at the same time share it, while its files stay."""
    chosen: Method = settings.data  # type: ignore[attr-defined]
    key = f"{SOURCES.version} {chosen.model_dump_json()}"  # a data set that is registered anew is another one
    source = _IN_USE.get(key)
    if source is None or (isinstance(source, FromDisk) and source.changed()):
        try:
            source = _IN_USE[key] = make(SOURCES, chosen)
        except (TypeError, ValueError) as error:
            raise SettingError(f"data={chosen.kind}: {error}") from error
    return source


_IN_USE: WeakValueDictionary[str, Source] = WeakValueDictionary()
"""Data sets in use, by their settings."""


@dataclass(eq=False)
class AbsentSource:
    """Stands for data that cannot be had, in what needs only the shape of a sample (and how many classes there are)."""

    shape: tuple[int, ...]
    reason: str
    classes: int = 0
    count: int = 0
    """Of labelled data, how many there were."""

    def labelled_examples(self, limit: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Zeros, as many of each class as there were samples: what is chosen from them the checkpoint replaces.

        Raises `FileNotFoundError` for data without labels.
        """
        if not self.classes:
            raise FileNotFoundError(self.reason)
        label = torch.arange(self.classes).repeat(self.count)[:limit]
        return torch.zeros(()).expand(len(label), *self.shape), label

    def draw(self, key: Key, count: int) -> dict[str, torch.Tensor]:
        """Raises `FileNotFoundError`: there is nothing to draw from."""
        raise FileNotFoundError(self.reason)


def build_game(settings: Any, seed: int, given: Source | None = None) -> Game:
    """The game with networks initialised by ``seed``; nothing leaves a trace in the global random state.

    ``given`` data take the place of those that the settings name.
    """
    source = cache(lambda: build_source(settings) if given is None else given)
    objective = cache(lambda: make(OBJECTIVES, settings.objective))
    parts: dict[str, Callable[[], Any]] = {
        "objective": objective,
        "penalty": lambda: make(PENALTIES, settings.penalty),
        "data": source,
        "latent": lambda: settings.latent,
        "batch_size": lambda: settings.batch_size,
        "latent_distribution": lambda: settings.latent_distribution,
        "seed": lambda: derive(seed, "labels"),
        "generator": lambda: make(GENERATORS, settings.generator, latent=settings.latent, shape=source().shape),
        "discriminator": lambda: _discriminator(settings, source(), objective()),
        "new_generator": lambda: parts["generator"],
        "new_discriminator": lambda: parts["discriminator"],
    }
    wanted = {name: parts[name] for name in inspect.signature(GAMES[settings.game.kind]).parameters if name in parts}
    with seeded(derive(seed, "weights")):
        plain = make(GAMES, settings.game, **{name: part() for name, part in wanted.items()})
        return make(TECHNIQUES, settings.technique, game=plain)


def _discriminator(settings: Any, source: Source, objective: Objective) -> nn.Module:
    """The critic, as wide at its output as the game and the objective need it."""
    classes = source.classes if GAMES[settings.game.kind].classifies and is_labelled(source) else 0
    outputs = classes or objective.outputs
    options = {"outputs": outputs} if "outputs" in accepts(DISCRIMINATORS[settings.discriminator.kind]) else {}
    return make(DISCRIMINATORS, settings.discriminator, shape=source.shape, **options)


def build_solver(settings: Any) -> Solver:
    """The solver with its rules, constrained and averaged as the settings say."""
    chosen = settings.solver
    rules = {who: build_rule(getattr(chosen, who)) for who in ("discriminator", "generator")}
    solver = make(CONSTRAINTS, settings.constraint, solver=make(SOLVERS, chosen, **rules))
    averaged = make(AVERAGES, settings.average, solver=solver)
    return Rollback(averaged) if settings.on_divergence == "rollback" else averaged


def build_rule(chosen: Any) -> UpdateRule:
    """One player's rule under its schedule."""
    rule = make(RULES, chosen)
    schedule = make(SCHEDULES, chosen.schedule)
    return Scheduled(rule, schedule) if schedule.varies else rule


def build_trial(settings: General, seed: int, device: torch.device | str = "cpu", given: Source | None = None) -> Trial:
    """One member's game and solver, on ``device``. Raises `SettingError` for parts that do not fit each other."""
    try:
        trial = Trial(build_game(settings, seed, given), build_solver(settings)).to(device)
        trial.solver.check(FunctionalGame(trial.game))
        return trial
    except (ValueError, TypeError) as error:
        raise SettingError(str(error)) from error


def make(table: Table, chosen: Method, **given: Any) -> Any:
    """The chosen method of a table: its constructor called with what the builder gives, and with its own settings."""
    own = {k: v for k, v in chosen if k != "kind" and not isinstance(v, Method)}  # methods inside it are given
    try:
        return table[chosen.kind](**given, **own)
    except (TypeError, ValueError) as error:
        if chosen.kind in str(error):
            raise
        raise SettingError(f"{table.kind} {chosen.kind}: {error}") from error
