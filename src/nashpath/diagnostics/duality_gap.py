"""Exploitability by best responses of a given budget, with error bars over restarts."""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from nashpath.core import Batch, Count, FunctionalGame, Point, Tree, Whole, generator, pick
from nashpath.core import tree as trees
from nashpath.diagnostics.base import Diagnostic, Readings


class DualityGap(Diagnostic):
    """Exploitability by budgeted best responses; in a zero-sum game, the duality gap.

    ::

        regret_i = J_i(θ) − min_u J_i(u, θ_−i),   gap = Σ_i regret_i
        zero-sum:  gap = max_ψ V(θ_G, ψ) − min_φ V(φ, θ_D)

    The minimum is that of ``steps`` steps of Adam at ``rate`` from the present parameters, ``restarts`` times on
    different batches, and judged on one held-out batch that the search did not see. A budget makes it a lower bound.
    It consumes ``restarts · (batches + 1)`` batches. Readings: ``regret.<player>`` and ``duality_gap`` with
    ``duality_gap_error`` (standard error over restarts; NaN for one), scalars. At a stationary point no search leaves
    where it starts, so the gap reads 0, equilibrium or not: see `PerturbedDualityGap`.

    Reference: Grnarova et al. 2019, "A Domain Agnostic Measure for Monitoring and Evaluating GANs", Sec. 3.
    """

    stackable = False
    readings = ("regret", "duality_gap", "duality_gap_error")
    prefix: ClassVar[str] = ""
    """What the names of its readings begin with."""
    perturbation: float = 0.0

    def __init__(
        self, steps: Count = 100, rate: float = 0.01, restarts: Count = 3, batches: Count = 8, seed: Whole = 0
    ):
        self.steps, self.rate, self.restarts, self.batches, self.seed = steps, rate, restarts, batches, seed
        self.draws = restarts * (batches + 1)
        self.within: Callable[[str, Tree], Tree] = _anywhere
        """A player's parameters inside what its play is held to (`Solver.within`), by its name; by default anywhere."""

    def __call__(self, problem: FunctionalGame, point: Point, batches: Batch) -> Readings:
        rng = generator(self.seed)
        per_restart: dict[str, list[Tensor]] = {who: [] for who in problem.players}
        for restart in range(self.restarts):
            own = [pick(batches, restart * (self.batches + 1) + k) for k in range(self.batches + 1)]
            for who in problem.players:
                per_restart[who].append(self.regret(problem, who, point, own, rng))
        regrets = {who: torch.stack(found) for who, found in per_restart.items()}
        gaps = torch.stack(list(regrets.values())).sum(0)
        error = gaps.std() / self.restarts**0.5 if self.restarts > 1 else gaps.new_tensor(float("nan"))
        means = {f"regret.{who}": found.mean() for who, found in regrets.items()}
        found = {**means, "duality_gap": gaps.mean(), "duality_gap_error": error}
        return {f"{self.prefix}{name}": value for name, value in found.items()}

    def regret(
        self, problem: FunctionalGame, player: str, point: Point, batches: list[Batch], rng: torch.Generator
    ) -> Tensor:
        """What ``player`` gains by its best response: found on all batches but the last, and judged on that one."""
        response = self.respond(problem, player, point, batches[:-1], rng)
        with torch.no_grad():  # a penalty's slopes are else recorded
            before, after = (problem.loss(player, at, batches[-1])[0] for at in (point, response))
        return before - after

    def respond(
        self, problem: FunctionalGame, player: str, point: Point, batches: list[Batch], rng: torch.Generator
    ) -> Point:
        """The point after ``player`` alone has followed its own gradient for the budget."""
        params = {k: self.start(v, rng) for k, v in point.players[player].items()}
        self.hold(player, params)
        optimizer = torch.optim.Adam(params.values(), lr=self.rate)
        for step in range(self.steps):
            at = with_player(point, player, {k: v.detach() for k, v in params.items()})
            gradient = problem.gradient(player, at, batches[step % len(batches)]).gradient
            for name, value in params.items():
                value.grad = gradient[name]
            optimizer.step()
            self.hold(player, params)
        found = {k: v.detach() for k, v in params.items()}
        return with_player(point, player, found) if trees.finite(found) else point

    def hold(self, player: str, params: Tree) -> None:
        """Moves a player's parameters, in place, to what its play is held to."""
        for name, value in self.within(player, {k: v.detach() for k, v in params.items()}).items():
            params[name].data.copy_(value)

    def start(self, value: Tensor, rng: torch.Generator) -> Tensor:
        """Where a best response starts from: the present value, perturbed."""
        noise = torch.randn(value.shape, generator=rng, dtype=torch.float32).to(value)
        size = value.square().mean().sqrt() + 1e-3
        return (value + self.perturbation * size * noise).detach().clone()


class PerturbedDualityGap(DualityGap):
    """Duality gap whose best responses start from a perturbed point, so that they leave what is not Nash.

    ::

        u_0 = θ_i + perturbation · rms(θ_i) · N(0, I),   then as the duality gap

    At a stationary point that is not a Nash equilibrium a best response that starts there never moves, and the plain
    gap reads 0. Readings as of `DualityGap`, each with ``perturbed_`` before its name.

    Reference: Sidheekh, Aimen, Madan & Krishnan 2021, "On Duality Gap as a Measure for Monitoring GAN Training".
    """

    readings = ("perturbed_regret", "perturbed_duality_gap", "perturbed_duality_gap_error")
    prefix = "perturbed_"

    def __init__(
        self,
        perturbation: float = 0.1,
        steps: Count = 100,
        rate: float = 0.01,
        restarts: Count = 3,
        batches: Count = 8,
        seed: Whole = 0,
    ):
        super().__init__(steps, rate, restarts, batches, seed)
        self.perturbation = perturbation


def _anywhere(player: str, params: Tree) -> Tree:
    return params


def with_player(point: Point, player: str, params: Tree) -> Point:
    """The point with other parameters of one player."""
    return Point({**point.players, player: params}, point.state)
