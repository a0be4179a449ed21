"""Feature extractors: from samples to vectors, with a name, a hash of what is computed, and how images are resized."""

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nashpath.metrics.errors import FeaturesError


class Outputs(NamedTuple):
    """``features [n, d]``, and ``logits [n, classes]`` if the extractor is a classifier."""

    features: Tensor
    logits: Tensor | None = None

    def as_dict(self) -> dict[str, Tensor]:
        return {k: v for k, v in self._asdict().items() if v is not None}


class Extractor:
    """Base. ``digest`` identifies the function computed (empty: unknown, so nothing is kept on disk)."""

    name: str
    digest: str = ""
    resize: str = "none"
    signed_images: bool = False
    """Whether it sees images from -1 to 1, and would see others wrong."""
    in_units_of_samples: bool = False
    """Whether distances of features are in the unit of the samples."""

    def __call__(self, samples: Tensor) -> Outputs:
        """One batch ``[b, ...]``; images in [-1, 1]."""
        raise NotImplementedError

    def to(self, device: torch.device) -> "Extractor":
        """Computes on ``device`` from now on, where it can; `extract` leaves results on the samples' device."""
        return self


class Pixels(Extractor):
    """The samples themselves, flattened: for points, and for features computed elsewhere."""

    name = "pixels"
    in_units_of_samples = True

    def __call__(self, samples: Tensor) -> Outputs:
        return Outputs(samples.flatten(1))


class Network(Extractor):
    """Any ``nn.Module`` from a batch to features, or to (features, logits); always used in evaluation mode.

    The digest covers its structure as printed and every parameter and buffer.
    """

    def __init__(self, network: nn.Module, name: str = ""):
        self.network = network
        self.name = name or type(network).__name__
        self.digest = state_digest(network)

    def to(self, device: torch.device) -> "Network":
        self.network.to(device)
        return self

    def __call__(self, samples: Tensor) -> Outputs:
        first = next(iter(self.network.state_dict().values()), samples)
        modes = {module: module.training for module in self.network.modules()}
        self.network.eval()
        try:
            return as_outputs(self.network(samples.to(first.device)), self.name)
        finally:
            for module, training in modes.items():
                module.training = training


class Function(Extractor):
    """Any function from a batch to features, or to (features, logits). Give a ``digest`` to have results kept."""

    def __init__(self, function: Callable[[Tensor], Any], name: str = "", digest: str = ""):
        self.function = function
        self.name = name or getattr(function, "__name__", type(function).__name__)
        self.digest = digest

    def __call__(self, samples: Tensor) -> Outputs:
        return as_outputs(self.function(samples), self.name)


def state_digest(network: nn.Module) -> str:
    """SHA-256 of a network's structure as printed and of its state."""
    digest = hashlib.sha256(repr(network).encode())
    for name, tensor in network.state_dict().items():
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def as_outputs(result: Any, name: str) -> Outputs:
    """A network's result as `Outputs`; raises `FeaturesError` for anything but one or two tensors."""
    parts = tuple(result) if isinstance(result, (tuple, list)) else (result,)
    if not 1 <= len(parts) <= 2 or not all(isinstance(part, Tensor) and part.dim() >= 2 for part in parts):
        raise FeaturesError(f"{name} must return features [n, d], or (features, logits); got {type(result).__name__}")
    return Outputs(*(part.flatten(1) for part in parts))


@torch.no_grad()
def extract(extractor: Extractor, samples: Tensor, batch: int = 256) -> Outputs:
    """All of ``samples [n, ...]``, batch by batch; results on the samples' device."""
    parts = [extractor(part) for part in samples.split(batch)]
    if any(len(part.features) != min(batch, len(samples) - i * batch) for i, part in enumerate(parts)):
        raise FeaturesError(f"{extractor.name} does not return one row of features for each sample")
    features = torch.cat([part.features.to(samples.device) for part in parts])
    logits = [part.logits.to(samples.device) for part in parts if part.logits is not None]
    return Outputs(features, torch.cat(logits) if logits else None)
