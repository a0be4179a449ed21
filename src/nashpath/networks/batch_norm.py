"""Batch normalisation that stacks; and whether a network's output for one sample depends on the others of its batch."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nashpath.core.torch_compat import BATCH_NORMS, is_first_order


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
        if self._fuses(x):
            return self._fused(x, self.weight, self.bias)
        centred, deviation = self._centred(x)
        scale = deviation * self.weight.view(deviation.shape)
        return torch.addcmul(self.bias.view(deviation.shape), centred, scale).to(x.dtype)

    def _fuses(self, x: Tensor) -> bool:
        """Whether PyTorch's own layer can stand here: it has no cheap second derivative, and one dtype."""
        return is_first_order() and x.dtype == self.weight.dtype

    def _fused(self, x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """The same by PyTorch's own layer: in an eager step the operations one by one take three times as long."""
        self._check(x)
        mean, var = self.running_mean.clone(), self.running_var.clone()
        found = F.batch_norm(x, mean, var, weight, bias, training=True, momentum=self.momentum, eps=self.eps)
        self.running_mean, self.running_var = mean, var
        return found

    def _check(self, x: Tensor) -> int:
        """The values per channel."""
        count = x.numel() // self.channels
        if count < 2:
            raise ValueError(f"batch normalisation needs at least 2 values per channel, got shape {tuple(x.shape)}")
        return count

    def _centred(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``(x − mean, 1 / sqrt(var + eps))`` of this batch, whose statistics the running ones move towards."""
        count = self._check(x)
        positions = [axis for axis in range(x.dim()) if axis != 1]
        full = x.to(self.weight.dtype)
        mean = full.mean(positions, keepdim=True)
        centred = full - mean
        var = centred.square().mean(positions, keepdim=True)
        self._track(mean.detach().flatten(), var.detach().flatten() * (count / (count - 1)))
        return centred, (var + self.eps).rsqrt()

    def _track(self, mean: Tensor, var: Tensor) -> None:
        self.running_mean = torch.lerp(self.running_mean, mean, self.momentum)
        self.running_var = torch.lerp(self.running_var, var, self.momentum)

    def conditional(self, classes: int) -> "ConditionalBatchNorm":
        """The layer with a scale and a shift for each class, all as they are here."""
        return ConditionalBatchNorm(self, classes)

    def extra_repr(self) -> str:
        return f"{self.channels}, momentum={self.momentum}, eps={self.eps}"


class ConditionalBatchNorm(BatchNorm):
    """Batch normalisation with one scale and one shift a class.

    ::

        y = (x − mean) / sqrt(var + eps) · γ_c + β_c

    The statistics are those of the whole batch, as in `BatchNorm`. ``given`` ([batch, classes], rows that add up to 1,
    one-hot for single classes) says whose γ and β each sample gets; without it they are the means over classes. Shapes:
    ``[batch, channels, ...]``; ``weight`` and ``bias`` are [classes, channels], all as in ``norm`` at first.

    Reference: Dumoulin et al. 2017 (arXiv 1610.07629), Eq. 5; Miyato and Koyama 2018 (arXiv 1802.05637), section 4.
    """

    def __init__(self, norm: BatchNorm, classes: int):
        super().__init__(norm.channels, momentum=norm.momentum, eps=norm.eps)
        self.weight = nn.Parameter(norm.weight.detach().repeat(classes, 1))
        self.bias = nn.Parameter(norm.bias.detach().repeat(classes, 1))
        self.given: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        chosen = self.given
        if chosen is None:
            chosen = torch.full_like(self.weight[:, :1].mT, 1 / len(self.weight))
        positions = [1] * (x.dim() - 2)
        weight, bias = (
            (chosen.to(v.dtype) @ v).reshape(-1, self.channels, *positions) for v in (self.weight, self.bias)
        )
        if self.training and self._fuses(x):
            return torch.addcmul(bias, self._fused(x), weight)
        if self.training:
            centred, deviation = self._centred(x)
            return torch.addcmul(bias, centred, deviation * weight).to(x.dtype)
        normalised = F.batch_norm(x, self.running_mean, self.running_var, eps=self.eps)
        return torch.addcmul(bias, normalised, weight).to(x.dtype)


def mixes_batch(network: nn.Module) -> bool:
    """Whether some layer of ``network`` normalises over the batch in training mode.

    True for `BatchNorm`, for PyTorch's own batch norms, and for any layer with a class attribute ``mixes_batch =
    True``. A gradient penalty needs the gradient of one logit in one input, which such a critic does not have.
    """
    return any(isinstance(layer, BATCH_NORMS) or getattr(layer, "mixes_batch", False) for layer in network.modules())
