"""The small classifier of the package's digits, whose last hidden layer is the offline feature space."""

from torch import Tensor, nn


class DigitsClassifier(nn.Module):
    """8x8 grey images in [-1, 1] ``[n, 1, 8, 8]`` -> (features ``[n, 32]`` in (-1, 1), logits ``[n, 10]``).

    Features end in tanh, not in a rectifier, so that all of them vary: their covariance has full rank.
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 32), nn.Tanh())
        self.head = nn.Linear(32, 10)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(images)
        return features, self.head(features)
