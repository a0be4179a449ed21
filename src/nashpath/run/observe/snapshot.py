"""Snapshots of a member: samples, metrics of the samples, level sets, or a toy's strategies."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import vmap

from nashpath.core import Key, Point, Tree, load_point, tree_map
from nashpath.core.columns import TableUnits
from nashpath.core.source import (
    HasModes,
    HasUnits,
    HoldsOut,
    Source,
    Units,
    class_balance,
    class_names,
    is_labelled,
    units_from_plain,
)
from nashpath.core.torch_compat import call_with, other_names
from nashpath.games import GAN, Classifies
from nashpath.games.toys.base import kind_at
from nashpath.metrics import METRICS, MetricError, class_accuracy
from nashpath.metrics.columns import table_of
from nashpath.networks import mixes_batch
from nashpath.run.engine.step import TrainState, Trial
from nashpath.run.settings.members import Member

GRID = 48


def place(trial: Trial, train_state: TrainState, averaged: bool = True) -> None:
    """Writes a member's parameters (averaged ones where it keeps any) and state into the trial's own modules."""
    solver, memory, point = trial.solver, train_state.memory, train_state.point
    averages, statistics = (solver.averages(memory), solver.statistics(memory)) if averaged else ({}, {})
    load_point(trial.game, Point({**point.players, **averages}, {**point.state, **statistics}))


def keeps_average(trial: Trial, train_state: TrainState) -> bool:
    """Whether samples are those of averaged weights of the generator."""
    return "generator" in trial.solver.averages(train_state.memory)


def samples(trial: Trial, train_state: TrainState, seed: int, count: int, averaged: bool = True) -> Tensor:
    """``count`` samples of the member's (averaged) generator; the same seed gives the same latents at every moment."""
    game = trial.game
    place(trial, train_state, averaged)
    return game.sample(Key(seed, "samples", train_state.steps.device), count)  # type: ignore[operator]


def asked_classes(trial: Trial, seed: int, count: int, device: torch.device) -> Tensor | None:
    """The classes that `samples` asked for, [count]; None where samples have none."""
    game: Any = trial.game
    return game.classes_of_samples(Key(seed, "samples", device), count) if game.of_classes else None


KEPT = 1 << 26
"""Bytes of latents that are kept from one look to the next."""


class _Generated(nn.Module):
    """A game's generator, with what samples add to it, as a function of latents."""

    def __init__(self, game: GAN):
        super().__init__()
        self.game = game

    def forward(self, latents: Tensor) -> Tensor:
        return self.game.generated(latents)


def samples_together(
    trials: Sequence[Trial],
    train_states: Sequence[TrainState],
    seeds: Sequence[int],
    count: int,
    kept: dict[int, Tensor],
) -> list[Tensor]:
    """`samples` of several members of one structure, up to rounding: by stacked generators, where that is possible.

    ``kept`` are latents by the game's `id`, the same each time; new ones are added until they take `KEPT` bytes.
    """
    games = [trial.game for trial in trials]
    one = games[0]
    if len(games) < 2 or not isinstance(one, GAN) or type(one).sample is not GAN.sample:
        return [samples(*given, count) for given in zip(trials, train_states, seeds)]
    latents = []
    for game, state, seed in zip(games, train_states, seeds):
        found = kept.get(id(game))
        if found is None:
            found = game.latents_of_samples(Key(seed, "samples", state.steps.device), count)  # type: ignore[operator]
            if (len(kept) + 1) * found.numel() * found.element_size() <= KEPT:
                kept[id(game)] = found
        latents.append(found)
    own = [_of_generator(trial, state) for trial, state in zip(trials, train_states)]
    made = _Generated(one)
    tied = other_names(made)

    def each(tensors: dict[str, Tensor], latents: Tensor) -> Tensor:
        known = {**tensors, **{name: tensors[first] for name, first in tied.items() if first in tensors}}
        return call_with(made, known, (latents,))

    try:
        stacked = tree_map(lambda *parts: torch.stack(parts), *own)
        return list(vmap(each)(stacked, torch.stack(latents)).unbind())
    except RuntimeError:  # a generator of one's own that steps, but does not sample, under vmap; or too little memory
        return [samples(*given, count) for given in zip(trials, train_states, seeds)]


