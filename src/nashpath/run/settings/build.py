"""From settings to a trial: each constructor is given the parts that it names."""

import copy
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import torch
from torch import nn

from nashpath.core import FunctionalGame, Game, Key, Source, Table, Tree, derive, did_you_mean, seeded
from nashpath.core.contracts import in_few_words
from nashpath.core.noise import bound, draw_noise
from nashpath.core.own import is_named, note_name, own_fault, own_title, refused_method
from nashpath.core.source import FromDisk, OneHot, is_labelled
from nashpath.data import SOURCES
from nashpath.games import GAMES, GAN, OBJECTIVES, PENALTIES
from nashpath.games.objectives import Objective
from nashpath.games.techniques import TECHNIQUES
from nashpath.networks import DISCRIMINATORS, GENERATORS, OneHotOutput, initialise
from nashpath.run.engine.step import Annealing, Trial, hold, hyperparameters_of
from nashpath.run.errors import SettingError
from nashpath.run.settings.model import TABLES, General, dotted
from nashpath.run.settings.resolve import dump, resolve
from nashpath.run.settings.schema import Method, accepts, swept_paths
from nashpath.run.settings.sizes import check_batch
from nashpath.run.settings.weights import begin_from, freeze
from nashpath.solvers import AVERAGES, CONSTRAINTS, RULES, SCHEDULES, SOLVERS, Scheduled, Solver, UpdateRule
from nashpath.solvers.rollback import Rollback


def build_source(settings: General) -> Source:
    """The data set; those who use one with the same settings at the same time share it, while its files stay."""
    chosen: Method = settings.data  # type: ignore[attr-defined]
    key = f"{SOURCES.version} {chosen.model_dump_json()}"  # a data set that is registered anew is another one
    source = _IN_USE.get(key)
    if source is None or _changed(key, source):
        try:
            source = _IN_USE[key] = make(SOURCES, chosen)
        except (TypeError, ValueError) as error:
            raise SettingError(f"data={chosen.kind}: {error}") from error
    check_batch(settings, source, settings.batch_size)
    return source


_IN_USE: WeakValueDictionary[str, Source] = WeakValueDictionary()
"""Data sets in use, by their settings."""
_ASKED: ContextVar[set[str] | None] = ContextVar("asked", default=None)


@contextmanager
def files_asked_once() -> Iterator[None]:
    """Within this block each data set in use is asked once whether its files changed, not for every member that has it.

    Of a folder of pictures that is a look at every file.
    """
    token = _ASKED.set(_ASKED.get() or set())
    try:
        yield
    finally:
        _ASKED.reset(token)


def _changed(key: str, source: Source) -> bool:
    asked = _ASKED.get()
    if asked is not None and key in asked:
        return False
    if asked is not None:
        asked.add(key)
    return isinstance(source, FromDisk) and source.changed()


