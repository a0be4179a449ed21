"""Minibatch discrimination: the layer, and a fully connected discriminator with it."""

from math import prod
from typing import Literal

import torch
from torch import Tensor, nn

from nashpath.core.hyperparameters import Count, Depth
from nashpath.networks.activations import Activation
from nashpath.networks.base import Init, Norm, check_sizes, finish
from nashpath.networks.mlp import hidden_layers

Reduce = Literal["sum", "mean"]

PLAIN_NUMBERS = 1 << 20
"""Maximum number of differences (4 MiB) that are computed explicitly (any derivative exists); above, `torch.cdist`."""


class MinibatchDiscrimination(nn.Module):
    """Minibatch discrimination: appends to each sample's features its closeness to the other samples of the batch.

    ::

        M_i = f(x_i) W ∈ R^{kernels × dimensions},   W = θ e^s / ‖θ‖₂ (over inputs),   θ ~ N(0, 0.05²)
        o(x_i)_b = Σ_{j≠i} exp(−‖M_ib − M_jb‖₁) + bias_b,   bias = −1,   output [f(x_i), o(x_i)]

    The paper's sum includes j = i, a constant 1 that the bias of −1 takes away; the released code leaves the pair out
    and keeps the bias. Its sizes: 100 kernels of 5 for CIFAR and SVHN, 300 of 50 for ImageNet. ``reduce="mean"``
    divides by the number of other samples. Each call sees one batch: real and generated ones apart. With ``joint``
    (the ImageNet code) a call holds real samples first and as many generated ones after them; closeness to the two
    halves is appended apart, ``2 · kernels`` numbers (use the objective `JointBatch`).

    Shapes: ``[batch, features] -> [batch, features + closeness]``; attribute ``outputs`` is that width. Memory
    grows as ``batch² · kernels`` once ``batch² · kernels · dimensions`` exceeds `PLAIN_NUMBERS`; there, second
    derivatives are not available. Raises ValueError for a batch of one sample, or a joint one that is not two of each
    kind or more, as many of both.

    Reference: Salimans et al. 2016, Sec. 3.2; openai/improved_gan ``mnist_svhn_cifar10/nn.py`` (MinibatchLayer) and
    ``imagenet/discriminator.py``.
    """

    mixes_batch = True

    def __init__(
        self, features: int, kernels: Count = 100, dimensions: Count = 5, reduce: Reduce = "sum", joint: bool = False
    ):
        super().__init__()
        self.reduce, self.joint = reduce, joint
        self.outputs = features + kernels * (2 if joint else 1)
        self.theta = nn.Parameter(0.05 * torch.randn(features, kernels, dimensions))
        self.log_weight_scale = nn.Parameter(torch.zeros(kernels, dimensions))
        self.bias = nn.Parameter(torch.full((self.outputs - features,), -1.0))

    def extra_repr(self) -> str:
        inputs, kernels, dimensions = self.theta.shape
        return f"{inputs}, kernels={kernels}, dimensions={dimensions}, reduce={self.reduce!r}, joint={self.joint}"

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self._closeness(self.distances(x)) + self.bias], dim=1)

    def distances(self, x: Tensor) -> Tensor:
        """``‖M_ib − M_jb‖₁`` as [kernels, batch, batch]. Raises ValueError for a batch in which some have no others."""
        count = len(x)
        if count < (4 if self.joint else 2) or (self.joint and count % 2):
            wanted = (
                "as many real as generated samples, two of each at least," if self.joint else "at least two samples"
            )
            raise ValueError(f"minibatch discrimination needs {wanted} in a batch, got {count}")
        scale = self.log_weight_scale.exp() / torch.linalg.vector_norm(self.theta, dim=0)
        maps = torch.einsum("na,abc->bnc", x, self.theta * scale)
        if len(x) * maps.numel() <= PLAIN_NUMBERS:
            return (maps[:, :, None] - maps[:, None]).abs().sum(-1)
        return torch.cdist(maps, maps, p=1.0)

    def _closeness(self, distances: Tensor) -> Tensor:
        """Closeness to each half (joint) or to the whole batch, without oneself: [batch, closeness]."""
        count = distances.shape[1]
        others = 1 - torch.eye(count, dtype=distances.dtype, device=distances.device)
        close = torch.exp(-distances) * others
        halves = close.split(count // 2 if self.joint else count, dim=2)
        sums = [half.sum(2) for half in halves]
        if self.reduce == "mean":
            shares = others.split(halves[0].shape[2], dim=1)
            sums = [total / share.sum(1) for total, share in zip(sums, shares)]
        return torch.cat(sums).mT

    @torch.no_grad()
    def calibrate(self, x: Tensor) -> None:
        """The released data-dependent start, from features [batch, features] of some real samples, in place.

        Scales each kernel so that the mean distance to the nearest other sample is 2, and sets the bias so that the
        mean closeness is 0. Raises ValueError, and moves nothing, where a kernel maps every sample onto another one.
        """
        distances = self.distances(x)
        alone = torch.eye(len(x), dtype=x.dtype, device=x.device) * torch.finfo(x.dtype).max
        half = 0.5 * (distances + alone).amin(2).mean(1)
        if not (half > 0).all():
            raise ValueError("no scale of minibatch discrimination sets these samples apart: each is like another one")
        self.log_weight_scale.sub_(half.log()[:, None])
        self.bias.copy_(-self._closeness(distances / half[:, None, None]).mean(0))


class MinibatchMLPDiscriminator(nn.Module):
    """Fully connected discriminator with minibatch discrimination before its head.

    ``D(x) = head(closeness(features(x)))``, raw logits, where ``features`` flattens and is ``depth`` times (linear of
    ``width``, normalisation, activation), and ``closeness`` appends `MinibatchDiscrimination` of ``kernels`` kernels of
    ``dimensions`` (16 of 4 keep eight Gaussians apart; the paper's code has 100 of 5). Its logits depend on the whole
    batch, so no gradient penalty is allowed. Shapes: ``[batch, *shape] -> [batch, outputs]``.

    Raises ValueError if a size is not a whole number of at least 1.

    Reference: Salimans et al. 2016 (arXiv 1606.03498), Sec. 3.2.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        width: Count = 64,
        depth: Depth = 2,
        activation: Activation = "leaky_relu",
        norm: Norm = "none",
        init: Init = "default",
        kernels: Count = 16,
        dimensions: Count = 4,
        reduce: Reduce = "mean",
        joint: bool = False,
        outputs: Count = 1,
    ):
        super().__init__()
        check_sizes("minibatch_mlp", shape, width=width, outputs=outputs, kernels=kernels, dimensions=dimensions)
        self.features, features = hidden_layers(prod(shape), width, depth, activation, norm)
        self.closeness = MinibatchDiscrimination(features, kernels, dimensions, reduce, joint)
        self.head = nn.Linear(self.closeness.outputs, outputs)
        finish(self, norm, init)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.closeness(self.features(x)))
