"""A game's derivatives at a point: evidence, spectrum, logits, and the noise of the gradients."""

import copy
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import grad, vmap

from nashpath.core import Batch, FunctionalGame, Game, Key, Point, pick
from nashpath.core import tree as trees
from nashpath.core.key import Asked, words_of
from nashpath.core.noise import bound, generated
from nashpath.diagnostics import (
    Certificate,
    Linearised,
    PointEvidence,
    RunSummary,
    SignalToNoise,
    VanishingGradient,
    rotation_share,
)
from nashpath.diagnostics.base import field, flatten, mean_field
from nashpath.diagnostics.linearised import FORMED
from nashpath.run.assess.behaviour import SMALL
from nashpath.run.assess.bounds import held_by_bounds
from nashpath.run.engine.sampler import draw
from nashpath.run.settings.diagnostics import logit_game
from nashpath.solvers import Solver

BATCHES = 4
TOLERANCE = 1e-3
"""Relative accuracy asked of iterative eigen-solvers."""
PRODUCTS = 400
"""Products with the Jacobian that the eigenvalues of a large game take, measured on DCGANs."""
MOST: dict[float, int] = {64: 4096, FORMED: 256, math.inf: 64}
"""Batches that are drawn at most, by the number of parameters up to which it holds."""
CURVED = 16
"""Batches over which the curvature of a game of at most `SMALL` parameters is taken at most, where it differs."""
SHOWN = 256
"""Eigenvalues and logits that are kept for the figures."""

Arrays = dict[str, np.ndarray]
Notice = Callable[[str], None]
"""Told what is being done."""


def look_at_point(
    game: Game,
    problem: FunctionalGame,
    point: Point,
    summary: RunSummary,
    progress: Notice,
    budget: float,
    solver: Solver,
) -> tuple[Linearised, dict[str, Any], Arrays]:
    """Fills in the summary's evidence at the point; returns the linearised game, numbers, and arrays for figures.

    Batches are drawn until the noise of the field is below what decides, at most `MOST` for a game of this size; and as
    many where they are drawn at random and the field is the same on the first few. The eigenvalues of a large game are
    asked where that takes less than ``budget`` seconds. The constraints are those of the ``solver``.
    """
    key = Key(0, "curvature")
    batches = draw(game, key, BATCHES)
    near = Linearised(problem, point, batches, BATCHES, tolerance=TOLERANCE)
    spectrum = near.size <= FORMED or (budget > 0 and _affordable(near, progress, budget))
    near, evidence = _drawn_until_clear(game, key, near, progress, spectrum, solver)
    summary.evidence = evidence
    if not evidence.finite:
        return near, {}, magnitudes(problem, point, batches)
    numbers: dict[str, Any] = {k: float(v) for k, v in SignalToNoise(BATCHES)(problem, point, batches).items()}
    numbers |= {"leading": {"real": evidence.leading.real, "imag": evidence.leading.imag}}
    if evidence.bends and (near.size <= FORMED or budget > 0):
        numbers |= {"rotation": float(rotation_share(near, probes=4))}
    return near, numbers, _logits(game, problem, point, batches, summary)


def _drawn_until_clear(
    game: Game, key: Key, near: Linearised, progress: Notice, spectrum: bool, solver: Solver
) -> tuple[Linearised, PointEvidence]:
    """The evidence on as many batches as the noise asks for, and the game on those whose curvature was taken."""
    most = next(count for size, count in MOST.items() if near.size <= size)
    certificate, random = Certificate(BATCHES), _is_random(game)
    rows, beside = _fields(near, near.batches), _fields(near.beside(), near.batches)

    def look(whole: bool = False) -> PointEvidence:
        return certificate.look(near, rows, whole, beside, held_by_bounds(solver, near, rows))

    evidence = look()
    if evidence.finite and random and not evidence.noisy:  # exactly the same, so far: is there a rare batch?
        progress(f"gradients alike on {len(rows)} batches: {most} batches")
        others = draw(game, key, most - len(rows))
        rows = torch.cat([rows, _fields(near, others)])
        beside = torch.cat([beside, _fields(near.beside(), others)])
        evidence = look()
    while evidence.finite and evidence.hidden and len(rows) < most:
        progress(f"gradient noise: {4 * len(rows)} batches")
        rows = torch.cat([rows, _fields(near, draw(game, key, 3 * len(rows)))])
        evidence = look()
    while evidence.noisy and near.size <= SMALL and near.draws < CURVED and _unclear(evidence):
        count = 4 * near.draws
        progress(f"noise of the curvature: {count} batches")
        batches = draw(game, Key(0, "curvature"), count)
        near = Linearised(near.problem, near.point, batches, count, tolerance=near.tolerance)
        evidence = look()
    if spectrum and near.size > FORMED:  # once, and not with every draw of batches
        evidence = look(whole=True)
    evidence.alike = len(rows) if random and not evidence.noisy else 0
    return near, evidence


def _is_random(game: Game) -> bool:
    """Whether batches are made of random numbers."""
    log: list[Asked] = []
    game.draw(Key.of(words_of(0, "curvature", next(game.parameters()).device), log=log), (1,))
    return bool(log)


def _unclear(evidence: PointEvidence) -> bool:
    """Whether it is only the second order, of players at rest, that does not say what the point is."""
    return bool(evidence.stationary) and None in [own.gains for own in evidence.players.values()]


def _fields(near: Linearised, batches: Batch) -> Tensor:
    """The field on each batch, [batches, size]."""
    if not trees.leaves(batches):  # a game without draws
        return near.field[None].expand(BATCHES, -1)

    def one(batch: Batch) -> Tensor:
        return flatten(field(near.problem, near.point, batch)).detach()

    if near.size <= FORMED:
        try:
            return vmap(one)(batches)
        except RuntimeError:  # a game whose batches cannot be stacked
            pass
    return torch.stack([one(pick(batches, k)) for k in range(len(trees.leaves(batches)[0]))])


def _affordable(near: Linearised, progress: Notice, budget: float) -> bool:
    """Whether the eigenvalues of a large game will take at most ``budget`` seconds, from one product."""
    probe = torch.randn(near.size, generator=torch.Generator().manual_seed(0)).to(near.vector)
    near.transposed(probe)
    started = time.perf_counter()
    near.transposed(probe)
    found = PRODUCTS * (time.perf_counter() - started)
    progress(f"eigenvalues: about {found:.0f} s{left_out(found, budget)}")
    return found <= budget


def left_out(seconds: float, budget: float) -> str:
    """What to add to how long something takes that is left out beyond a ``budget``."""
    return f", left out: --seconds {math.ceil(1.5 * seconds)} asks for them" if seconds > budget else ""


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
            real = game.discriminator(batch["real"]).flatten()
            with generated(game, batch["noise"]):
                found.append(torch.stack([real, _fake(game, batch)]))
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