@dataclass(eq=False)
class AbsentSource:
    """Stands for data that cannot be had, in what needs only the shape of a sample (and how many classes there are)."""

    shape: tuple[int, ...]
    reason: str
    classes: int = 0
    count: int = 0
    """Of labelled data, how many there were."""
    class_names: list[str] = field(default_factory=list[str])
    blocks: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Of tables, which numbers are one-hot."""
    label_name: str = ""
    """Of tables with classes, the column that holds them."""

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


class Start(NamedTuple):
    """What networks begin with in place of weights of their own: those of another game, and what to call it."""

    weights: Tree
    whence: str


def build_game(settings: Any, seed: int, given: Source | None = None, start: Start | None = None) -> Game:
    """The game with networks initialised by ``seed``; nothing leaves a trace in the global random state.

    ``given`` data take the place of those that the settings name, the weights of a ``start`` that of random ones.
    """
    source = cache(lambda: build_source(settings) if given is None else given)
    objective = cache(lambda: make(OBJECTIVES, settings.objective))
    sizes = cache(lambda: _sizes(settings, source(), objective()))
    parts: dict[str, Callable[[], Any]] = {
        "objective": objective,
        "penalty": lambda: make(PENALTIES, settings.penalty),
        "data": source,
        "latent": lambda: settings.latent,
        "batch_size": lambda: settings.batch_size,
        "latent_distribution": lambda: settings.latent_distribution,
        "seed": lambda: derive(seed, "labels"),
        "generator": lambda: _generator(settings, source(), sizes()[0]),
        "discriminator": lambda: _discriminator(settings, source(), sizes()[1]),
        "new_generator": lambda: parts["generator"],
        "new_discriminator": lambda: parts["discriminator"],
    }
    wanted = {name: parts[name] for name in inspect.signature(GAMES[settings.game.kind]).parameters if name in parts}
    with seeded(derive(seed, "weights")):
        plain = make(GAMES, settings.game, **{name: part() for name, part in wanted.items()})
        if isinstance(plain, GAN) and not isinstance(plain.data, AbsentSource):
            initialise_networks(plain, Key(seed, "initialisation"))
        if start is not None:
            begin_from(plain, *start)
        freeze(plain, settings.freeze)
        return make(TECHNIQUES, settings.technique, game=plain)


FIRST_LOOK = 500
"""Samples that scales are chosen from where a network asks for it; as many as in the released code."""


@torch.no_grad()
def initialise_networks(game: GAN, key: Key) -> None:
    """Lets networks that ask for it (``from_data``) choose scales and biases from `FIRST_LOOK` samples, in place.

    Noise layers are on, as they will be (`nashpath.networks.initialise`).
    """
    for player in ("generator", "discriminator"):
        asks = _asking(game.get_submodule(player))
        if not asks:
            continue
        if player == "generator":
            x = game.latents(key.stream("latent"), (FIRST_LOOK,))
        else:
            x = game.data.draw(key.stream("real"), FIRST_LOOK)["real"]
        with bound(game, draw_noise(game, key.stream(f"{player} noise"), (FIRST_LOOK,))):
            for part in asks:
                initialise(part, x)


def _asking(player: nn.Module) -> list[nn.Module]:
    """The networks that choose their scales from data, the outermost where one is inside another."""
    found: dict[str, nn.Module] = {}
    for name, part in player.named_modules():
        if getattr(part, "from_data", False) and not any(f"{name}.".startswith(f"{o}." if o else "") for o in found):
            found[name] = part
    return list(found.values())


def _sizes(settings: Any, source: Source, objective: Objective) -> tuple[int, int]:
    """Inputs of the generator and outputs of the critic, as the game and the objective need them."""
    classes = source.classes if is_labelled(source) else 0
    own = {k: v for k, v in settings.game if k != "kind"}
    return GAMES[settings.game.kind].sizes(settings.latent, objective.outputs, classes, own)


def _generator(settings: Any, source: Source, inputs: int) -> nn.Module:
    """The generator from so many numbers; of data with categories it ends in them."""
    network = make(GENERATORS, settings.generator, latent=inputs, shape=source.shape)
    blocks = source.blocks if isinstance(source, OneHot) else []
    return OneHotOutput(network, blocks) if blocks else network


def _discriminator(settings: Any, source: Source, outputs: int) -> nn.Module:
    """The critic, so wide at its output; one without that argument as it is."""
    options = {"outputs": outputs} if "outputs" in accepts(DISCRIMINATORS[settings.discriminator.kind]) else {}
    return make(DISCRIMINATORS, settings.discriminator, shape=source.shape, **options)


def build_solver(settings: Any) -> Solver:
    """The solver with its rules, constrained and averaged as the settings say."""
    chosen = settings.solver
    rules = {who: build_rule(getattr(chosen, who)) for who in ("discriminator", "generator")}
    solver = make(CONSTRAINTS, settings.constraint, solver=make(SOLVERS, chosen, **rules))
    everyone = getattr(settings.average, "player", "") == "all"
    for own in [{"player": who} for who in rules] if everyone else [{}]:
        solver = make(AVERAGES, settings.average.model_copy(update=own), solver=solver)
    return Rollback(solver) if settings.on_divergence == "rollback" else solver


def build_rule(chosen: Any) -> UpdateRule:
    """One player's rule under its schedule."""
    rule = make(RULES, chosen)
    schedule = make(SCHEDULES, chosen.schedule)
    return Scheduled(rule, schedule) if schedule.varies else rule


