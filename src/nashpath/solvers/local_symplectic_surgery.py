"""Take the rotation out of the field, and leave the curvatures of each player."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from nashpath.core import Batch, Few, FunctionalGame, Hyperparameters, NonNegative, Point, Tree, pick
from nashpath.core import tree as trees
from nashpath.core.typed import vector_norm
from nashpath.solvers.base import Info, Memory, Solver, UpdateRule, price_all
from nashpath.solvers.competition import conjugate_residual, flattened, unflat
from nashpath.solvers.derivatives import jacobian_product, settled, transposed_product

Operator = Callable[[Tensor], Tensor]
Inner = Literal["krylov", "descent"]


class LocalSymplecticSurgery(Solver):
    """Local symplectic surgery (LSS): solved, only local Nash equilibria of a zero-sum game attract it.

    ::

        rule sees  ½ (ω + Jᵀ u),   u = (JᵀJ + λI)⁻¹ Jᵀ ω,   λ = damping · (1 − exp(−‖ω‖²)),   ω = (∇_1 J_1, ∇_2 J_2)

    At a stationary point the linear part of that field is ½ (J + Jᵀ): its eigenvalues are real, and those of each
    player's own curvature; a centre (a bilinear game) is neither approached nor left. u is kept from step to step, and
    every step goes on from it:

    - ``inner=krylov``: by ``iterations`` steps of a Krylov method, of four products each, until the relative residual
      is below ``tolerance``. The step is taken with what they find.
    - ``inner=descent``: the paper's own recursion, ``u ← u − inner_rate · (JᵀJ u − Jᵀω + λ u)``, ``iterations`` times
      (the paper: once). The step is taken with the u of before, as there. Its theorem wants an ``inner_rate`` much
      larger than the learning rates, and stability one below 2 / (‖J‖² + λ).

    Reports ``residual`` of the system, of the u that the step was taken with: where it is not small, points that are no
    equilibria may attract. (In 6 dimensions one did with 2 iterations a step from u = 0; from the last u it does not.)

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
        inner: Inner = "krylov",
        inner_rate: NonNegative = 0.1,
    ):
        super().__init__(discriminator=discriminator, generator=generator)
        self.numbers = Hyperparameters(damping=damping, tolerance=tolerance, inner_rate=inner_rate)
        self.iterations, self.inner = iterations, inner
        self.products = 4 * iterations + (8 if inner == "krylov" else 4)

    def extra_repr(self) -> str:
        return f"iterations={self.iterations}, inner={self.inner}"

    def init(self, problem: FunctionalGame, point: Point) -> Memory:
        return {**super().init(problem, point), "inner": {who: trees.zeros(own) for who, own in point.players.items()}}

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
            target, before = _flat(back(field)), _flat(_ordered(memory["inner"], field))
            if self.inner == "krylov":
                tolerance = self.numbers.tolerance
                kept, residual = conjugate_residual(operator, target, self.iterations, tolerance, before)
                used = kept
            else:
                kept, residual = self._descend(operator, target, before)
                used = before
            surgery = back(_unflat(used, field))
        seen = {who: trees.scale(trees.add(g, surgery[who]), 0.5) for who, g in field.items()}
        point, memory, info = self.play(point, priced, memory, seen)
        return point, {**memory, "inner": _unflat(kept, field)}, {**info, "residual": residual}

    def _descend(self, operator: Operator, target: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        """``(u, residual)``: after some gradient steps on the least squares, and the residual before them."""
        size, residual = vector_norm(target), torch.zeros(())
        for k in range(self.iterations):
            rest = target - operator(u)
            residual = vector_norm(rest) / torch.where(size > 0, size, 1.0) if k == 0 else residual
            u = u + self.numbers.inner_rate * rest
        return u, residual


def _ordered(players: dict[str, Tree], like: dict[str, Tree]) -> dict[str, Tree]:
    """The same trees, in the order of others: a checkpoint keeps names, not their order."""
    return {who: {k: players[who][k] for k in own} for who, own in like.items()}


def _flat(players: dict[str, Tree]) -> Tensor:
    return flattened({f"{who}.{k}": v for who, own in players.items() for k, v in own.items()})


def _unflat(vector: Tensor, like: dict[str, Tree]) -> dict[str, Tree]:
    parts = unflat(vector, {f"{who}.{k}": v for who, own in like.items() for k, v in own.items()})
    return {who: {k: parts[f"{who}.{k}"] for k in own} for who, own in like.items()}
