"""Minibatch discrimination put into any discriminator, before its last layer."""

from torch import Tensor, nn

from nashpath.networks import MinibatchDiscrimination, WeightNorm


class MinibatchCritic(nn.Module):
    """``network`` (with ``features``, perhaps ``noise``, and a linear ``head``) with closeness before a new head.

    So the networks of few labels and the convolutional ones can have it too; a head that is weight-normalised stays so.
    Shapes: those of ``network``.
    """

    def __init__(self, network: nn.Module, kernels: int, dimensions: int):
        super().__init__()
        last = network.get_submodule("head")
        head = last.layer if isinstance(last, WeightNorm) else last
        if not isinstance(head, nn.Linear):
            raise ValueError(f"{type(network).__name__} has no linear head to put closeness in front of")
        self.features = network.get_submodule("features")
        self.noise = dict(network.named_children()).get("noise", nn.Identity())
        self.closeness = MinibatchDiscrimination(head.in_features, kernels, dimensions, reduce="mean")
        self.head: nn.Module = nn.Linear(self.closeness.outputs, head.out_features)
        if isinstance(last, WeightNorm):
            self.head, self.from_data = WeightNorm(self.head), True

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.closeness(self.noise(self.features(x))))
