"""Weight clipping of one player under any solver."""

from nashpath.core import Positive, Tree
from nashpath.solvers.base import Solver
from nashpath.solvers.constrained import Constrained


class Clipped(Constrained):
    """Clips every weight of the discriminator into [−bound, bound] after each of its moves, under any solver.

    ::

        θ_D ← max(−bound, min(bound, θ_D)),   at the start and after every move of the discriminator

    A projection, not a penalty: it changes no gradient, and batch normalisation is allowed. With the solver
    ``alternating`` this is the paper's algorithm: each of the ``discriminator_steps`` turns ends in a clipped critic,
    and the generator meets a clipped one. The look-ahead of extragradient is clipped as its step is (Korpelevich's
    projected method).

    Raises `ValueError` where the game has no such player.

    Reference: Arjovsky et al. 2017, Algorithm 1 (bound 0.01, with RMSProp at 5e-5 and 5 critic turns).
    """

    def __init__(self, solver: Solver, bound: Positive = 0.01, player: str = "discriminator"):
        super().__init__(solver, player, bound=bound)

    def project(self, params: Tree) -> Tree:
        bound = self.numbers.bound
        return {k: v.clamp(-bound, bound) for k, v in params.items()}
