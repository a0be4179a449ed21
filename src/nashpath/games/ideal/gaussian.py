"""The idealised game on a line, with a generator that can only be a Gaussian."""

import torch
from torch import Tensor, nn

from nashpath.core import Count, Hyperparameters, Number, Positive
from nashpath.games.ideal.population import PopulationGame
from nashpath.games.objectives import Objective


class GaussianGenerator(nn.Module):
    """A Gaussian density on a grid, by its mean and the logarithm of its deviation; calling it returns log-masses."""

    def __init__(self, points: Tensor, mean: float | Tensor, deviation: float | Tensor):
        super().__init__()
        self.grid = Hyperparameters(points=points)
        self.mean = nn.Parameter(torch.as_tensor(mean, dtype=points.dtype).clone())
        self.log_deviation = nn.Parameter(torch.as_tensor(deviation, dtype=points.dtype).log().clone())

    def forward(self) -> Tensor:
        scaled = (self.grid.points - self.mean) * torch.exp(-self.log_deviation)
        return (-scaled.square() / 2).log_softmax(0)


class IdealGaussian(PopulationGame):
    """Idealised GAN on a line: data N(0, 1), a Gaussian generator, and any function as discriminator.

    ::

        V(q, D*) = −log 4 + 2 JS(p‖q);   non-saturating, D* held: ∇J_G = ∇[KL(q‖p) − 2 JS(p‖q)]

    Densities are masses on ``resolution`` points evenly on [−10, 10] (quadrature by rectangles, exact to rounding while
    deviation ≥ 0.2 at the default). The generator starts at N(mean, deviation²), and moves its mean and the
    logarithm of its deviation.

    Reference: Goodfellow et al. 2014, Theorem 1; Arjovsky and Bottou 2017, Theorem 2.5; Barnett 2018.
    """

    def __init__(
        self,
        objective: Objective | None = None,
        mean: Number = 3.0,
        deviation: Positive = 1.0,
        resolution: Count = 257,
    ):
        points = torch.linspace(-10, 10, resolution)
        log_data = (-points.square() / 2).log_softmax(0)
        super().__init__(GaussianGenerator(points, mean, deviation), log_data, points, objective)
