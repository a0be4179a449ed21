"""A monotone game with noisy gradients that keeps account of the variational inequality along its play.

The game is `nashpath.games.toys.Quadratic`. In every step each player's gradient gains a normal vector of deviation
``noise``, and the game's state gains what the paper's measure asks for, at the strategies before the step.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from nashpath.core import Batch, Numbers, Tree
from nashpath.games.toys import Quadratic


class Shape(NamedTuple):
    """Curvatures of the game, the same for both players: ``½ x·A x + strength x·y − ½ y·A y``, A diagonal."""

    attraction: Sequence[float]
    strength: float


class StochasticGame(Quadratic):
    """A quadratic game between two vectors, each starting at norm 1/√2, so that the strategies start at norm 1.

    State: ``inner`` = Σ ⟨z_k, F(z_k)⟩ (a scalar) and ``total`` = Σ F(z_k) (a vector), over the steps so far, where
    z = (x, y) and F = (∇ₓf, −∇ᵧf) is the exact field. The equilibrium is z* = 0.
    """

    inner: Tensor
    total: Tensor

    def __init__(self, shape: Shape, noise: float):
        size = len(shape.attraction)
        a, start = torch.diag(torch.tensor(shape.attraction)), torch.full((size,), (2 * size) ** -0.5)
        super().__init__(a=a, b=shape.strength * torch.eye(size), c=a, x=start, y=start)
        self.noise = Numbers(deviation=noise)
        self.register_buffer("inner", torch.zeros(()))
        self.register_buffer("total", torch.zeros(2 * size))

    def draw(self, rng: torch.Generator, lead: tuple[int, ...] = ()) -> Batch:
        size = (*lead, *self.generator.value.shape)
        return {who: torch.randn(size, generator=rng, device=rng.device) for who in self.players}

    def field(self) -> Tensor:
        """F(z) at the present strategies, the generator's part first."""
        k, x, y = self.coefficients, self.generator.value, self.discriminator.value
        return torch.cat([k.a @ x + k.b @ y, k.c @ y - k.b.T @ x])

    def forward(self, player: str, batch: Batch) -> Tensor:
        if player == "discriminator":
            field = self.field().detach()
            here = torch.cat([self.generator.value, self.discriminator.value]).detach()
            self.inner, self.total = self.inner + here @ field, self.total + field
        own = self.get_submodule(player).value
        return super().forward(player, batch) + self.noise.deviation * (batch[player] @ own)


def gaps(state: Tree, steps: int, radius: float) -> tuple[float, float]:
    """The averaged variational inequality ``1/n Σ ⟨z_k − z, F(z_k)⟩`` over n = ``steps`` from a game's state.

    First at the solution, z = 0; second at the worst z of the ball ‖z‖ ≤ ``radius``. Both are 0 at an equilibrium.
    """
    inner, total = float(state["inner"]), float(torch.linalg.vector_norm(state["total"]))
    return inner / steps, (inner + radius * total) / steps
