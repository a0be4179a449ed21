"""Any integrator of torchdiffeq (extra: flows)."""

import torch
from torch import Tensor

from nashpath.core import Hyperparameters, Positive
from nashpath.flows.base import Flow, FlowMemory
from nashpath.flows.euler import Stride


class TorchDiffEq(Hyperparameters):
    """Any method of torchdiffeq: every step of the flow solves its ordinary differential equation for ``step_size``.

    ``dx/dt = v(x)`` with the flow's memory (a discriminator) held during the step. ``method`` is a name that
    torchdiffeq knows, such as dopri5, rk4 or implicit_adams; ``rtol`` and ``atol`` are its tolerances. Raises
    `ModuleNotFoundError` where torchdiffeq is not installed, `ValueError` for a noisy flow or an unknown method (with
    the list of those there are).

    Reference: Chen, Rubanova, Bettencourt & Duvenaud 2018, "Neural Ordinary Differential Equations";
    rtqichen/torchdiffeq.
    """

    def __init__(self, step_size: Positive = 0.1, method: str = "dopri5", rtol: Positive = 1e-5, atol: Positive = 1e-5):
        super().__init__(step_size=step_size, rtol=rtol, atol=atol)
        self.method = method

    def step(self, flow: Flow, particles: Tensor, memory: FlowMemory, noise: Tensor | None = None) -> Stride:
        """One step of `Integrator`."""
        try:
            import torchdiffeq
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError("torchdiffeq is not installed; pip install 'nashpath[flows]'") from error
        if flow.noisy:
            raise ValueError(f"{type(flow).__name__} is a stochastic equation; integrate it with euler")

        def velocity(_, x):
            return flow.field(x, x, memory).velocity

        times = torch.stack([torch.zeros_like(self.step_size), self.step_size])
        with torch.no_grad():
            path = torchdiffeq.odeint(
                velocity, particles, times, method=self.method, rtol=float(self.rtol), atol=float(self.atol)
            )
        assert isinstance(path, Tensor)
        return Stride(path[-1], float(self.step_size), flow.field(particles, particles, memory))
