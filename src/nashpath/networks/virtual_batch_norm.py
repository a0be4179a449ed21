"""Virtual batch normalisation: the layer, and the generators with it."""

from typing import Annotated

import torch
from annotated_types import Ge, Le
from torch import Tensor, nn

from nashpath.core.hyperparameters import SIZE, Count, Depth
from nashpath.networks.activations import Activation
from nashpath.networks.base import Init
from nashpath.networks.batch_norm import BatchNorm
from nashpath.networks.dcgan import DCGANGenerator
from nashpath.networks.mlp import MLPGenerator


class VirtualBatchNorm(nn.Module):
    """Virtual batch normalisation: each sample by the statistics of a fixed reference batch and of itself.

    The first ``references`` samples of what comes in are the reference batch R of n samples, the others are the batch.
    For a sample x outside R, per channel, with means over positions (and over R)::

        μ = (μ_x + n μ_R) / (n + 1),   m₂ = (E[x²] + n E_R[r²]) / (n + 1),   σ² = m₂ − μ²
        y = (x − μ) / sqrt(σ² + eps) · weight + bias

    R itself is normalised by its own statistics, that is by plain batch normalisation, for the layers above. So no
    sample of the batch sees another. `VirtualBatchGenerator` puts R in front, and sets ``references``.

    Shapes: ``[references + batch, channels, ...] -> [references + batch, channels, ...]``. Raises ValueError where
    no reference batch was put in front.

    Reference: Salimans et al. 2016, Sec. 3.5; openai/improved_gan ``imagenet/model.py`` (VBN).
    """

    def __init__(self, channels: int, *, eps: float = 1e-5):
        super().__init__()
        self.channels, self.eps, self.references = channels, eps, 0
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        n = self.references
        if not 2 <= n <= x.shape[0]:
            raise ValueError(
                f"virtual batch normalisation has a reference batch of {n} in {x.shape[0]} samples; wrap the generator "
                "in nashpath.networks.virtual_batch_norm.VirtualBatchGenerator, which puts at least 2 in front"
            )
        full = x.to(self.weight.dtype).flatten(2) if x.dim() > 2 else x.to(self.weight.dtype)[:, :, None]
        full = full - full[:n].mean((0, 2), keepdim=True)  # y stays the same, and σ² is no difference of large numbers
        means, squares = full.mean(2, keepdim=True), full.square().mean(2, keepdim=True)
        mean, square = means[:n].mean(0, keepdim=True), squares[:n].mean(0, keepdim=True)
        mean = torch.cat([mean.expand_as(means[:n]), (means[n:] + n * mean) / (n + 1)])
        square = torch.cat([square.expand_as(squares[:n]), (squares[n:] + n * square) / (n + 1)])
        scale = (square - mean.square() + self.eps).rsqrt() * self.weight[:, None]
        return ((full - mean) * scale + self.bias[:, None]).reshape(x.shape).to(x.dtype)

    def extra_repr(self) -> str:
        return f"{self.channels}, references={self.references}, eps={self.eps}"


class VirtualBatchGenerator(nn.Module):
    """A generator with virtual batch normalisation, and the reference latents that it needs at every depth.

    ``G(z)`` is the network on [reference; z] with the reference's rows taken off: one pass, nothing remembered. The
    ``reference`` latents [n, latent] are drawn once and are state that no step changes. Costs n more samples a pass.

    Shapes: ``[batch, latent] -> [batch, *shape]``. Raises ValueError if the network has no `VirtualBatchNorm`, or
    if the reference has fewer than 2 rows.

    Reference: Salimans et al. 2016, Sec. 3.5.
    """

    reference: Tensor

    def __init__(self, network: nn.Module, reference: Tensor):
        super().__init__()
        layers = [layer for layer in network.modules() if isinstance(layer, VirtualBatchNorm)]
        if not layers:
            raise ValueError("the generator has no VirtualBatchNorm layer, so it needs no reference batch")
        if len(reference) < 2:
            raise ValueError(f"a reference batch needs at least 2 rows of latents, got {len(reference)}")
        self.network = network
        self.register_buffer("reference", reference.clone())
        for layer in layers:
            layer.references = len(reference)

    def forward(self, z: Tensor) -> Tensor:
        return self.network(torch.cat([self.reference.to(z.dtype), z]))[len(self.reference) :]


def virtual(network: nn.Module) -> nn.Module:
    """Puts `VirtualBatchNorm` in the place of every `BatchNorm` of ``network``, in place, and returns it."""
    for path, layer in dict(network.named_modules()).items():
        if isinstance(layer, BatchNorm):
            network.set_submodule(path, VirtualBatchNorm(layer.channels, eps=layer.eps))
    return network


References = Annotated[int, Ge(2), Le(SIZE)]


class VirtualMLPGenerator(VirtualBatchGenerator):
    """Fully connected generator with virtual batch normalisation.

    The generator ``mlp`` with `VirtualBatchNorm` after each hidden layer, and ``reference`` latents from N(0, I),
    drawn once, that go through it in front of every batch. Shapes: ``[batch, latent] -> [batch, *shape]``.

    Raises ValueError if a size is not a whole number of at least 1, or if there is no hidden layer.

    Reference: Salimans et al. 2016 (arXiv 1606.03498), section 3.5.
    """

    def __init__(
        self,
        latent: int,
        shape: tuple[int, ...],
        *,
        width: Count = 64,
        depth: Depth = 2,
        activation: Activation = "relu",
        init: Init = "default",
        reference: References = 64,
    ):
        network = MLPGenerator(latent, shape, width=width, depth=depth, activation=activation, norm="batch", init=init)
        super().__init__(virtual(network), torch.randn(reference, latent))


class VirtualDCGANGenerator(VirtualBatchGenerator):
    """DCGAN generator with virtual batch normalisation, as the paper's for ImageNet.

    The generator ``dcgan`` with `VirtualBatchNorm` in the place of batch normalisation, and ``reference`` latents from
    N(0, I), drawn once, that go through it in front of every batch. Shapes:
    ``[batch, latent] -> [batch, channels, size, size]``, values in [-1, 1].

    Raises ValueError for image shapes that ``dcgan`` does not make.

    Reference: Salimans et al. 2016 (arXiv 1606.03498), section 3.5.
    """

    convolutional = True

    def __init__(
        self,
        latent: int,
        shape: tuple[int, ...],
        *,
        width: Count = 32,
        activation: Activation = "relu",
        init: Init = "normal",
        reference: References = 64,
    ):
        network = DCGANGenerator(latent, shape, width=width, activation=activation, norm="batch", init=init)
        super().__init__(virtual(network), torch.randn(reference, latent))
