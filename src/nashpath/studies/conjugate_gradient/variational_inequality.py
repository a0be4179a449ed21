"""A monotone game with noisy gradients that keeps account of the variational inequality along its play.

The game is `nashpath.games.toys.Quadratic`. In every step each player's gradient gains a normal vector of deviation
``noise``, and the game's state gains what the paper's measure asks for, at the strategies before the step.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.linalg import solve_discrete_lyapunov
from torch import Tensor

from nashpath.core import Batch, Hyperparameters, Key, Tree
from nashpath.games.toys import Quadratic
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial, outcome
from nashpath.solvers import Simultaneous
from nashpath.studies.conjugate_gradient.directions import FORMULAS, METHODS, rule
from nashpath.studies.figures import Lines, Strip
from nashpath.studies.reading import exponent
from nashpath.studies.rows import Row, significant
from nashpath.studies.study import Cell, Experiment, Size


class Shape(NamedTuple):
    """Curvatures of the game, the same for both players: ``½ x·A x + strength x·y − ½ y·A y``, A diagonal."""

    attraction: Sequence[float]
    strength: float


class StochasticGame(Quadratic):
    """A quadratic game between two vectors, each starting at norm 1/√2, so that the strategies start at norm 1.

    State: ``inner`` = (Σ ⟨x_k, Fₓ(z_k)⟩, Σ ⟨y_k, Fᵧ(z_k)⟩), one number a player, and ``total`` = Σ F(z_k) (a vector),
    over the steps so far, where z = (x, y) and F = (∇ₓf, −∇ᵧf) is the exact field. The equilibrium is z* = 0.
    """

    inner: Tensor
    total: Tensor

    def __init__(self, shape: Shape, noise: float):
        size = len(shape.attraction)
        a, start = torch.diag(torch.tensor(shape.attraction)), torch.full((size,), (2 * size) ** -0.5)
        super().__init__(a=a, b=shape.strength * torch.eye(size), c=a, x=start, y=start)
        self.noise = Hyperparameters(deviation=noise)
        self.register_buffer("inner", torch.zeros(2))
        self.register_buffer("total", torch.zeros(2 * size))

    def draw(self, key: Key, lead: tuple[int, ...] = ()) -> Batch:
        size = (*lead, *self.generator.value.shape)
        return {who: key.normal(size) for who in self.players}

    def field(self) -> Tensor:
        """F(z) at the present strategies, the generator's part first."""
        k, x, y = self.coefficients, self.generator.value, self.discriminator.value
        return torch.cat([k.a @ x + k.b @ y, k.c @ y - k.b.T @ x])

    def forward(self, player: str, batch: Batch) -> Tensor:
        if player == "discriminator":
            field = self.field().detach()
            here = torch.cat([self.generator.value, self.discriminator.value]).detach()
            each = (here * field).unflatten(0, (2, -1)).sum(1)
            self.inner, self.total = self.inner + each, self.total + field
        own = self.get_submodule(player).value
        return super().forward(player, batch) + self.noise.deviation * (batch[player] @ own)


class Gaps(NamedTuple):
    """Averages over n steps of variational inequalities; all are 0 at an equilibrium.

    ``solution`` and ``ball`` are the joint one, 1/n Σ ⟨z_k − z, F(z_k)⟩, at the solution z = 0 and at the worst z of a
    ball; ``player`` is the greater of the two players' own, 1/n Σ ⟨x_k − x, Fₓ(z_k)⟩ at the worst x of a ball.
    """

    solution: float
    ball: float
    player: float


def gaps(state: Tree, steps: int, radius: float) -> Gaps:
    """The averaged variational inequalities over n = ``steps`` from a game's state, with balls of that radius."""
    inner, total = state["inner"].double(), state["total"].double()
    own = inner + radius * total.unflatten(0, (2, -1)).norm(dim=1)
    joint = float(inner.sum())
    return Gaps(joint / steps, (joint + radius * float(total.norm())) / steps, float(own.max()) / steps)


