"""Competitive gradient descent with a step size for every coordinate."""

import torch
from torch import Tensor

from nashpath.core import Batch, Decay, Few, FunctionalGame, Hyperparameters, NonNegative, Point, Positive, Tree, pick
from nashpath.core import tree as trees
from nashpath.core.math.averages import bias_correction
from nashpath.solvers.base import Info, Memory, Solver, UpdateRule, price_all
from nashpath.solvers.competition import compete, product_count, times
from nashpath.solvers.derivatives import settled


class AdaptiveCompetitiveGradient(Solver):
    """Adaptive competitive gradient descent (ACGD): CGD whose step sizes follow recent gradient sizes.

    ::

        v_i ← decay · v_i + (1 − decay) (∇_i J_i)²,    s_i = sqrt(1 − decayᵗ) / (sqrt(v_i) + epsilon)
        Δ_i = −h_i s_i (∇_i J_i + ∂²_ij J_i Δ_j)  for both players at once,    rule_i sees −Δ_i / h_i

    ``h_i`` is the present learning rate of the player's rule; with the rule ``sgd`` this is ACGD; rules with scaling of
    their own (``adam``) would scale twice. As in the authors' code, and unlike Adam, ``epsilon`` is added to the root
    before its bias is corrected. The system is solved as in CGD. Reports ``residual``.

    Reference: Schäfer, Zheng and Anandkumar 2020, Algorithm 1; devzhk/cgds-package ``acgd.py``.
    """

    draws = 1
    gradients = 2
    preconditioner = ("square", "count")

    def __init__(
        self,
        discriminator: UpdateRule,
        generator: UpdateRule,
        decay: Decay = 0.99,
        epsilon: Positive = 1e-5,
        tolerance: NonNegative = 1e-6,
        iterations: Few = 5,
    ):
        super().__init__(discriminator=discriminator, generator=generator)
        self.numbers, self.iterations = Hyperparameters(decay=decay, epsilon=epsilon, tolerance=tolerance), iterations
        self.products = product_count(iterations)

    def init(self, problem: FunctionalGame, point: Point) -> Memory:
        square = {who: trees.zeros(params) for who, params in point.players.items()}
        device = next(iter(square["generator"].values())).device
        return {**super().init(problem, point), "square": square, "count": torch.zeros((), device=device)}

    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        batch, count, n = pick(batches, 0), memory["count"] + 1, self.numbers
        priced = price_all(problem, point, batch)
        gradients = {who: price.gradient for who, price in priced.items()}
        square = {
            who: {k: n.decay * memory["square"][who][k] + (1 - n.decay) * v * v for k, v in g.items()}
            for who, g in gradients.items()
        }
        shapes = {who: self._shape(v, count) for who, v in square.items()}
        sizes = {who: trees.scale(s, self.rule(who).rate(memory[who])) for who, s in shapes.items()}
        directions, residual = compete(
            problem, settled(point, priced), batch, gradients, sizes, self.iterations, n.tolerance
        )
        seen = {who: times(shapes[who], direction) for who, direction in directions.items()}
        kept = {**memory, "square": square, "count": count}
        point, memory, info = self.play(point, priced, kept, seen)
        return point, memory, {**info, "residual": residual}

    def _shape(self, square: Tree, count: Tensor) -> Tree:
        spread = bias_correction(self.numbers.decay, count).sqrt()
        return {k: spread / (v.sqrt() + self.numbers.epsilon) for k, v in square.items()}
