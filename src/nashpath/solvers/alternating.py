"""The players take turns: the loop of nearly every GAN paper."""

from nashpath.core import Batch, FunctionalGame, Point, Turns, pick
from nashpath.solvers.base import Info, Memory, Solver, UpdateRule, gather, report


class Alternating(Solver):
    """Alternating gradient descent: the discriminator moves k times, then the generator sees it moved, and moves.

    ::

        k times:  θ_D ← θ_D + rule_D(∇_D J_D(θ));   then   θ_G ← θ_G + rule_G(∇_G J_G(θ))

    ``discriminator_steps`` is k. Each turn has a batch of its own; without ``fresh`` the generator's is that of the
    discriminator's last turn, so that it answers for the very samples that were just told apart, as in the loops of
    DCGAN's authors and of PyTorch's tutorial. On a bilinear game with learning rate h < 2 it stays on a bounded orbit.

    Reference: Goodfellow et al. 2014, Algorithm 1; Zhang et al. 2022 (rates of alternating play); without ``fresh``:
    Radford et al. 2016, soumith/dcgan.torch ``main.lua``.
    """

    def __init__(
        self, discriminator: UpdateRule, generator: UpdateRule, discriminator_steps: Turns = 1, fresh: bool = True
    ):
        super().__init__(discriminator=discriminator, generator=generator)
        if discriminator_steps < 1:
            raise ValueError(f"discriminator_steps is {discriminator_steps}; it must be at least 1")
        self.discriminator_steps, self.fresh = discriminator_steps, fresh
        self.gradients, self.draws = discriminator_steps + 1, discriminator_steps + fresh

    def extra_repr(self) -> str:
        return f"discriminator_steps={self.discriminator_steps}, fresh={self.fresh}"

    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        turns = ["discriminator"] * self.discriminator_steps + ["generator"]
        infos: list[Info] = []
        for index, who in enumerate(turns):
            price = problem.gradient(who, point, pick(batches, min(index, self.draws - 1)))
            point, memory = self.move(who, point, price, memory)
            infos.append(report(who, price))
        return point, memory, gather(infos)