def build_trial(
    settings: General,
    seed: int,
    device: torch.device | str = "cpu",
    given: Source | None = None,
    start: Start | None = None,
) -> Trial:
    """One member's game and solver, on ``device``. Raises `SettingError` for parts that do not fit each other."""
    try:
        annealing = _annealing(settings, seed, given)
        trial = Trial(build_game(settings, seed, given, start), build_solver(settings), annealing).to(device)
        trial.solver.check(FunctionalGame(trial.game))
        _check_end(trial, [key for key in dotted(settings.anneal) if key.startswith("solver.")])
        return trial
    except (ValueError, TypeError) as error:
        raise SettingError(str(error)) from error


def _check_end(trial: Trial, keys: list[str]) -> None:
    """Raises `SettingError` where the solver does not bear the numbers at which its ``keys`` of ``anneal`` end."""
    if trial.annealing is None or not keys:
        return
    solver, ends = copy.deepcopy(trial.solver), trial.annealing.end.get("solver", {})
    hold(solver, ends)
    try:
        solver.check(FunctionalGame(trial.game))
    except ValueError as error:
        named = ", ".join(f"anneal.{key}" for key in keys)
        raise SettingError(f"{named}: where annealing ends, {error}") from error


def _annealing(settings: General, seed: int, given: Source | None) -> Annealing | None:
    """Where the numbers of ``anneal`` go: what another trial, of their final settings, has in its buffers."""
    ends = dotted(settings.anneal)
    if not ends:
        return None
    known = sorted(swept_paths(settings))
    for key in ends:
        if key not in known:
            raise SettingError(f"anneal.{key}: no number of these settings.{did_you_mean(key, known)}")
        if isinstance(ends[key], bool) or not isinstance(ends[key], int | float):
            raise SettingError(f"anneal.{key}: expected a number, got {ends[key]!r}")
    plain = dump(settings.model_copy(update={"anneal": {}}))
    there, elsewhere = ends, {key: value / 2 if value else 0.5 for key, value in ends.items()}  # within any bounds
    built = [resolve(plain, each) for each in (there, elsewhere)]
    end, other = (hyperparameters_of(Trial(build_game(each, seed, given), build_solver(each))) for each in built)
    moved = {who: {k: v for k, v in own.items() if not torch.equal(v, other[who][k])} for who, own in end.items()}
    return Annealing(moved, settings.anneal_steps or settings.steps)


def make(table: Table, chosen: Method, **given: Any) -> Any:
    """The chosen method of a table: its constructor called with what the builder gives, and with its own settings."""
    own = {k: v for k, v in chosen if k != "kind" and not isinstance(v, Method)}  # methods inside it are given
    method = table[chosen.kind]
    try:
        made = method(**given, **own)
    except Exception as error:
        theirs = own_fault(error)
        if theirs:
            raise SettingError(theirs) from error
        if not isinstance(error, TypeError | ValueError) or chosen.kind in str(error):
            raise
        raise SettingError(f"{table.kind} {chosen.kind}: {error}{_whose(given, str(error))}") from error
    if chosen.kind in table.registered:
        if not isinstance(made, table.makes):
            wrong = refused_method(method, "", f"it gives {in_few_words(made)}")
            raise SettingError(str(wrong)) from wrong
        note_name(made, table.row(chosen.kind))
    return made


def own_methods(settings: General, said: str) -> str:
    """The methods of one's own that the settings choose, in brackets, for an error that names none of them."""
    chosen = [(table, getattr(getattr(settings, path, None), "kind", "")) for path, table in TABLES.items()]
    found = [own_title(table[name]) for table, name in chosen if name in table.registered]
    return "" if not found or any(one in said for one in found) else f" (of your own here: {'; '.join(found)})"


def _whose(given: dict[str, Any], said: str) -> str:
    """Which of the given parts that an error speaks of are of one's own, in brackets; nothing where none is."""
    found = [f"the {name} is {own_title(part)}" for name, part in given.items() if name in said and is_named(part)]
    return f" ({'; '.join(found)})" if found else ""
