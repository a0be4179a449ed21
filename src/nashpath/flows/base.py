"""A flow moves particles towards a target; there are no players. Some flows know the target by a ratio of densities.

Both are pure: memory in, memory out, all randomness in a batch. So flows stack with `vmap` like everything else.
"""

import math
from typing import Any, NamedTuple

from torch import Tensor
from torch.func import grad

from nashpath.core import Batch, Hyperparameters, Key
from nashpath.core.contracts import gives, in_few_words, keeps_form, no_scalar, no_tensors
from nashpath.core.math.kernel import by_rows
from nashpath.core.shapes import LogDensity

FlowMemory = Any
"""A tree of tensors that a flow carries from step to step (a discriminator's weights, samples of the target, …)."""


class Field(NamedTuple):
    """A flow's velocity at some points, and the divergence that it decreases.

    ``velocity`` is [points, *shape]; ``divergence`` (a scalar, known up to a constant) and ``dissipation``, the rate at
    which theory says it falls, are None for a flow that does not know them.
    """

    velocity: Tensor
    divergence: Tensor | None = None
    dissipation: Tensor | None = None


def _no_learning(result: object, learner: "Learner", particles: Tensor, memory: FlowMemory, batch: Batch) -> str:
    return keeps_form(memory, result, "memory")


class Learner(Hyperparameters):
    """What learns where the particles are: a flow, and a ratio. As it stands it learns nothing."""

    @gives(no_tensors)
    def init(self, particles: Tensor, key: Key) -> FlowMemory:
        """The memory before the first step."""
        return {}

    def draw(self, key: Key, count: int) -> Batch:
        """All randomness of one `learn` on ``count`` particles."""
        return {}

    @gives(_no_learning, pure=True)
    def learn(self, particles: Tensor, memory: FlowMemory, batch: Batch) -> FlowMemory:
        """Updates the memory for the present particles."""
        return memory


def _no_field(result: object, flow: "Flow", points: Tensor, particles: Tensor, memory: FlowMemory) -> str:
    """What is wrong with a field."""
    if not isinstance(result, Field):
        return f"returns {in_few_words(result)}, not a nashpath.flows.Field(velocity)"
    velocity: object = result.velocity
    if not isinstance(velocity, Tensor) or velocity.shape != points.shape:
        return f"returns {in_few_words(velocity)} as velocity, for points of shape {tuple(points.shape)}"
    known = {"divergence": result.divergence, "dissipation": result.dissipation}
    others = [f"as {name} {told}" for name, v in known.items() if v is not None and (told := no_scalar(v))]
    return f"gives {others[0]}" if others else ""


class Flow(Learner):
    """A velocity field for particles. Abstract: subclasses write `field`, and the rest where they need it."""

    noisy = False
    """Whether a step of length ε also adds ``√(2ε)`` times standard normal noise."""

    longest_step: float = math.inf
    """The longest step that an integrator may take; whoever knows the target's steepness sets it (`longest_step`)."""

    @gives(_no_field, pure=True)
    def field(self, points: Tensor, particles: Tensor, memory: FlowMemory) -> Field:
        """The field at ``points`` [n, *shape], given the ``particles`` [count, *shape]."""
        raise NotImplementedError


def _no_ratio(result: Any, ratio: "Ratio", points: Tensor, particles: Tensor, memory: FlowMemory) -> str:
    """What is wrong with a log ratio."""
    if not isinstance(result, tuple) or len(result) != 2:
        return f"returns {in_few_words(result)}, not a pair (d, gradient of d)"
    for name, value, shape in zip(("d", "its gradient"), result, (points.shape[:1], points.shape)):
        if not isinstance(value, Tensor) or value.shape != shape:
            return f"returns {in_few_words(value)} as {name}, not a tensor of shape {tuple(shape)}"
    return ""


class Ratio(Learner):
    """An estimate of a flow's log ratio ``d(x) = log p(x) − log q(x)`` and of its gradient.

    p is the target, q the particles' density now. Abstract: subclasses write `log_ratio`.
    """

    @gives(_no_ratio, pure=True)
    def log_ratio(self, points: Tensor, particles: Tensor, memory: FlowMemory) -> tuple[Tensor, Tensor]:
        """``(d, ∇d)`` at ``points``: [n] and [n, *shape]."""
        raise NotImplementedError


def with_gradient(function: LogDensity, points: Tensor, row_bytes: int = 1024) -> tuple[Tensor, Tensor]:
    """``(f(x), ∇f(x))`` for a function of each row alone: [n] and [n, *shape]."""

    def total(x):
        value = function(x).reshape(len(x))
        return value.sum(), value

    def some(x):
        slope, value = grad(total, has_aux=True)(x)
        return value, slope

    value, slope = by_rows(some, points, row_bytes)
    return value, slope
