"""Explicit Euler with control of the step: a step must not increase the divergence that the flow decreases."""

from typing import Literal, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from nashpath.core import Count, Hyperparameters, Positive
from nashpath.core.contracts import gives, in_few_words
from nashpath.flows.base import Field, Flow, FlowMemory

Control = Literal["shrink", "report", "off"]
ROUNDING = 1e-6
"""A rise below this share of the divergence is rounding."""


class Overshoot(NamedTuple):
    """A step of length ``size`` that would have raised the divergence from ``before`` to ``after``.

    ``safe`` is a length that does not (the first of size/2, size/4, …), or None where none of those tried did.
    """

    size: float
    before: float
    after: float
    safe: float | None

    def __str__(self) -> str:
        cure = f"a step of {self.safe:.3g} does not" if self.safe else "and so does every shorter step that was tried"
        return f"a step of {self.size:.3g} raises the divergence from {self.before:.4g} to {self.after:.4g}; {cure}"


class Stride(NamedTuple):
    """One step: the new particles, the time it took, the field where it began, and an overshoot if there was one.

    ``held`` is the share of particles that were held back to a shorter move than the field asked for; 0 of noisy flows.
    """

    particles: Tensor
    size: float
    field: Field
    overshoot: Overshoot | None = None
    held: float = 0.0


def _no_stride(result: object, integrator: object, flow: Flow, particles: Tensor, *given: object) -> str:
    if not isinstance(result, Stride):
        return f"returns {in_few_words(result)}, not a nashpath.flows.Stride(particles, size, field)"
    moved: object = result.particles
    if not isinstance(moved, Tensor) or moved.shape != particles.shape:
        return f"returns {in_few_words(moved)} as particles, of which it is given {tuple(particles.shape)}"
    return ""


@runtime_checkable
class Integrator(Protocol):
    """Moves particles along a flow for one step; ``noise`` [count, *shape] is given to noisy flows."""

    @gives(_no_stride, pure=True)
    def step(self, flow: Flow, particles: Tensor, memory: FlowMemory, noise: Tensor | None = None) -> Stride:
        """One step: the new particles, the time it took, and the field where it began."""
        ...


def euler(
    flow: Flow, particles: Tensor, memory: FlowMemory, size: Tensor | float, noise: Tensor | None = None
) -> Tensor:
    """One plain Euler step, ``x + ε v(x)`` (``+ √(2ε) noise`` for a noisy flow), pure: it stacks with `vmap`."""
    return _moved(particles, flow.field(particles, particles, memory).velocity, size, noise)


class Euler(Hyperparameters):
    """Explicit Euler, ``x ← x + ε v(x)``, with control of the step.

    ``step_size`` is ε, or the flow's ``longest_step`` if that is less. No particle's velocity carries it further than
    ``reach`` in one step: its speed is cut where it would, which keeps a MonoFlow's direction (a smaller h' > 0) and
    tames explosive h; a noisy flow is not cut, since its noise would then outweigh its pull, and its particles settle
    elsewhere. A step after which the flow's divergence is higher is an `Overshoot`: under ``shrink`` the step
    is halved (at most ``halvings`` times) until it is not, under ``report`` it is taken all the same; ``off`` does not
    look. Flows that know no divergence (Langevin, SVGD) are not controlled.

    Reference: Hairer, Nørsett & Wanner 1993, "Solving Ordinary Differential Equations I", Sec. II.1; Armijo 1966
    (halving).
    """

    def __init__(
        self, step_size: Positive = 0.1, reach: Positive = 0.2, control: Control = "shrink", halvings: Count = 12
    ):
        super().__init__(step_size=step_size, reach=reach)
        self.control, self.halvings = control, halvings

    def step(self, flow: Flow, particles: Tensor, memory: FlowMemory, noise: Tensor | None = None) -> Stride:
        """One step of `Integrator`."""
        field = flow.field(particles, particles, memory)
        size = min(float(self.step_size), flow.longest_step)
        velocity, held = (field.velocity, 0.0) if flow.noisy else self._within_reach(field.velocity, size)
        moved = _moved(particles, velocity, size, noise if flow.noisy else None)
        if self.control == "off" or flow.noisy or field.divergence is None:
            return Stride(moved, size, field, None, held)
        before, after = float(field.divergence), _divergence(flow, moved, memory)
        if _fell(before, after):
            return Stride(moved, size, field, None, held)
        safe, shorter = self._shorter(flow, particles, memory, Field(velocity, field.divergence), size)
        overshoot = Overshoot(size, before, after, safe)
        if self.control == "report" or safe is None:
            return Stride(moved, size, field, overshoot, held)
        return Stride(shorter, safe, field, overshoot, held)

    def _within_reach(self, velocity: Tensor, size: float) -> tuple[Tensor, float]:
        """The velocity, cut to ``reach / size``, and the share of particles whose velocity was cut."""
        flat = velocity.flatten(1)
        largest = flat.abs().amax(1, keepdim=True).clamp_min(torch.finfo(flat.dtype).tiny)
        speed = largest * (flat / largest).norm(dim=1, keepdim=True)  # whose squares may be too large for a number
        share = (self.reach.to(speed) / (size * speed)).reshape(-1, *[1] * (velocity.dim() - 1))
        return velocity * share.clamp_max(1), float((share < 1).float().mean())

    def _shorter(
        self, flow: Flow, particles: Tensor, memory: FlowMemory, field: Field, size: float
    ) -> tuple[float | None, Tensor]:
        """The longest of size/2, size/4, … that does not raise the divergence, and the particles after it."""
        assert field.divergence is not None
        for _ in range(self.halvings):
            size /= 2
            moved = _moved(particles, field.velocity, size, None)
            if _fell(float(field.divergence), _divergence(flow, moved, memory)):
                return size, moved
        return None, particles


def _moved(particles: Tensor, velocity: Tensor, size: Tensor | float, noise: Tensor | None) -> Tensor:
    moved = particles + size * velocity
    return moved if noise is None else moved + (2 * size) ** 0.5 * noise


def _divergence(flow: Flow, particles: Tensor, memory: FlowMemory) -> float:
    value = flow.field(particles, particles, memory).divergence
    assert value is not None
    return float(value)


def _fell(before: float, after: float) -> bool:
    return after <= before + ROUNDING * (1 + abs(before))