def _of_generator(trial: Trial, train_state: TrainState) -> dict[str, Tensor]:
    """What `place` would write into the member's generator, and its buffers that are numbers, by name."""
    point, memory, solver = train_state.point, train_state.memory, trial.solver
    buffers = {f"generator.{name}": v for name, v in trial.game.get_submodule("generator").named_buffers()}
    state = {k: v for k, v in {**point.state, **solver.statistics(memory)}.items() if k.startswith("generator.")}
    params = {**point.players, **solver.averages(memory)}["generator"]
    tensors = {**buffers, **state, **{f"generator.{name}": v for name, v in params.items()}}
    return {f"game.{name}": v.detach() for name, v in tensors.items()}


def quick_metrics(found: Tensor, source: Source, missing: dict[str, str] | None = None) -> dict[str, float]:
    """The cheap metrics of every evaluation that apply to these data, from samples [n, *shape].

    All members, at all times, are compared with the same real samples. Why a number is ``missing`` is added to that.
    """
    missing = {} if missing is None else missing
    if said := not_finite(found):
        missing[SAMPLES] = said
        return {}
    results: dict[str, float] = {}
    for metric in METRICS.values():
        try:
            results |= metric.glance(found, source, Key(0, "reference"))
        except MetricError as error:  # an evaluation on the way never ends a training
            missing |= dict.fromkeys(metric.numbers, str(error))
    return results


SAMPLES = "samples"
"""Under this name it is said why samples have no number at all."""


def not_finite(found: Tensor) -> str:
    """``"3 of 1,000 samples are not finite"``; empty where all are."""
    bad = int((~torch.isfinite(found)).flatten(1).any(1).sum())
    return f"{bad:,} of {len(found):,} samples {'is' if bad == 1 else 'are'} not finite" if bad else ""


def quick_accuracy(member: Member, trial: Trial, found: Tensor) -> dict[str, float]:
    """``class_accuracy`` of a member's samples, where they were asked for by class."""
    asked = asked_classes(trial, member.seed, len(found), found.device)
    if asked is None or not torch.isfinite(found).all():
        return {}
    with suppress(MetricError):  # as of `quick_metrics`
        return class_accuracy(found, asked, trial.game.data)  # type: ignore[arg-type]
    return {}


def held_out_error(trial: Trial, train_state: TrainState) -> dict[str, float]:
    """``test_error`` of a game that learns to classify, on data kept from training (averaged weights where kept).

    Empty for other games, and for data that keep nothing back: an error on known samples would mean nothing.
    """
    game = trial.game
    if not isinstance(game, Classifies) or not isinstance(game.data, HoldsOut) or game.data.held_out is None:
        return {}
    place(trial, train_state, averaged=False)
    x, y = (part.to(train_state.steps.device) for part in game.data.held_out.labelled_examples())
    return {"test_error": game.test_error(x, y, trial.solver.averages(train_state.memory).get("discriminator"))}


def extent(real: Tensor) -> list[float]:
    """A square around points in the plane, [xmin, xmax, ymin, ymax]; about one point alone it reaches to 0 or by 1."""
    centre = (real.amax(0) + real.amin(0)) / 2
    half = 0.625 * (real.amax(0) - real.amin(0)).max().item() or max(1.0, centre.abs().max().item())
    (x, y) = centre.tolist()
    return [x - half, x + half, y - half, y + half]


_SQUARES: WeakKeyDictionary[Source, list[float]] = WeakKeyDictionary()


def _square(source: Source) -> list[float]:
    """The square around real points that all pictures of a run show."""
    try:
        kept = _SQUARES.get(source)
    except TypeError:  # a source of one's own that has no hash
        return extent(source.draw(Key(0, "shown"), 2000)["real"])
    if kept is None:
        kept = _SQUARES[source] = extent(source.draw(Key(0, "shown"), 2000)["real"])
    return kept


def grid(square: list[float], side: int, device: torch.device) -> Tensor:
    """Points over the square, [side², 2], row by row upwards."""
    x, y = torch.linspace(square[0], square[1], side), torch.linspace(square[2], square[3], side)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).reshape(-1, 2).to(device)


