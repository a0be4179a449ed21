"""A Gaussian ``x = μ + S z`` fitted to the Gaussian of MonoFlow's Sec. 4.3: how it is trained as a GAN, how it did.

The target is N(0, [[1, .8], [.8, .89]]). A fit has succeeded if KL(q‖p) < 0.1 and ‖μ‖ < 0.15, and failed if KL > 1
and ‖μ‖ > 1.3; what lies between is neither.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from nashpath.core import Key, Tree, derive, seeded
from nashpath.data import Gaussian
from nashpath.flows import ReparameterisedGaussian, gaussian_kl
from nashpath.games import GAN
from nashpath.games.objectives import Objective
from nashpath.networks.activations import leaky_relu
from nashpath.studies.rows import Row, significant

TARGET = Gaussian()
POINTS = 128
TINY = 1e-12
"""What is less is rounding."""


def critic(widths: Sequence[int]) -> nn.Module:
    """A discriminator of points in the plane with hidden layers of these widths, leaky ReLU between."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise([2, *widths]):
        layers += [nn.Linear(inputs, outputs), leaky_relu()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 1))


def gaussian_gan(objective: Objective, start: float, widths: Sequence[int], batch_size: int, seed: int) -> GAN:
    """The GAN whose generator starts at N((start, start), I); its density is there, and nobody looks at it."""
    with seeded(derive(seed, "weights")):
        discriminator = critic(widths)
    model = ReparameterisedGaussian(torch.full((2,), start))
    return GAN(model, discriminator, objective, data=TARGET, latent=2, batch_size=batch_size)


def fit(params: Tree) -> Row:
    """``kl`` (of q from p, exact), ``distance`` of the means, ``fit`` in a word, and mean and covariance."""
    exact = {name: value.double() for name, value in params.items()}
    kl = max(TINY, float(gaussian_kl(exact, TARGET.mean.double(), TARGET.covariance.double())))
    distance = float((exact["mean"] - TARGET.mean).norm())
    (xx, xy), (_, yy) = (exact["root"] @ exact["root"].mT).tolist()
    found = {"kl": significant(kl), "distance": significant(distance), "fit": word(kl, distance)}
    return found | {
        "mean": [round(v, 4) for v in exact["mean"].tolist()],
        "covariance": [round(v, 4) for v in (xx, xy, yy)],
    }


def word(kl: float, distance: float) -> str:
    """``success``, ``failure`` or ``neither``."""
    if kl < 0.1 and distance < 0.15:
        return "success"
    return "failure" if kl > 1 and distance > 1.3 else "neither"


def clouds(params: Tree) -> Row:
    """``points`` of the fitted Gaussian and ``real`` ones, to be drawn."""
    key = Key(0)
    points = params["mean"] + key.normal(POINTS, 2) @ params["root"].mT
    real = TARGET.draw(key, POINTS)["real"]
    return {
        name: [[round(v, 3) for v in point] for point in some.tolist()]
        for name, some in (("points", points), ("real", real))
    }


class OneOf(Objective):
    """The generator's cost of one of ``options``; the discriminator's, which all of them must share, of the first.

    The others are shown logits of 0, so that none of them can overflow.
    """

    def __init__(self, options: Sequence[Objective], index: int):
        super().__init__(chosen=one_hot(torch.tensor(index), len(options)))
        self.options = nn.ModuleList(options)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.options[0].discriminator(real, fake)  # type: ignore[operator]

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        costs = []
        for option, one in zip(self.options, self.chosen):
            costs.append(torch.where(one > 0, option.generator(torch.where(one > 0, fake, 0.0)), 0.0))  # type: ignore[operator]
        return torch.stack(costs).sum()
