"""The log ratio that a classifier learns: the logit of its belief that a sample is real."""

from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn
from torch.func import functional_call

from nashpath.core import Batch, Count, FunctionalGame, Game, Key, Point, Source, Tree, own_state, point_of
from nashpath.core import tree as trees
from nashpath.core.math.f_divergences import logistic_loss
from nashpath.flows.base import FlowMemory, Ratio, with_gradient

ROW_BYTES = 4096
"""What one particle costs in activations, roughly: blocks that stay in the cache are several times faster."""


@runtime_checkable
class SupportsUpdate(Protocol):
    """The update rule of the discriminator's weights: any rule of `nashpath.solvers`."""

    def init(self, params: Tree) -> Any: ...

    def __call__(self, gradient: Tree, memory: Any) -> tuple[Tree, Any]: ...


class Classification(Game):
    """One player who tells real samples from particles: ``J_D = E_p softplus(−d) + E_q softplus(d)``."""

    players = ("discriminator",)

    def __init__(self, discriminator: nn.Module):
        super().__init__()
        self.discriminator = discriminator

    def forward(self, player: str, batch: Batch) -> Tensor:
        real, fake = self.discriminator(batch["real"]), self.discriminator(batch["fake"])
        return logistic_loss(real, fake)


class DiscriminatorRatio(Ratio):
    """Log ratio from a discriminator, trained by cross-entropy and refreshed at every step of the flow.

    ``d = arg min E_p softplus(−d) + E_q softplus(d) = log(p/q)``. Before the first step it takes ``warm_up`` training
    steps, then ``refresh`` at each step of the flow, each on ``batch`` real samples and as many particles.
    ``discriminator`` maps samples to logits [batch, 1] or [batch]; ``rule`` says how its weights move.

    Reference: Yi, Zhu & Liu 2023, "MonoFlow: Rethinking Divergence GANs via the Perspective of Wasserstein Gradient
    Flows", Sec. 4.1; Sugiyama, Suzuki & Kanamori 2012, "Density Ratio Estimation in Machine Learning", Ch. 4.
    """

    def __init__(
        self,
        discriminator: nn.Module,
        rule: SupportsUpdate,
        data: Source,
        *,
        refresh: Count = 5,
        warm_up: int = 200,
        batch: Count = 256,
    ):
        super().__init__()
        self.game, self.rule, self.data = Classification(discriminator), rule, data
        self.refresh, self.warm_up, self.batch = refresh, warm_up, batch

    def init(self, particles: Tensor, key: Key) -> FlowMemory:
        point = point_of(self.game)
        memory = (point, self.rule.init(point.players["discriminator"]))
        for _ in range(-(-self.warm_up // self.refresh)):
            memory = self.learn(particles, memory, self.draw(key, len(particles)))
        return memory

    def draw(self, key: Key, count: int) -> Batch:
        real = self.data.draw(key, self.refresh * self.batch)["real"]
        which = key.integers(count, (self.refresh, self.batch))
        return {"real": real.unflatten(0, (self.refresh, self.batch)), "which": which}

    def learn(self, particles: Tensor, memory: FlowMemory, batch: Batch) -> FlowMemory:
        problem, (point, kept) = FunctionalGame(self.game), memory
        for step in range(self.refresh):
            seen = {"real": batch["real"][step], "fake": particles[batch["which"][step]]}
            priced = problem.gradient("discriminator", point, seen)
            move, kept = self.rule(priced.gradient, kept)
            moved = trees.add(point.players["discriminator"], move)
            point = Point({"discriminator": moved}, {**point.state, **priced.state})
        return point, kept

    def log_ratio(self, points: Tensor, particles: Tensor, memory: FlowMemory) -> tuple[Tensor, Tensor]:
        point, _ = memory
        full = {**point.players["discriminator"], **own_state(point.state, "discriminator")}
        return with_gradient(lambda x: functional_call(self.game.discriminator, full, (x,)), points, ROW_BYTES)
