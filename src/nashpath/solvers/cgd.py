"""Answer the opponent's answer."""

from nashpath.core import Batch, Few, FunctionalGame, Hyperparameters, NonNegative, Point, pick
from nashpath.solvers.base import Info, Memory, Solver, UpdateRule, price_all
from nashpath.solvers.competition import compete, product_count
from nashpath.solvers.derivatives import settled


class CompetitiveGradient(Solver):
    """Competitive gradient descent (CGD): both players move to the Nash equilibrium of the local bilinear game.

    ::

        Δ_i = −h_i (∇_i J_i + ∂²_ij J_i Δ_j)  for both players at once,    rule_i sees −Δ_i / h_i

    ``h_i`` is the present learning rate of the player's rule; with the rule ``sgd`` this is CGD exactly. The linear
    system is solved by ``iterations`` steps of a Krylov method, each of two products, and is left alone once its
    relative residual is below ``tolerance``. It works for non-zero-sum games too. On a bilinear game the rate is
    ``1 / sqrt(1 + h²)``. Reports ``residual``.

    Reference: Schäfer and Anandkumar 2019, Algorithm 1 and Eq. 3.
    """

    draws = 1
    gradients = 2

    def __init__(
        self, discriminator: UpdateRule, generator: UpdateRule, tolerance: NonNegative = 1e-6, iterations: Few = 5
    ):
        super().__init__(discriminator=discriminator, generator=generator)
        self.numbers, self.iterations = Hyperparameters(tolerance=tolerance), iterations
        self.products = product_count(iterations)

    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        batch = pick(batches, 0)
        priced = price_all(problem, point, batch)
        gradients = {who: price.gradient for who, price in priced.items()}
        sizes = {who: dict.fromkeys(g, self.rule(who).rate(memory[who])) for who, g in gradients.items()}
        directions, residual = compete(
            problem, settled(point, priced), batch, gradients, sizes, self.iterations, self.numbers.tolerance
        )
        point, memory, info = self.play(point, priced, memory, directions)
        return point, memory, {**info, "residual": residual}
