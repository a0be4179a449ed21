"""Continued training from the checkpoint, and the samples there."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nashpath.core import Batch, Game, derive, generator, tree_map
from nashpath.core.math.distances import nearest_neighbours
from nashpath.core.source import HasModes
from nashpath.diagnostics import RunSummary, Trajectory, plane_of, trajectory_of
from nashpath.diagnostics.base import flatten
from nashpath.metrics.modes import coverage
from nashpath.run.assess.diagnose_point import Arrays
from nashpath.run.engine.step import TrainState, Trial, hyperparameters_of, make_step
from nashpath.run.observe.snapshot import samples

RECORDED = 128
"""Recorded points of the continued trajectory."""
MOST_STEPS = 2000
NETWORK_STEPS = 96
SAMPLES, DRAWN = 1000, 300
"""Samples that are counted, and those of them that are drawn."""
GREW = 1.2
"""Samples that spread this much further than halfway through training are still spreading."""


def to_float64(value: Any) -> Any:
    """The same module or tree in float64: curvatures need the digits."""
    if isinstance(value, torch.nn.Module):
        return value.double()
    return tree_map(lambda v: v.double() if isinstance(v, Tensor) and v.is_floating_point() else v, value)


def draw(game: Game, rng: torch.Generator, count: int) -> Batch:
    """``count`` batches in the precision of the game's own parameters."""
    drawn = game.draw(rng, (count,))
    return to_float64(drawn) if next(game.parameters()).dtype == torch.float64 else drawn


def is_network(train_state: TrainState) -> bool:
    """Whether the players are networks rather than a toy's vectors: then the norm of the parameters has a meaning."""
    return len(flatten(train_state.point.players)) > 100


def continue_training(trial: Trial, train_state: TrainState, summary: RunSummary) -> tuple[Trajectory | None, Arrays]:
    """Plays on: two turns of the leading pair, or `NETWORK_STEPS` steps. The way's summary, and its picture."""
    steps = NETWORK_STEPS
    if not is_network(train_state):
        turn = abs(summary.evidence.leading.imag) * min(summary.rates.values(), default=0.0)
        steps = max(NETWORK_STEPS, min(MOST_STEPS, int(4 * math.pi / turn))) if turn else NETWORK_STEPS
    step, numbers, every = make_step(trial), hyperparameters_of(trial), max(1, steps // RECORDED)
    points, rng = [flatten(train_state.point.players)], generator(derive(0, "diagnosis"))
    with torch.no_grad():
        for index in range(1, steps + 1):
            train_state, _ = step(train_state, numbers, draw(trial.game, rng, trial.solver.draws))
            if index % every == 0:
                points.append(flatten(train_state.point.players))
    rows = torch.stack(points)
    if not torch.isfinite(rows).all():
        return None, {}
    found = trajectory_of(rows)
    return found._replace(move=found.move / every), _picture(rows, every)


def _picture(rows: Tensor, every: int) -> Arrays:
    """The way in the plane: a toy's two strategies as they are, (generator, discriminator), else two directions."""
    if rows.shape[1] == 2:
        return {"path": rows.flip(1).numpy(), "path.every": np.array(every)}
    plane, shares = plane_of(rows.double())
    return {"path": plane.numpy(), "path.shares": np.array(shares), "path.every": np.array(every)}


def look_at_samples(trial: Trial, train_state: TrainState, summary: RunSummary) -> Arrays:
    """Fills in spread and modes of the samples; returns some of them and of the data, in one plane."""
    source: Any = trial.game.data
    fake = samples(trial, train_state, 0, SAMPLES).double().cpu().flatten(1)
    if not torch.isfinite(fake).all():
        return {}
    real = source.draw(generator(derive(0, "reference")), SAMPLES)["real"].double().flatten(1)
    there = float(real.var(0).sum())
    summary.spread = math.sqrt(float(fake.var(0).sum()) / there) if there > 0 else None
    if not isinstance(source, HasModes):
        return _in_plane(real, fake)
    centres = source.centres.double()
    index = nearest_neighbours(fake, centres)[1][:, 0]
    summary.modes = (int(coverage(index, len(centres), len(fake))[0]), len(centres))
    counts = torch.bincount(index, minlength=len(centres))
    return {**_in_plane(real, fake, centres), "samples.counts": counts.numpy()}


def _in_plane(real: Tensor, fake: Tensor, centres: Tensor | None = None) -> Arrays:
    """Everything in the data's first two principal directions, or as it is where it has two coordinates or one."""
    mean, axes = torch.zeros(real.shape[1]).double(), torch.eye(real.shape[1]).double()
    if real.shape[1] > 2:
        mean, axes = real.mean(0), torch.linalg.svd(real - real.mean(0), full_matrices=False)[2][:2].T
    kinds = {"samples.real": real[:DRAWN], "samples.fake": fake[:DRAWN]}
    if centres is not None:
        kinds["samples.centres"] = centres
    return {k: ((v - mean) @ axes).float().numpy() for k, v in kinds.items()}


def still_grows(half: np.ndarray, last: np.ndarray, centres: Any = None) -> bool:
    """Whether samples [n, ...] spread further, or lie around more modes, than as many did halfway through training."""
    before, after = (torch.from_numpy(part).double().flatten(1) for part in (half, last))
    if not (torch.isfinite(before).all() and torch.isfinite(after).all()):
        return False
    if centres is None:
        return float(after.std(0).norm()) > GREW * float(before.std(0).norm())
    found = [len(nearest_neighbours(part, centres.double())[1].unique()) for part in (before, after)]
    return found[1] > found[0]
