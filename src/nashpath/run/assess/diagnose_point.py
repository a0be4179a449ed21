"""A game's derivatives at a point: evidence, spectrum, logits, and the noise of the gradients."""

import copy
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import grad

from nashpath.core import Batch, FunctionalGame, Game, Point, pick
from nashpath.core import tree as trees
from nashpath.core.noise import bound
from nashpath.diagnostics import (
    Certificate,
    Linearised,
    RunSummary,
    SignalToNoise,
    VanishingGradient,
    rotation_share,
)
from nashpath.diagnostics.base import mean_field
from nashpath.run.settings.diagnostics import logit_game

BATCHES = 4
TOLERANCE = 1e-3
SHOWN = 256
"""Eigenvalues and logits that are kept for the figures."""

Arrays = dict[str, np.ndarray]


def look_at_point(
    game: Game, problem: FunctionalGame, point: Point, batches: Batch, summary: RunSummary
) -> tuple[Linearised, dict[str, Any], Arrays]:
    """Fills in the summary's evidence at the point; returns the linearised game, numbers, and arrays for figures."""
    near = Linearised(problem, point, batches, BATCHES, tolerance=TOLERANCE)
    evidence = summary.evidence = Certificate(BATCHES).look(problem, point, batches, near)
    if not evidence.finite:
        return near, {}, magnitudes(problem, point, batches)
    numbers: dict[str, Any] = {k: float(v) for k, v in SignalToNoise(BATCHES)(problem, point, batches).items()}
    numbers |= {"leading": {"real": evidence.leading.real, "imag": evidence.leading.imag}}
    numbers |= {"rotation": float(rotation_share(near, probes=4))}
    return near, numbers, _logits(game, problem, point, batches, summary)


def magnitudes(problem: FunctionalGame, point: Point, batches: Batch) -> Arrays:
    """The largest entry of each tensor of parameters and of its gradient, [tensors, 2], and whose it is."""
    slopes = mean_field(problem, point, batches, BATCHES)
    rows = [
        [float(v.abs().max()), float(slopes[who][k].abs().max()), float(index)]
        for index, who in enumerate(problem.players)
        for k, v in point.players[who].items()
    ]
    return {"magnitudes": np.array(rows)}


def as_pairs(values: np.ndarray) -> np.ndarray:
    """Complex numbers as [n, 2]."""
    return np.stack([np.real(values), np.imag(values)], 1)


def _logits(game: Game, problem: FunctionalGame, point: Point, batches: Batch, summary: RunSummary) -> Arrays:
    """The generator's gradient against the logit loss's, the logits of both kinds of sample, and the loss's slope.

    Nothing where the critic does not give logits of single samples.
    """
    twin = logit_game(game)
    if twin is None:
        return {}
    reference = FunctionalGame(twin)
    found = float(VanishingGradient(reference, BATCHES)(problem, point, batches)["vanishing"])
    summary.vanishing = found if math.isfinite(found) else None
    summary.logit = -float(reference.loss("generator", point, pick(batches, 0))[0])
    real, fake = _priced(copy.deepcopy(game), point, batches)
    slope = {} if game.objective.compares else {"logits.slope": _slope(game, torch.cat([real, fake]))}  # type: ignore
    return {"logits.real": real.numpy(), "logits.fake": fake.numpy(), **slope}


@torch.no_grad()
def _priced(game: Any, point: Point, batches: Batch) -> tuple[Tensor, Tensor]:
    """The critic's logits on real and on generated samples."""
    for who, own in point.players.items():
        game.get_submodule(who).load_state_dict(own, strict=False)
    found = []
    for batch in (pick(batches, k) for k in range(BATCHES)):
        with bound(game, batch["noise"]):
            found.append(torch.stack([game.discriminator(batch["real"]).flatten(), _fake(game, batch)]))
    both = torch.cat(found, 1)[:, :SHOWN].double().cpu()
    return both[0], both[1]


def _fake(game: Any, batch: Batch) -> Tensor:
    return game.discriminator(game.generator(batch["latent"])).flatten()


def _slope(game: Any, logits: Tensor) -> np.ndarray:
    """How strongly the generator is paid for a higher logit, over the range of ``logits``; the logit loss pays 1."""
    low, high = float(logits.min()), float(logits.max())
    margin = 0.1 * (high - low) + 0.5
    over = torch.linspace(low - margin, high + margin, 101).to(next(game.parameters()))
    paid = -len(over) * grad(lambda d: game.objective.generator(d[:, None]))(over)
    return torch.stack([over, paid], 1).detach().double().cpu().numpy()


def parameter_count(point: Point) -> int:
    """Number of parameters of all players."""
    return sum(v.numel() for v in trees.leaves(point.players))
