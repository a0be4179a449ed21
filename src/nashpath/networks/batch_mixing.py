"""Does a network's output for one sample depend on the other samples of the batch?"""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def mixes_batch(network: nn.Module) -> bool:
    """Whether some layer of ``network`` normalises over the batch in training mode.

    True for `BatchNorm`, for PyTorch's own batch norms, and for any layer with a class attribute ``mixes_batch =
    True``. A gradient penalty needs the gradient of one logit in one input, which such a critic does not have.
    """
    return any(isinstance(layer, _BatchNorm) or getattr(layer, "mixes_batch", False) for layer in network.modules())
