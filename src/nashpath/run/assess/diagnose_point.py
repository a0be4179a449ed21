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

from nashpath.core import Batch, FunctionalGame, Game, Key, Point, pick, tree_map
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
from nashpath.diagnostics.certificate import Unmet, differ
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


class _Drawn:
    """What was drawn so far: the batches of games of at most `FORMED` parameters, and the fields on all of them.

    ``bent`` is what a small move of each player's own makes of its slope, [batches, size]; None: not asked.
    """

    def __init__(self, game: Game, key: Key, near: Linearised):
        self.game, self.key, self.near, self.parts = game, key, near, [near.batches]
        self.rows, self.beside = _fields(near, near.batches), _fields(near.beside(), near.batches)
        self.bent: Tensor | None = None

    @property
    def batches(self) -> Batch | None:
        """All batches, if they were kept."""
        return tree_map(lambda *parts: torch.cat(parts), *self.parts) if self.near.size <= FORMED else None

    def more(self, count: int) -> None:
        """Draws so many batches."""
        others = draw(self.game, self.key, count)
        self.parts += [others] if self.near.size <= FORMED else []
        self.rows = torch.cat([self.rows, _fields(self.near, others)])
        self.beside = torch.cat([self.beside, _fields(self.near.beside(), others)])
        self.bend(others)

    def bend(self, batches: Batch | None = None) -> None:
        """Asks for ``bent`` on all batches, or on ``batches`` that were drawn, too."""
        if batches is None:
            self.bent = _bent(self.near, self.batches or {})
        elif self.bent is not None:
            self.bent = torch.cat([self.bent, _bent(self.near, batches)])

    def look(self, certificate: Certificate, solver: Solver, spectrum: bool = False) -> PointEvidence:
        """The evidence, by fields on all batches and the curvature over those of ``near``."""
        near, unmet = self.near, None
        if self.bent is not None:
            unmet = Unmet(self.bent.mean(0) - _bent(near, near.batches).mean(0), _own_moves(near))
        held = held_by_bounds(solver, near, self.rows)
        return certificate.look(near, self.rows, spectrum, self.beside, held, self.batches, unmet)


def _drawn_until_clear(
    game: Game, key: Key, near: Linearised, progress: Notice, spectrum: bool, solver: Solver
) -> tuple[Linearised, PointEvidence]:
    """The evidence on as many batches as the noise asks for, and the game on those whose curvature was taken."""
    most = next(count for size, count in MOST.items() if near.size <= size)
    certificate, random, seen = Certificate(BATCHES), _is_random(game), _Drawn(game, key, near)
    evidence = seen.look(certificate, solver)
    if evidence.finite and random and not evidence.noisy:  # exactly the same, so far: is there a rare batch?
        progress(f"gradients alike on {len(seen.rows)} batches: {most} batches")
        seen.more(most - len(seen.rows))
        evidence = seen.look(certificate, solver)
    while evidence.finite and evidence.hidden and len(seen.rows) < most:
        progress(f"gradient noise: {4 * len(seen.rows)} batches")
        seen.more(3 * len(seen.rows))
        evidence = seen.look(certificate, solver)
    if evidence.noisy and random and evidence.stationary and near.size <= FORMED:
        evidence = _with_rare_curvatures(seen, certificate, solver, progress, most)
    while evidence.noisy and near.size <= SMALL and near.draws < CURVED and _unclear(evidence):
        count = 4 * near.draws
        progress(f"noise of the curvature: {count} batches")
        batches = draw(game, Key(0, "curvature"), count)
        near = seen.near = Linearised(near.problem, near.point, batches, count, tolerance=near.tolerance)
        level, evidence = evidence.level, seen.look(certificate, solver)
        evidence.level = level
    if spectrum and near.size > FORMED:  # once, and not with every draw of batches
        evidence = seen.look(certificate, solver, True)
    evidence.alike = len(seen.rows) if random and not evidence.noisy else 0
    return near, evidence


def _with_rare_curvatures(
    seen: _Drawn, certificate: Certificate, solver: Solver, progress: Notice, most: int
) -> PointEvidence:
    """The evidence at a point where the field is noisy: where no curvature differs so far, on all batches."""
    seen.bend()
    if seen.bent is not None and not differ(seen.bent) and len(seen.rows) < most:
        progress(f"curvatures alike on {len(seen.rows)} batches: {most} batches")
        seen.more(most - len(seen.rows))
    found = seen.look(certificate, solver)
    found.level = len(seen.rows) if seen.bent is not None and not differ(seen.bent) else 0
    return found


def _own_moves(near: Linearised) -> Tensor:
    """The moves of `Linearised.beside`, of all players, [size]."""
    return near.beside().vector - near.vector


def _bent(near: Linearised, batches: Batch) -> Tensor:
    """What a small move of each player's own makes of its slope, on each batch, [batches, size]."""
    here, moves, parts = _fields(near, batches), _own_moves(near), []
    for who in near.sizes:
        where, alone = near.block(who), torch.zeros_like(moves)
        alone[where] = moves[where]
        parts.append(_fields(near.at(alone), batches)[:, where] - here[:, where])
    return torch.cat(parts, 1)


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