def stationary_gap(shape: Shape, rate: float, momentum: float, noise: float) -> float:
    """E ⟨z, F(z)⟩ where play by momentum at a constant rate comes to rest: that of the linear stochastic recursion.

    With F(z) = J z and noise ξ of unit variance, v′ = β v + J z + σ ξ and z′ = z − α v′. The covariance Σ of z solves
    the discrete Lyapunov equation, and E ⟨z, J z⟩ = tr(J Σ). Momentum 0 is gradient descent.
    """
    a, one = np.diag(shape.attraction), np.eye(len(shape.attraction))
    jacobian = np.block([[a, shape.strength * one], [-shape.strength * one, a]])
    unit = np.eye(len(jacobian))
    step = np.block([[unit - rate * jacobian, -rate * momentum * unit], [jacobian, momentum * unit]])
    kick = noise * np.vstack([-rate * unit, unit])
    covariance = solve_discrete_lyapunov(step, kick @ kick.T)[: len(unit), : len(unit)]
    return float(np.trace(jacobian @ covariance))


MONOTONE = Shape((0.5, 0.75, 1.0, 1.25, 1.5), 1.0)
BILINEAR = Shape((0.0,) * 5, 1.0)
LOOKS = 40
DRAWN = 2
"""Seeds whose curves are kept."""
LEAST = 1e-12
"""A measure below this counts as this, so that logarithms exist."""
MOST_DRAWN = 100.0
"""Runs that end above this (they start at about 1) have run away, and are left out of figures."""


class Condition(NamedTuple):
    """A game, a learning rate ``rate · (n + 1)^−exponent``, and the share of all steps after which slopes are fitted.

    ``until`` is the share at which the fit ends.
    """

    game: str
    schedule: str
    rate: float
    exponent: float
    noise: float
    since: float
    until: float = 1.0


CONDITIONS = {
    "decay": Condition("monotone", "constant", 0.1, 0.0, 0.05, 0.015, 0.15),
    "plateau": Condition("monotone", "constant", 0.1, 0.0, 0.5, 0.5),
    "lower plateau": Condition("monotone", "constant", 0.025, 0.0, 0.5, 0.5),
    "root": Condition("monotone", "n^-1/2", 0.2, 0.5, 0.5, 0.1),
    "bilinear root": Condition("bilinear", "n^-1/2", 0.1, 0.5, 0.1, 0.1),
}
"""On the bilinear game the fit begins when the rates have moved it: before, no method can have moved far."""
COMPARED = ("SGD", "momentum 0.25", "momentum 0.5", *FORMULAS)
"""Momentum 0.9 is not among them: from these rates it runs away on either game."""
SHAPES = {"monotone": MONOTONE, "bilinear": BILINEAR}


def trial(method: str, condition: Condition) -> Trial:
    """One member: the game and both players' rules."""
    rules = [rule(method, condition.rate, condition.exponent) for _ in range(2)]
    return Trial(StochasticGame(SHAPES[condition.game], condition.noise), Simultaneous(*rules))


