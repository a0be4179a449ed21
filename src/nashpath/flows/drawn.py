"""A generator that draws a flow: its samples are asked to be where the flow would carry them."""

from torch import Tensor


def drawing_cost(samples: Tensor, velocity: Tensor, step_size: float | Tensor = 1.0) -> Tensor:
    """``1/(2ε) E ‖G(z) − [x + ε v(x)]‖²`` at ``x = G(z)`` held fixed: a least-squares step towards the flowed samples.

    Its gradient over the generator's parameters is ``−E vᵀ ∂G/∂θ``, whatever ε is; with ``v = h'(d) ∇d`` that is the
    gradient of the adversarial cost ``−E h(d(G(z)))``. ``samples`` [batch, *shape] carry the graph; ``velocity`` has
    their shape.

    Reference: Yi, Zhu & Liu 2023, "MonoFlow: Rethinking Divergence GANs via the Perspective of Wasserstein Gradient
    Flows", Sec. 4.1.
    """
    target = (samples + step_size * velocity).detach()
    return (samples - target).flatten(1).square().sum(1).mean() / (2 * step_size)
