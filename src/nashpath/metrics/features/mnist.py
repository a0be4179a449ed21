"""Features for MNIST that need no network connection: a classifier that travels with the package."""

from pathlib import Path

from torch import Tensor, nn

from nashpath.metrics.features.digits import DigitsFeatures

WEIGHTS = Path(__file__).parent.parent / "assets" / "mnist_classifier.safetensors"


class MNISTClassifier(nn.Module):
    """28x28 grey images in [-1, 1] ``[n, 1, 28, 28]`` -> (features ``[n, 64]`` in (-1, 1), logits ``[n, 10]``).

    Features end in tanh, not in a rectifier, so that all of them vary: their covariance has full rank.
    """

    def __init__(self) -> None:
        super().__init__()
        widths, layers = (1, 16, 32, 64, 64), list[nn.Module]()
        for into, out, stride in zip(widths, widths[1:], (1, 2, 2, 1)):
            layers += [nn.Conv2d(into, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.GELU()]
        self.body = nn.Sequential(*layers, nn.AvgPool2d(3, 2), nn.Flatten(), nn.Linear(64 * 9, 64), nn.Tanh())
        self.head = nn.Linear(64, 10)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(images)
        return features, self.head(features)


class MNISTFeatures(DigitsFeatures):
    """The package's classifier of MNIST: 64 features and 10 logits for each channel.

    Images ``[n, channels, h, w]`` in [-1, 1]: grey ones, where other sizes than 28x28 are resized (bilinear,
    antialiased), or several channels of 28x28, each of which is taken for a digit; features are concatenated, and
    logits exist for one channel only. Trained on the train half of `nashpath.data.MNIST` by
    ``scripts/make_mnist_classifier.py``; right on 99.67 % of the test half.

    Reference: Salimans et al. 2016, "Improved Techniques for Training GANs", and Fedus et al. 2018, "Many Paths to
    Equilibrium: GANs Do Not Need to Decrease a Divergence At Every Step", take features of
    classifiers; this one is ours.
    """

    name = "mnist"
    resize = "28x28, bilinear, antialiased"
    side = 28
    weights = WEIGHTS
    classifier = MNISTClassifier