@torch.no_grad()
def levels(trial: Trial, train_state: TrainState, square: list[float]) -> np.ndarray | None:
    """The discriminator's logits over a square, [GRID, GRID] rows growing with y; None if there is no one logit."""
    critic = trial.game.get_submodule("discriminator")
    if mixes_batch(critic):
        return None
    place(trial, train_state)
    logits = critic(grid(square, GRID, train_state.steps.device))
    return logits.reshape(GRID, GRID).cpu().numpy() if logits.numel() == GRID * GRID else None


def picture(member: Member, trial: Trial, train_state: TrainState, found: Tensor) -> dict[str, np.ndarray]:
    """The saved samples of one member (more where they are points), those of its raw weights beside, and level sets."""
    wanted: Any = member.settings
    points, index, arrays = found.shape[1:] == (2,), member.index, dict[str, np.ndarray]()
    game: Any = trial.game
    count = max(wanted.samples, 400) if points or table_of(game.data) else wanted.samples
    rows = game.classes if game.of_classes and not points and 2 * game.classes <= count else 0
    if rows:
        place(trial, train_state)
        found = _by_class(game, Key(member.seed, "samples", found.device), rows, count)
        arrays |= {f"rows{index}": np.array(rows)}
    arrays[f"m{index}"] = found[:count].cpu().numpy()
    if keeps_average(trial, train_state):
        raw = samples(trial, train_state, member.seed, count, averaged=False)
        if rows:
            raw = _by_class(game, Key(member.seed, "samples", found.device), rows, count)
        arrays[f"m{index}.raw"] = raw.cpu().numpy()
    if points:
        square = _square(trial.game.data)  # type: ignore[arg-type]
        level = levels(trial, train_state, square)
        if level is not None:
            arrays |= {f"level{index}": level, "extent": np.array(square, dtype=np.float32)}
    return arrays


def _by_class(game: Any, key: Key, rows: int, count: int) -> Tensor:
    """``count // rows`` samples of each class, class after class, of the same latents in each."""
    each = count // rows
    latents = game.latents_of_samples(key, each).repeat(rows, 1)
    label = torch.arange(rows, device=latents.device).repeat_interleave(each)
    return game.generated(game.of_class(latents, label))


