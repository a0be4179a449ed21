"""Batch normalisation that stacks; and whether a network's output for one sample depends on the others of its batch."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nashpath.core.torch_compat import BATCH_NORMS


class BatchNorm(nn.Module):
    """Batch normalisation over vectors, sequences, images or volumes, by the input's rank.

    Training: ``y = (x - mean) / sqrt(var + eps) * weight + bias`` with each channel's mean and (biased) variance over
    the batch and all positions. The running statistics move by ``momentum`` towards the mean and the unbiased
    variance; they are assigned, never written in place, so they can be handed back as state from `functional_call`
    under `grad` and `vmap`. In eval mode the running statistics take the batch's place. Outputs, running statistics
    and gradients equal those of ``torch.nn.BatchNorm1d/2d/3d``, and parameters and statistics bear the same names.

    Shapes: ``[batch, channels, ...] -> [batch, channels, ...]``. Under autocast it computes in its parameters' dtype.

    Raises ValueError in training mode if there is only one value per channel.

    Reference: Ioffe and Szegedy 2015 (arXiv 1502.03167), algorithm 1.
    """

    mixes_batch = True
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, *, momentum: float = 0.1, eps: float = 1e-5):
        super().__init__()
        self.channels, self.momentum, self.eps = channels, momentum, eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        count = x.numel() // self.channels
        if count < 2:
            raise ValueError(f"batch normalisation needs at least 2 values per channel, got shape {tuple(x.shape)}")
        positions = [axis for axis in range(x.dim()) if axis != 1]
        full = x.to(self.weight.dtype)
        mean = full.mean(positions, keepdim=True)
        centred = full - mean
        var = centred.square().mean(positions, keepdim=True)
        self._track(mean.detach().flatten(), var.detach().flatten() * (count / (count - 1)))
        scale = (var + self.eps).rsqrt() * self.weight.view(mean.shape)
        return torch.addcmul(self.bias.view(mean.shape), centred, scale).to(x.dtype)

    def _track(self, mean: Tensor, var: Tensor) -> None:
        self.running_mean = torch.lerp(self.running_mean, mean, self.momentum)
        self.running_var = torch.lerp(self.running_var, var, self.momentum)

    def extra_repr(self) -> str:
        return f"{self.channels}, momentum={self.momentum}, eps={self.eps}"


def mixes_batch(network: nn.Module) -> bool:
    """Whether some layer of ``network`` normalises over the batch in training mode.

    True for `BatchNorm`, for PyTorch's own batch norms, and for any layer with a class attribute ``mixes_batch =
    True``. A gradient penalty needs the gradient of one logit in one input, which such a critic does not have.
    """
    return any(isinstance(layer, BATCH_NORMS) or getattr(layer, "mixes_batch", False) for layer in network.modules())
