"""What sources share that compose each sample from several draws, so that there is no finite list of them."""

import torch
from torch import Tensor

from nashpath.core.rng import generator


class Endless:
    """Base of composed, labelled sources. Their examples are draws from a seed of their own."""

    shape: tuple[int, ...]
    classes: int

    def draw(self, rng: torch.Generator, count: int) -> dict[str, Tensor]:
        """``{"real": [count, *shape], "label": [count]}``."""
        raise NotImplementedError

    def examples(self, limit: int | None = None) -> Tensor:
        """``limit`` samples (10,000 by default) on the CPU, always the same ones."""
        return self.labelled_examples(limit)[0]

    def labelled_examples(self, limit: int | None = None) -> tuple[Tensor, Tensor]:
        """As `examples`, with the labels ``[n]``."""
        batch = self.draw(generator(0), 10_000 if limit is None else limit)
        return batch["real"], batch["label"]
