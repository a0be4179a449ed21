"""The follower keeps to its ridge while the leader moves."""

from collections.abc import Callable

import torch
from torch import Tensor

from nashpath.core import Batch, Few, FunctionalGame, Hyperparameters, NonNegative, Point, Tree, pick
from nashpath.core import tree as trees
from nashpath.core.typed import vector_norm
from nashpath.solvers.base import Info, Memory, Solver, UpdateRule, price_all, report
from nashpath.solvers.competition import conjugate_residual, flattened, unflat
from nashpath.solvers.derivatives import mixed_product, settled, stake


class FollowTheRidge(Solver):
    """Follow the ridge (FR): the discriminator also moves so as to stay where its own gradient is 0.

    ::

        Δ_G = rule_G(∇_G J_G),    Δ_D = rule_D(∇_D J_D) − H⁻¹ ∂²_DG J_D Δ_G,    H = ∂²_DD J_D

    The generator leads: strict local minimax points of a zero-sum game attract and nothing else does. At such a point
    the step's eigenvalues are real: those of H and of the Schur complement ``∂²_GG J_G − ∂²_GD J_G H⁻¹ ∂²_DG J_D``.
    ``H⁻¹ b`` is found from ``(H² + damping I) x = H b``, for H may have negative directions far from there, by
    ``iterations`` steps of a Krylov method, each of two products, until the relative residual is below ``tolerance``.
    Where H is 0 (a bilinear game) nothing is added. Reports ``residual``: where it is not small, as with fewer
    iterations than the discriminator has parameters and a badly conditioned H, play may leave minimax points (in 24
    dimensions it did with 5 iterations, with 12 not); more iterations, or damping, help.

    Without damping (the default) that is the paper's algorithm, and only then do minimax points alone attract: at a
    fixed damping of 1 others do, too, and a ring of Gaussians is learned more slowly. With ``adapt`` the damping, δ,
    follows the rule by which the authors train GANs: it begins at ``damping`` (where that is 0 at 1, as theirs), and
    never exceeds that. With ``b = −∂²_DG J_D Δ_G``, x the solution, and g the discriminator's gradient against the
    generator that has moved::

        q = 1 − ‖H x − b‖² / ‖b‖²,   t = 1 − ‖g(θ_D + x) − g(θ_D) − b‖² / ‖b‖²
        t < 0 or t/q < 0:  x = 0, δ ← 2 δ;   t/q < ½:  δ ← 1.1 δ;   t/q > 0.95:  δ ← max(0.9 δ, 1e-8)

    On a quadratic game t = q, so δ vanishes. (The authors also take the discriminator's own gradient at the point that
    x leads to, which is the paper's to first order.)

    Reference: Wang, Zhang and Ba 2020, Algorithm 1 and Sec. 4; gd-zhang/Follow-the-Ridge ``follow_ridge_2D.py``.
    """

    draws = 1
    gradients = 2

    def __init__(
        self,
        discriminator: UpdateRule,
        generator: UpdateRule,
        damping: NonNegative = 0.0,
        tolerance: NonNegative = 1e-6,
        iterations: Few = 5,
        adapt: bool = False,
    ):
        super().__init__(discriminator=discriminator, generator=generator)
        self.numbers, self.iterations = Hyperparameters(damping=damping, tolerance=tolerance), iterations
        self.adapt, self.preconditioner = adapt, ("damping",) if adapt else ()
        self.gradients, self.products = 2 + 2 * adapt, 2 * iterations + 2 + adapt

    def extra_repr(self) -> str:
        return f"iterations={self.iterations}, adapt={self.adapt}"

    def init(self, problem: FunctionalGame, point: Point) -> Memory:
        known = super().init(problem, point)
        return {**known, "damping": self._most().clone()} if self.adapt else known

    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        batch, follower = pick(batches, 0), point.players["discriminator"]
        priced = price_all(problem, point, batch)
        at, own = settled(point, priced), {"discriminator": 1.0}
        curve = mixed_product(problem, at, batch, own, inner="discriminator", outer="discriminator")
        tilt = mixed_product(problem, at, batch, own, inner="generator", outer="discriminator")
        damping = memory["damping"] if self.adapt else self.numbers.damping

        def operator(vector: "Tensor") -> "Tensor":
            return flattened(curve(curve(unflat(vector, follower)))) + damping * vector

        led, memory = self.move("generator", point, priced["generator"], memory)
        step = trees.add(led.players["generator"], point.players["generator"], -1.0)
        with torch.no_grad():  # a product is a backward pass; its own graph is not needed
            tilted = tilt(step)
            target = flattened(curve(tilted))
            solved, residual = conjugate_residual(operator, target, self.iterations, self.numbers.tolerance)
        ridge, info = unflat(-solved, follower), {"residual": residual}
        if self.adapt:
            there = Point({**at.players, "generator": led.players["generator"]}, at.state)
            damping, holds = self._judged(
                problem, there, batch, ridge, unflat(-flattened(tilted), follower), curve, damping
            )
            ridge, info["damping"] = {k: torch.where(holds, v, 0.0) for k, v in ridge.items()}, damping
        move, kept = self.rule("discriminator")(priced["discriminator"].gradient, memory["discriminator"])
        there = self.moved("discriminator", follower, trees.add(move, ridge))
        for who, price in priced.items():
            info |= report(who, price)
        moved = Point({**led.players, "discriminator": there}, {**led.state, **priced["discriminator"].state})
        memory = {**memory, "discriminator": kept}
        return moved, {**memory, "damping": damping} if self.adapt else memory, info

    def _most(self) -> Tensor:
        """The damping that play begins with, and that no step is above."""
        return torch.where(self.numbers.damping > 0, self.numbers.damping, 1.0)

    def _judged(
        self,
        problem: FunctionalGame,
        there: Point,
        batch: Batch,
        ridge: Tree,
        wanted: Tree,
        curve: Callable[[Tree], Tree],
        damping: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """``(damping, holds)``: the next damping, and whether the model of the step is good enough to take it."""

        def explained(change: "Tree") -> "Tensor":
            """The share of the wanted change of the discriminator's gradient, 1 where all of it."""
            missed, whole = vector_norm(flattened(trees.add(change, wanted, -1.0))), vector_norm(flattened(wanted))
            return 1 - missed.square() / (whole.square() + 1e-16)

        with torch.no_grad():
            model = explained(curve(ridge))
        own = there.players["discriminator"]
        before, after = (
            stake(
                problem, Point({**there.players, "discriminator": params}, there.state), batch, *2 * ["discriminator"]
            )
            for params in (own, trees.add(own, ridge))
        )
        truth = explained(trees.add(after, before, -1.0))
        ratio = truth / (model + 1e-16)
        fails = (ratio < 0) | (truth < 0)
        factor = torch.where(ratio < 0.5, 1.1, torch.where(ratio > 0.95, 0.9, 1.0))
        factor = torch.where(fails, 2.0, factor)
        return torch.minimum((factor * damping).clamp(min=1e-8), self._most()), ~fails
