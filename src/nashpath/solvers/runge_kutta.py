"""Follow the game's flow, not its steps."""

from typing import Literal

from nashpath.core import Batch, FunctionalGame, Hyperparameters, NonNegative, Point, Tree, pick
from nashpath.core import tree as trees
from nashpath.solvers.base import Info, Memory, Solver, UpdateRule, price_all
from nashpath.solvers.derivatives import mixed_product, settled

Scheme = Literal["heun", "rk4"]


class RungeKutta(Solver):
    """ODE-GAN: every step is a step of a Runge-Kutta method along the game's flow ``dθ_i/dt = −h_i ∇_i J_i``.

    ::

        heun   k₁ = v(θ),  k₂ = v(θ − h k₁),                                              rule sees ½ (k₁ + k₂)
        rk4    k₁ = v(θ),  k₂ = v(θ − ½h k₁),  k₃ = v(θ − ½h k₂),  k₄ = v(θ − h k₃),  rule sees ⅙ (k₁ + 2k₂ + 2k₃ + k₄)

    All stages are on one batch, as in the authors' notebook, so that a step follows the flow of that batch's game (the
    notebook holds the other player at its place meanwhile). With ``fresh`` each stage is on a batch of its own, as in
    their training on images: more data, and stages that disagree. On a bilinear sum of four terms, one of them a batch,
    at learning rate 0.1, the root mean square changes by 0.99999 a step on one batch and by 1.0042 on fresh ones.

    ``h_i`` is the present learning rate of the player's rule; with the rule ``sgd`` the
    step is that of the method exactly. With ``regularise`` the discriminator's rule also sees
    ``weight · ∇_D ‖∇_G J_G‖²`` at θ, which bounds the error of a step where the generator is pushed hard. On a
    bilinear game with learning rate h the rate is ``sqrt(1 + h⁴/4)`` for heun (it leaves) and
    ``sqrt(1 − h⁶/72 + h⁸/576)`` for rk4.

    Reference: Qin et al. 2020, Sec. 3 and Algorithm 1; deepmind/deepmind-research ``ode_gan`` (the notebook) and
    ``cs_gan/main_ode.py`` (images); Hairer, Nørsett and Wanner 1993, Sec. II.1.
    """

    draws = 1

    def __init__(
        self,
        discriminator: UpdateRule,
        generator: UpdateRule,
        method: Scheme = "rk4",
        regularise: bool = False,
        weight: NonNegative = 0.01,
        fresh: bool = False,
    ):
        super().__init__(discriminator=discriminator, generator=generator)
        self.numbers, self.method, self.regularise = Hyperparameters(weight=weight), method, regularise
        stages = 2 if method == "heun" else 4
        self.gradients, self.draws, self.fresh = 2 * stages, stages if fresh else 1, fresh
        self.products = int(regularise)

    def extra_repr(self) -> str:
        return f"method={self.method}, fresh={self.fresh}"

    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        batch = pick(batches, 0)
        priced = price_all(problem, point, batch)
        first = {who: price.gradient for who, price in priced.items()}

        def stage(field: "dict[str, Tree]", part: float, number: "int") -> "dict[str, Tree]":
            own = pick(batches, number) if self.fresh else batch
            ahead = {
                who: self.moved(who, params, trees.scale(field[who], -part * self.rule(who).rate(memory[who])))
                for who, params in point.players.items()
            }
            return {who: p.gradient for who, p in price_all(problem, Point(ahead, point.state), own).items()}

        if self.method == "heun":
            field = _mean([first, stage(first, 1.0, 1)], [0.5, 0.5])
        else:
            second = stage(first, 0.5, 1)
            third = stage(second, 0.5, 2)
            field = _mean([first, second, third, stage(third, 1.0, 3)], [1 / 6, 1 / 3, 1 / 3, 1 / 6])
        if self.regularise:
            push = mixed_product(
                problem, settled(point, priced), batch, {"generator": 1.0}, inner="generator", outer="discriminator"
            )(first["generator"])
            field["discriminator"] = trees.add(field["discriminator"], push, 2 * self.numbers.weight)
        return self.play(point, priced, memory, field)


def _mean(stages: list[dict[str, Tree]], weights: list[float]) -> dict[str, Tree]:
    """The weighted sum of several fields."""
    total = {who: trees.scale(field, weights[0]) for who, field in stages[0].items()}
    for stage, weight in zip(stages[1:], weights[1:], strict=True):
        total = {who: trees.add(field, stage[who], weight) for who, field in total.items()}
    return total
