"""The thought experiment of the parallel lines: data on one line, a model that starts on another."""

import torch

from nashpath.data.line import Line


class ParallelLines(Line):
    """A Gaussian on the vertical axis of the plane, for a generator that starts on a parallel line.

    ``x = (0, z)``, ``z ~ N(0, 1)``. Against any model on another vertical line the Jensen-Shannon divergence is the
    constant ``log 2``, yet `manifold_distance` (``x₁²``) tells how far there is to go. Samples have shape ``(2,)``.

    Reference: Fedus, Rosca, Lakshminarayanan, Dai, Mohamed & Goodfellow 2018, "Many Paths to Equilibrium: GANs Do Not
    Need to Decrease a Divergence At Every Step", Figure 1; after Arjovsky, Chintala & Bottou 2017, "Wasserstein GAN",
    Example 1.
    """

    def __init__(self):
        super().__init__(torch.tensor([0.0, 1.0]))
