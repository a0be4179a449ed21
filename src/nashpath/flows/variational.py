"""Minimising a divergence, and what a GAN does instead, on densities that are known."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from nashpath.core import Batch, Count, Game, Key, Tree
from nashpath.core.shapes import LogDensity


class ReparameterisedGaussian(nn.Module):
    """``x = μ + S z``, z ~ N(0, I): a generator with a density, N(μ, S Sᵀ). Shapes: [batch, d] to [batch, d]."""

    def __init__(self, mean: Tensor, root: Tensor | None = None):
        super().__init__()
        self.mean = nn.Parameter(mean.clone())
        self.root = nn.Parameter(torch.eye(len(mean), dtype=mean.dtype) if root is None else root.clone())

    def forward(self, z: Tensor) -> Tensor:
        return self.mean + z @ self.root.mT

    def log_density(self, x: Tensor, carried: bool = True) -> Tensor:
        """``log q(x)``, [batch]; the parameters' gradient passes through it only if ``carried``."""
        mean, root = (self.mean, self.root) if carried else (self.mean.detach(), self.root.detach())
        white = torch.linalg.solve(root, (x - mean).mT)
        return -white.square().sum(-2) / 2 - torch.linalg.slogdet(root)[1] - len(mean) / 2 * math.log(2 * math.pi)


class Variational(Game):
    """One player who minimises ``E_q f(p/q)`` with both densities known: variationally, or as a GAN does.

    ::

        J = E_z f(r(x)),   x = μ + S z,   r = p / q_θ

    With ``carried`` the gradient passes through the samples *and* through θ in the density of r: the gradient of
    ``D_f``, which works for every convex f. Without, θ in r is held, as in the discriminator of a GAN: this works
    exactly where ``−f(exp(d))`` increases in d.

    ``cost`` is f as a function of the logit ``d = log r`` (`nashpath.core.math.f_divergences`), elementwise;
    ``target`` is log p.

    Reference: Yi, Zhu & Liu 2023, "MonoFlow: Rethinking Divergence GANs via the Perspective of Wasserstein Gradient
    Flows", Sec. 4.3; mingxuan-yi/MonoFlow, the two notebooks.
    """

    players = ("generator",)

    def __init__(
        self,
        generator: ReparameterisedGaussian,
        target: LogDensity,
        cost: Callable[[Tensor], Tensor],
        *,
        carried: bool = True,
        batch_size: Count = 1000,
    ):
        super().__init__()
        self.generator, self.target, self.cost = generator, target, cost
        self.carried, self.batch_size = carried, batch_size

    def draw(self, key: Key, lead: tuple[int, ...] = ()) -> Batch:
        shape = (*lead, self.batch_size, len(self.generator.mean))
        return {"latent": key.normal(shape)}

    def forward(self, player: str, batch: Batch) -> Tensor:
        x = self.generator(batch["latent"])
        return self.cost(self.target(x) - self.generator.log_density(x, self.carried)).mean()


def gaussian_kl(params: Tree, mean: Tensor, covariance: Tensor) -> Tensor:
    """``KL(q‖p)`` of a `ReparameterisedGaussian`'s parameters from ``p = N(mean, covariance)``, a scalar."""
    model = params["root"] @ params["root"].mT
    precision, away = torch.linalg.inv(covariance), mean - params["mean"]
    volume = torch.logdet(covariance) - torch.logdet(model)
    return ((precision * model).sum() + away @ precision @ away - len(mean) + volume) / 2


def drawing_loss(samples: Tensor, velocity: Tensor, step_size: float | Tensor = 1.0) -> Tensor:
    """``1/(2ε) E ‖G(z) − [x + ε v(x)]‖²`` at ``x = G(z)`` held fixed: a least-squares step towards the flowed samples.

    Its gradient over the generator's parameters is ``−E vᵀ ∂G/∂θ``, whatever ε is; with ``v = h'(d) ∇d`` that is the
    gradient of the adversarial cost ``−E h(d(G(z)))``. ``samples`` [batch, *shape] carry the graph; ``velocity`` has
    their shape.

    Reference: Yi, Zhu & Liu 2023, "MonoFlow: Rethinking Divergence GANs via the Perspective of Wasserstein Gradient
    Flows", Sec. 4.1.
    """
    target = (samples + step_size * velocity).detach()
    return (samples - target).flatten(1).square().sum(1).mean() / (2 * step_size)
