"""Turn the field towards the equilibrium that it circles."""

import torch
from torch import Tensor

from nashpath.core import Batch, FunctionalGame, Hyperparameters, Number, Point, Tree, pick
from nashpath.core import tree as trees
from nashpath.solvers.base import Info, Memory, Solver, UpdateRule, price_all
from nashpath.solvers.derivatives import energy, mixed_product, settled


class SymplecticAdjustment(Solver):
    """Symplectic gradient adjustment: adds the antisymmetric part of the Jacobian, transposed, times the field.

    ::

        rule sees  v + λ · weight · Aᵀv,   A = ½ (J − Jᵀ),   λ = sign(⟨v, Jᵀv⟩ ⟨Aᵀv, Jᵀv⟩ / n + alignment)

    n is the number of all parameters. With ``align`` false, λ = 1 (and one product a player is saved). The adjustment
    attracts to stable equilibria and, aligned, repels from unstable ones. On a bilinear game the rate is
    ``sqrt((1 − h·weight)² + h²)``. Reports ``alignment``, the sign λ.

    Reference: Balduzzi et al. 2018, Algorithm 1 (``weight`` 1, ``alignment`` 0.1); Letcher et al. 2019b, Sec. 4.
    """

    draws = 1
    gradients = 2

    def __init__(
        self,
        discriminator: UpdateRule,
        generator: UpdateRule,
        weight: Number = 1.0,
        alignment: Number = 0.1,
        align: bool = True,
    ):
        super().__init__(discriminator=discriminator, generator=generator)
        self.numbers = Hyperparameters(weight=weight, alignment=alignment)
        self.align = align
        self.products = 4 if align else 2

    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        batch = pick(batches, 0)
        slope, priced = energy(problem, point, batch) if self.align else ({}, price_all(problem, point, batch))
        field = {who: price.gradient for who, price in priced.items()}
        turned = rotation(problem, settled(point, priced), batch, field)
        sign = self._sign(field, slope, turned) if self.align else torch.ones_like(self.numbers.weight)
        adjusted = {who: trees.add(field[who], turned[who], sign * self.numbers.weight) for who in field}
        point, memory, info = self.play(point, priced, memory, adjusted)
        return point, memory, {**info, "alignment": sign}

    def _sign(self, field: dict[str, Tree], slope: dict[str, Tree], turned: dict[str, Tree]) -> Tensor:
        count = sum(v.numel() for params in field.values() for v in params.values())
        along = torch.stack([trees.dot(field[who], slope[who]) for who in field]).sum()
        across = torch.stack([trees.dot(turned[who], slope[who]) for who in field]).sum()
        return torch.where(along * across / count + self.numbers.alignment < 0, -1.0, 1.0).to(along)


def rotation(problem: FunctionalGame, point: Point, batch: Batch, field: dict[str, Tree]) -> dict[str, Tree]:
    """``Aᵀv`` of a two-player game: ``½ ∂_i ⟨∂_j (J_j − J_i), v_j⟩``, as J's diagonal blocks are symmetric."""
    one, two = problem.players
    pairs = {one: two, two: one}
    return {
        i: trees.scale(mixed_product(problem, point, batch, {j: 1.0, i: -1.0}, inner=j, outer=i)(field[j]), 0.5)
        for i, j in pairs.items()
    }
