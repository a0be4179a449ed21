"""Take the rotation out of the field, and leave the curvatures of each player."""

import torch
from torch import Tensor

from nashpath.core import Batch, Few, FunctionalGame, Hyperparameters, NonNegative, Point, Tree, pick
from nashpath.core import tree as trees
from nashpath.solvers.base import Info, Memory, Solver, UpdateRule, price_all
from nashpath.solvers.competition import conjugate_residual, flattened, unflat
from nashpath.solvers.derivatives import jacobian_product, settled, transposed_product


class LocalSymplecticSurgery(Solver):
    """Local symplectic surgery (LSS): solved, only local Nash equilibria of a zero-sum game attract it.

    ::

        rule sees  ½ (v + Jᵀ (JᵀJ + λI)⁻¹ Jᵀ v),   λ = damping · (1 − exp(−‖v‖²)),   v = (∇_1 J_1, ∇_2 J_2)

    At a stationary point the linear part of that field is ½ (J + Jᵀ): its eigenvalues are real, and those of each
    player's own curvature; a centre (a bilinear game) is neither approached nor left. The system is solved by
    ``iterations`` steps of a Krylov method, each of four products, until its relative residual is below ``tolerance``;
    the paper approaches the same solution by a recursion of its own beside play. Reports ``residual``: where it is not
    small, as with fewer iterations than parameters, points that are no equilibria may attract (with 5 iterations in 12
    dimensions they did, with 12 not).

    Reference: Mazumdar, Jordan and Sastry 2019, Sec. 4 and Algorithm 1.
    """

    draws = 1
    gradients = 2
    local = True

    def __init__(
        self,
        discriminator: UpdateRule,
        generator: UpdateRule,
        damping: NonNegative = 1e-4,
        tolerance: NonNegative = 1e-6,
        iterations: Few = 5,
    ):
        super().__init__(discriminator=discriminator, generator=generator)
        self.numbers, self.iterations = Hyperparameters(damping=damping, tolerance=tolerance), iterations
        self.products = 4 * iterations + 4

    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        batch = pick(batches, 0)
        priced = price_all(problem, point, batch)
        at, field = settled(point, priced), {who: price.gradient for who, price in priced.items()}
        along, back = jacobian_product(problem, at, batch), transposed_product(problem, at, batch)
        square = torch.stack([trees.dot(g, g) for g in field.values()]).sum()
        damping = -self.numbers.damping * (-square).expm1()

        def operator(vector: "Tensor") -> "Tensor":
            return _flat(back(along(_unflat(vector, field)))) + damping * vector

        with torch.no_grad():  # a product is a backward pass; its own graph is not needed
            target = _flat(back(field))
            solved, residual = conjugate_residual(operator, target, self.iterations, self.numbers.tolerance)
            surgery = back(_unflat(solved, field))
        seen = {who: trees.scale(trees.add(g, surgery[who]), 0.5) for who, g in field.items()}
        point, memory, info = self.play(point, priced, memory, seen)
        return point, memory, {**info, "residual": residual}


def _flat(players: dict[str, Tree]) -> Tensor:
    return flattened({f"{who}.{k}": v for who, own in players.items() for k, v in own.items()})


def _unflat(vector: Tensor, like: dict[str, Tree]) -> dict[str, Tree]:
    parts = unflat(vector, {f"{who}.{k}": v for who, own in like.items() for k, v in own.items()})
    return {who: {k: parts[f"{who}.{k}"] for k in own} for who, own in like.items()}