def reference_samples(source: Any, count: int, evaluated: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Real samples to compare with, the centres of the modes where the data has any, and what real samples get.

    The last are the numbers of every evaluation, of ``evaluated`` real samples in place of generated ones.
    """
    columns = table_of(source)
    arrays = {"real": source.draw(Key(0, "shown"), max(2000 if columns else 256, count))["real"].numpy()}
    arrays |= {"columns": _text(columns.plain())} if columns else {}
    arrays |= {"centres": np.asarray(source.centres)} if isinstance(source, HasModes) else {}
    if is_labelled(source):
        arrays |= {"class_balance": class_balance(source).numpy(), "class_names": _text(class_names(source))}
    found = quick_metrics(source.draw(Key(seed, "trial"), evaluated)["real"], source)
    return arrays | real_numbers(found)


def _text(plain: list[Any]) -> np.ndarray:
    """Names, or other plain values, as the bytes of JSON: array files hold plain numbers."""
    return np.frombuffer(json.dumps(plain).encode(), np.uint8)


def real_numbers(found: dict[str, float]) -> dict[str, np.ndarray]:
    """Numbers of real samples as arrays of ``reference.npz``."""
    return {f"real.{name}": np.array(value) for name, value in found.items()}


def strategies(train_state: TrainState, chosen: Mapping[str, Tree] | None = None) -> np.ndarray:
    """A toy's strategies (or these) as one vector: first coordinates of generator and discriminator first."""
    players = [(chosen or train_state.point.players)[who] for who in ("generator", "discriminator")]
    flat = [torch.cat([v.flatten() for v in params.values()]).cpu() for params in players]
    return torch.cat([*(v[:1] for v in flat), *(v[1:] for v in flat)]).numpy()


def judged_strategies(trial: Trial, train_state: TrainState) -> Mapping[str, Tree]:
    """What is looked at of a toy: averages where every player's are kept, else the strategies that are played.

    The average of one player beside the present strategy of the other is nowhere where play has been.
    """
    played, averages = train_state.point.players, trial.solver.averages(train_state.memory)
    return averages if set(averages) >= set(played) else played


def equilibrium(trial: Trial) -> dict[str, np.ndarray]:
    """The known equilibrium of a toy's two strategies, each player's first coordinate; empty if unknown."""
    known = trial.game.equilibrium
    if known is None:
        return {}
    return {"equilibrium": np.array([np.ravel(known[who])[0] for who in ("generator", "discriminator")])}


def known_point(trial: Trial) -> str:
    """Of which kind the point is that a toy's `distance` is measured from (`PointKind`); empty where nobody knows."""
    game: Any = trial.game
    known = getattr(game, "equilibrium", None)
    return kind_at(known, getattr(game, "truth", ())) if known is not None else ""


def distance(trial: Trial, train_state: TrainState) -> dict[str, float]:
    """Distance of the strategies (averaged ones where the solver keeps all) from the known equilibrium, if any."""
    known = trial.game.equilibrium
    if known is None:
        return {}
    players = judged_strategies(trial, train_state)
    there = {who: torch.as_tensor(place, dtype=torch.float64) for who, place in known.items()}
    away = [(v.double() - there[who].to(v.device)).flatten() for who, ps in players.items() for v in ps.values()]
    return {"distance": float(torch.cat(away).norm())}


def has_samples(trial: Trial) -> bool:
    """Whether this game generates samples that can be compared with a data set; a toy's strategies say more."""
    return trial.game.has_samples


def snapshots(
    members: Sequence[Member],
    trials: Sequence[Trial],
    train_states: Sequence[TrainState],
    kept: dict[int, Tensor] | None,
    make: Callable[[Trial, TrainState, int, int], Tensor] = samples,
) -> Iterator[tuple[Member, TrainState, Tensor | None]]:
    """Each member, where it stands, and its samples (None of a toy); of several at once where latents are ``kept``.

    Else each are made by ``make``.
    """
    if not has_samples(trials[0]):
        yield from ((member, state, None) for member, state in zip(members, train_states))
        return
    wanted: Any = members[0].settings
    count, most = max(wanted.evaluation_samples, wanted.samples), TOGETHER
    if kept is None:
        for member, trial, state in zip(members, trials, train_states):
            yield member, state, make(trial, state, member.seed, count)
        return
    for begin in range(0, len(members), most):
        at = slice(begin, begin + most)
        seeds = [member.seed for member in members[at]]
        found = samples_together(trials[at], train_states[at], seeds, count, kept)
        yield from zip(members[at], train_states[at], found)


TOGETHER = 16
"""Members whose samples are made at once."""


def snapshot(
    member: Member, trial: Trial, train_state: TrainState, found: Tensor | None, shown: bool
) -> tuple[dict[str, np.ndarray], dict[str, Any], dict[str, str]]:
    """``(arrays, metrics, missing)``: of samples ``found``, kept where they are ``shown`` (or a toy's strategies).

    The last says of numbers that are missing why, by their names, or by `SAMPLES` of all.
    """
    missing: dict[str, str] = {}
    if found is None:
        arrays = {f"p{member.index}": strategies(train_state, judged_strategies(trial, train_state))}
        return arrays, distance(trial, train_state), missing
    metrics = quick_metrics(found, trial.game.data, missing) | held_out_error(trial, train_state)  # type: ignore[arg-type]
    metrics |= quick_accuracy(member, trial, found)
    arrays = picture(member, trial, train_state, found) if shown else {}
    return arrays, metrics, missing


def units_of(games: Sequence[Any]) -> dict[str, Any]:
    """The units of the data of each member's game, as plain values (`units_from`); empty where none has any."""
    sources = [getattr(game, "data", None) for game in games]
    found = [source.units if isinstance(source, HasUnits) else None for source in sources]
    known = list(dict.fromkeys(one for one in found if one is not None))
    of = [None if one is None else known.index(one) for one in found]
    return {"known": [one.plain() for one in known], "of": of} if known else {}


def units_from(meta: dict[str, Any], member: int) -> Units | TableUnits | None:
    """The units of a member's data, out of what its checkpoint says beside its tensors."""
    kept = meta.get("units") or {"of": {}}
    at = kept["of"][member] if kept["of"] else None
    return None if at is None else units_from_plain(kept["known"][at])