def looks(steps: int) -> list[int]:
    """Up to ``LOOKS`` numbers of steps from 1 to ``steps``, evenly spaced on a logarithmic axis."""
    return sorted({round(steps ** (k / (LOOKS - 1))) for k in range(LOOKS)})


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a member: slope and plateau of the measure; its curve for the first seeds."""
    members = [(name, c, seed) for name, c in CONDITIONS.items() for seed in range(size.seeds)]
    trials = [trial(cell["method"], condition) for _, condition, _ in members]
    program = Program(trials, [seed for *_, seed in members], "stacked", size.compiled)
    steps, found = looks(size.steps), [[] for _ in trials]
    for end in steps:
        program.run(end - program.taken)
        for k, own in enumerate(found):
            train_state = program.train_state(k)
            own.append(gaps(train_state.point.state, max(1, int(train_state.steps)), 1.0))
    for k, (name, condition, seed) in enumerate(members):
        gap = known([pair.ball if condition.game == "bilinear" else pair.solution for pair in found[k]])
        own = known([pair.player for pair in found[k]])
        row: Row = {"condition": name, "game": condition.game, "schedule": condition.schedule, "seed": seed}
        row |= {"outcome": outcome(trials[k], program.train_state(k)), **judged(np.array(steps), gap, condition)}
        row |= at_rest(cell["method"], condition)
        player = judged(np.array(steps), own, condition, swings=True)
        row |= {f"player_{key}": value for key, value in player.items() if key == "slope"}
        bounded = bool(gap[-1] < MOST_DRAWN)
        shown = bounded and seed < DRAWN
        curve: dict[str, Any] = {"n": steps, "gap": [significant(v, 4) for v in gap]} if shown else {}
        yield {**row, "bounded": bounded, "drawn": shown, **curve}


def at_rest(method: str, condition: Condition) -> Row:
    """``rest``, the plateau in theory, of descent and momentum under a constant rate on the monotone game."""
    momentum = METHODS[method].get("momentum", 0.0) if METHODS[method]["kind"] in ("sgd", "momentum") else None
    if momentum is None or condition.exponent or condition.game == "bilinear":
        return {}
    shape = SHAPES[condition.game]
    return {"rest": significant(stationary_gap(shape, condition.rate, momentum, condition.noise), 6)}


def known(gaps: Sequence[float]) -> np.ndarray:
    """The measure at each look; where it left the floating-point numbers it counts as 1e30."""
    return np.nan_to_num(np.array(gaps), nan=1e30, posinf=1e30).clip(max=1e30)


def judged(steps: np.ndarray, gap: np.ndarray, condition: Condition, swings: bool = False) -> dict[str, float]:
    """``slope`` of log gap against log n over the condition's window, and ``plateau``: the mean over the second half.

    With a constant rate on the monotone game the slope is that of gap − plateau. On the bilinear game, and wherever
    else the gap ``swings`` as the strategies turn, it is that of the least bound ``max_{k ≤ n} (k gap_k) / n``. Where
    the window is the second half itself, there is a plateau only.
    """
    last = int(np.searchsorted(steps, 0.5 * steps[-1]))
    plateau = float((steps[-1] * gap[-1] - steps[last] * gap[last]) / (steps[-1] - steps[last]))
    found = {"plateau": significant(plateau, 5)}
    if condition.since >= 0.5:
        return found
    level = gap
    if condition.game == "bilinear" or swings:
        level = np.maximum.accumulate(steps * gap) / steps
    elif condition.exponent == 0:
        level = gap - plateau
    inside = (steps >= condition.since * steps[-1]) & (steps <= condition.until * steps[-1])
    if inside.sum() < 2:
        return found | {"slope": math.nan}
    return found | {"slope": round(exponent(steps[inside], np.maximum(level[inside], LEAST)), 5)}


VARIATIONAL_INEQUALITY = Experiment(
    name="variational-inequality",
    about=(
        "½ x·A x + x·y − ½ y·A y with five numbers a player, x minimising: strongly monotone with A of spectrum 0.5 to "
        "1.5, or bilinear (A = 0). Each gradient has normal noise (deviation 0.5 or 0.05 in the first game, 0.1 in the "
        "second). From norm 1, both players moving at once, 4,000 steps. Learning rates: constant (0.1 and 0.025), and "
        "n^−1/2 (0.2; 0.1 bilinear). SGD, momentum ¼ and ½, and seven conjugate-gradient formulas; momentum 0.9 runs "
        "away. Measured along each run, from the field without noise: 1/n Σ ⟨z_k − z, F(z_k)⟩ at the solution z = 0 "
        "(monotone), or at its worst z of norm up to 1 (bilinear; the maximum is taken run by run, which is no less "
        "than that of the expectation); and each player's own, 1/n Σ ⟨x_k − x, Fₓ(z_k)⟩ at its worst x of norm up to "
        "1, the greater of the two. Descent and momentum are linear here, and their plateaus known exactly."
    ),
    measure=measure,
    sizes={"quick": Size(seeds=2, steps=120), "default": Size(seeds=16, steps=4000)},
    cells=[{"method": method} for method in COMPARED],
    figures=[
        Lines(
            "Constant rate on the monotone game, little noise",
            "It falls as 1/n until the noise's plateau is left.",
            where={"condition": "decay", "drawn": True},
            x="n",
            y="gap",
            by=("method",),
            log_x=True,
            log_y=True,
        ),
        Lines(
            "The rule n^-1/2 on the bilinear game",
            "The paper's bound falls as n^−1/2.",
            where={"condition": "bilinear root", "drawn": True},
            x="n",
            y="gap",
            by=("method",),
            log_x=True,
            log_y=True,
        ),
        *(
            Strip(
                f"Exponents in n: {condition}",
                "A dot a seed; dashed: the bound's exponent. Runs that ran away are left out.",
                where={"condition": condition, "bounded": True},
                y="slope",
                by=("method",),
                target=-0.5,
            )
            for condition in ("root", "bilinear root")
        ),
    ],
)
