"""Step as if the next gradient will change as the last one did."""

import torch
from torch import Tensor

from nashpath.core import Batch, FunctionalGame, Hyperparameters, NonNegative, Point, Tree, pick
from nashpath.core import tree as trees
from nashpath.solvers.base import Info, Memory, Solver, UpdateRule, price_all, report


class Optimistic(Solver):
    """Optimistic gradient descent: OGDA with the rule ``sgd``, optimistic Adam with ``adam``.

    ::

        u = rule(∇J(θ)),    θ ← θ + u + optimism · (u − u_last),    u_last = u at first

    With ``optimism`` 1 this is ``θ − 2h g + h g_last``. On a bilinear game of strength s its rate is the largest
    root, in modulus, of ``λ² − (1 − 2ihs) λ − ihs``.

    Reference: Daskalakis et al. 2018, Eq. 8 and Algorithm 1; optax ``optimistic_gradient_descent`` (first step).
    """

    draws = 1
    gradients = 2
    spectral = True

    def __init__(self, discriminator: UpdateRule, generator: UpdateRule, optimism: NonNegative = 1.0):
        super().__init__(discriminator=discriminator, generator=generator)
        self.numbers = Hyperparameters(optimism=optimism)

    def init(self, problem: FunctionalGame, point: Point) -> Memory:
        last = {who: trees.zeros(params) for who, params in point.players.items()}
        return {**super().init(problem, point), "last": last, "started": _scalar(point)}

    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        players: dict[str, Tree] = {}
        last: dict[str, Tree] = {}
        kept: dict[str, Memory] = {}
        info: Info = {}
        state = point.state
        weight = self.numbers.optimism * memory["started"]
        for who, price in price_all(problem, point, pick(batches, 0)).items():
            move, kept[who] = self.rule(who)(price.gradient, memory[who])
            change = trees.add(move, memory["last"][who], -1.0)
            players[who] = self.moved(who, point.players[who], trees.add(move, change, weight))
            last[who], state = move, {**state, **price.state}
            info |= report(who, price)
        return Point(players, state), {**kept, "last": last, "started": torch.ones_like(weight)}, info


def _scalar(point: Point) -> Tensor:
    """A zero on the point's device."""
    params = next(iter(point.players.values()))
    return torch.zeros((), device=next(iter(params.values())).device)
