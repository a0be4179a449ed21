"""The follower keeps to its ridge while the leader moves."""

import torch
from torch import Tensor

from nashpath.core import Batch, Few, FunctionalGame, Hyperparameters, NonNegative, Point, pick
from nashpath.core import tree as trees
from nashpath.solvers.base import Info, Memory, Solver, UpdateRule, price_all, report
from nashpath.solvers.competition import conjugate_residual, flattened, unflat
from nashpath.solvers.derivatives import mixed_product, settled


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
    dimensions it did with 5 iterations, with 12 not); more iterations, or damping as in the authors' code (1.0), help.

    Reference: Wang, Zhang and Ba 2020, Algorithm 1 and Sec. 4.
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
    ):
        super().__init__(discriminator=discriminator, generator=generator)
        self.numbers, self.iterations = Hyperparameters(damping=damping, tolerance=tolerance), iterations
        self.products = 2 * iterations + 2

    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        batch, follower = pick(batches, 0), point.players["discriminator"]
        priced = price_all(problem, point, batch)
        at, own = settled(point, priced), {"discriminator": 1.0}
        curve = mixed_product(problem, at, batch, own, inner="discriminator", outer="discriminator")
        tilt = mixed_product(problem, at, batch, own, inner="generator", outer="discriminator")

        def operator(vector: "Tensor") -> "Tensor":
            return flattened(curve(curve(unflat(vector, follower)))) + self.numbers.damping * vector

        led, memory = self.move("generator", point, priced["generator"], memory)
        step = trees.add(led.players["generator"], point.players["generator"], -1.0)
        with torch.no_grad():  # a product is a backward pass; its own graph is not needed
            target = flattened(curve(tilt(step)))
            solved, residual = conjugate_residual(operator, target, self.iterations, self.numbers.tolerance)
        move, kept = self.rule("discriminator")(priced["discriminator"].gradient, memory["discriminator"])
        there = self.moved("discriminator", follower, trees.add(move, unflat(solved, follower), -1.0))
        info: Info = {"residual": residual}
        for who, price in priced.items():
            info |= report(who, price)
        moved = Point({**led.players, "discriminator": there}, {**led.state, **priced["discriminator"].state})
        return moved, {**memory, "discriminator": kept}, info
