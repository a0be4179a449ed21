"""Someone else's network, as a file that carries its own program (`torch.export.save`)."""

import hashlib
from pathlib import Path

import torch
from torch import Tensor

from nashpath.metrics.errors import FeaturesError
from nashpath.metrics.features.base import Extractor, Outputs, as_outputs


class Exported(Extractor):
    """A network exported to a ``.pt2`` file, from a batch of images in [-1, 1] to features, or (features, logits).

    Export it in evaluation mode, with a dynamic batch dimension. The digest is the file's. Only open files you trust.

    Raises `FeaturesError` for a file that is missing or cannot be read.
    """

    signed_images = True

    def __init__(self, path: str | Path):
        file = Path(path)
        if not file.is_file():
            raise FeaturesError(f"{file}: no such file; export a network there with torch.export.save")
        self.name = file.stem
        self.digest = hashlib.sha256(file.read_bytes()).hexdigest()
        try:
            self.network = torch.export.load(file).module()
        except Exception as error:
            raise FeaturesError(f"{file}: not a program of torch.export.save ({error})") from error

    def __call__(self, samples: Tensor) -> Outputs:
        return as_outputs(self.network(samples), self.name)
