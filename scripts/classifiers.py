"""What the scripts that train the package's classifiers share: telling how good one has become."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn


def tell(classifier: nn.Module, source: Callable, target: Path) -> None:
    """Prints the accuracy and the spread of features on both halves of the data, and the size of the file."""
    classifier.eval()
    with torch.no_grad():
        for split in ("train", "test"):
            images, labels = source(split).labelled_examples(10_000)
            parts = [classifier(some) for some in images.split(500)]
            features, logits = (torch.cat(part) for part in zip(*parts))
            spread = torch.linalg.eigvalsh(features.double().T.cov())
            share = (logits.argmax(1) == labels).float().mean()
            print(f"{split}: accuracy {share:.4f} of {len(labels)}; variances {spread[0]:.2g} to {spread[-1]:.2g}")
    print(f"{target}: {target.stat().st_size} bytes, {sum(p.numel() for p in classifier.parameters())} numbers")
