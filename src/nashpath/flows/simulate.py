"""Particles along a flow, step by step."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from nashpath.core.key import Key
from nashpath.flows.base import Field, Flow, FlowMemory
from nashpath.flows.euler import Integrator, Overshoot


class State(NamedTuple):
    """The state of a flow after ``step`` steps.

    ``field`` is that of the last step, at the particles where it began (None at step 0); ``held`` is the share of
    particles that the integrator held back.
    """

    step: int
    time: float
    particles: Tensor
    memory: FlowMemory
    field: Field | None = None
    overshoot: Overshoot | None = None
    held: float = 0.0


@torch.no_grad()
def simulate(
    flow: Flow,
    particles: Tensor,
    key: Key,
    integrator: Integrator,
    steps: int,
    after: State | None = None,
) -> Iterator[State]:
    """The states after 0, 1, …, ``steps`` steps; ends early, after the last finite one, if particles are lost.

    Each step first lets the flow learn where the particles are, then moves them. Given ``after``, a state of such a
    flow, those that follow it. Step k draws from the stream "flow" of
    ``key`` at step k.
    """
    key = key.stream("flow")  # the caller may have drawn from it, the particles for example
    if after is None:
        after = State(0, 0.0, particles, flow.init(particles, key.at(0)))
        yield after
    done, time, particles, memory, *_ = after
    for step in range(done + 1, steps + 1):
        now = key.at(step)
        memory = flow.learn(particles, memory, flow.draw(now.stream("learn"), len(particles)))
        noise = now.normal(particles.shape) if flow.noisy else None
        stride = integrator.step(flow, particles, memory, noise)
        if not torch.isfinite(stride.particles).all():
            return
        particles, time = stride.particles, time + stride.size
        yield State(step, time, particles, memory, stride.field, stride.overshoot, stride.held)
