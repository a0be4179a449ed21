"""The duality gap of a game in which the generator moves first and the discriminator may answer, but not far."""

import torch
from torch import Tensor
from torch.func import grad

from nashpath.core import Batch, Count, FunctionalGame, NonNegative, Point, Tree, Whole
from nashpath.core import tree as trees
from nashpath.diagnostics.base import Readings
from nashpath.diagnostics.duality_gap import DualityGap, with_player


class ProximalDualityGap(DualityGap):
    """Duality gap of the proximal game: the generator's deviations are answered by a discriminator that stays near.

    ::

        V^λ(φ, D) = max_ψ V(φ, ψ) − λ/2 ‖ψ − D‖²
        gap = max_ψ V(G, ψ) − min_φ V^λ(φ, D)

    0 exactly at a proximal equilibrium, which a GAN may have where it has no Nash equilibrium: λ → ∞ is the duality
    gap (Nash), λ = 0 lets the discriminator answer freely (Stackelberg). ``‖ψ − D‖²`` is the mean over real samples of
    ``‖∇ψ(x) − ∇D(x)‖²`` (of all logits), and of players without samples the distance of their strategies.

    The minimum is that of ``steps`` steps of Adam at ``rate`` by φ, each after ``answers`` steps by ψ, from perturbed
    parameters as in `PerturbedDualityGap`; then ψ takes ``steps`` more. An answer that has not arrived makes the gap
    too large, a generator that has not makes it too small. Costs of other than zero-sum games stand in for V and −V.
    Readings: ``proximal_regret.<player>``, ``proximal_duality_gap`` and ``proximal_duality_gap_error``, as of
    `DualityGap`.

    Raises `ValueError` for a game of other players than a generator and a discriminator.

    Reference: Farnia & Ozdaglar 2020, "Do GANs always have Nash equilibria?" (the proximal equilibrium and the Sobolev
    norm); Sidheekh, Aimen & Krishnan 2021, "On Characterizing GAN Convergence Through Proximal Duality Gap".
    """

    readings = ("proximal_regret", "proximal_duality_gap", "proximal_duality_gap_error")
    prefix = "proximal_"

    def __init__(
        self,
        strength: NonNegative = 0.1,
        perturbation: NonNegative = 0.1,
        steps: Count = 100,
        answers: Count = 10,
        rate: float = 0.01,
        restarts: Count = 3,
        batches: Count = 8,
        seed: Whole = 0,
    ):
        super().__init__(steps, rate, restarts, batches, seed)
        self.strength, self.perturbation, self.answers = strength, perturbation, answers

    def __call__(self, problem: FunctionalGame, point: Point, batches: Batch) -> Readings:
        if set(problem.players) != {"discriminator", "generator"}:
            raise ValueError(f"the proximal gap is that of a generator and a discriminator, not {problem.players}")
        return super().__call__(problem, point, batches)

    def regret(
        self, problem: FunctionalGame, player: str, point: Point, batches: list[Batch], rng: torch.Generator
    ) -> Tensor:
        if player != "generator":
            return super().regret(problem, player, point, batches, rng)
        moved, held_out = self._answered(problem, point, batches[:-1], rng), batches[-1]
        far = self._distance(problem, point, held_out, moved.players["discriminator"])
        with torch.no_grad():  # a penalty's slopes are else recorded
            before, after = (problem.loss(player, at, held_out)[0] for at in (point, moved))
        return before - (after - self.strength / 2 * far).detach()

    def _answered(self, problem: FunctionalGame, point: Point, batches: list[Batch], rng: torch.Generator) -> Point:
        """The generator after its search, and the discriminator that answers it."""
        own = {k: self.start(v, rng) for k, v in point.players["generator"].items()}
        other = {k: v.detach().clone() for k, v in point.players["discriminator"].items()}
        self.hold("generator", own)
        by_generator, by_discriminator = (torch.optim.Adam(params.values(), lr=self.rate) for params in (own, other))

        def present() -> Point:
            found = {"generator": own, "discriminator": other}
            return Point({who: {k: v.detach() for k, v in found[who].items()} for who in problem.players}, point.state)

        def answer(count: int) -> None:
            for step in range(count):
                at, batch = present(), batches[step % len(batches)]
                gradient = problem.gradient("discriminator", at, batch).gradient
                pull = grad(lambda params, b=batch: self._distance(problem, point, b, params))(
                    at.players["discriminator"]
                )
                _step(by_discriminator, other, trees.add(gradient, pull, self.strength / 2))
                self.hold("discriminator", other)

        for step in range(self.steps):
            answer(self.answers)
            _step(by_generator, own, problem.gradient("generator", present(), batches[step % len(batches)]).gradient)
            self.hold("generator", own)
        answer(self.steps)
        found = present()
        return found if trees.finite(found.players) else point

    def _distance(self, problem: FunctionalGame, point: Point, batch: Batch, params: Tree) -> Tensor:
        """``‖ψ − D‖²`` of the discriminator with these parameters and that of the point."""
        before = point.players["discriminator"]
        if "real" not in batch:
            return torch.stack([(params[k] - before[k]).square().sum() for k in params]).sum()
        x = batch["real"]

        def difference(x: Tensor) -> Tensor:
            one, two = (
                problem.judge(with_player(point, "discriminator", own), x, batch).reshape(len(x), -1)
                for own in (params, before)
            )
            return (one - two).sum(0)

        width = difference(x).numel()
        slopes = [grad(lambda x, k=k: difference(x)[k])(x) for k in range(width)]
        return torch.stack([slope.flatten(1).square().sum(1).mean() for slope in slopes]).sum()


def _step(optimizer: torch.optim.Optimizer, params: Tree, gradient: Tree) -> None:
    for name, value in params.items():
        value.grad = gradient[name].detach()
    optimizer.step()
