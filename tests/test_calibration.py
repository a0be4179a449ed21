"""Calibration against optimal discriminators of known densities, and against scikit-learn."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import brier_score_loss
from torch import nn
from torch.distributions import Normal

from nashpath.core import FunctionalGame, Key, generator, point_of
from nashpath.data import Gaussian
from nashpath.diagnostics import Calibration, calibration_of
from nashpath.games import GAN
from nashpath.games.ideal import IdealGaussian
from nashpath.games.toys import Bilinear


def normals(count: int = 20_000, mean: float = 1.5):
    """Samples of N(0, 1) and N(mean, 1), and their true log-ratios."""
    rng = generator(0)
    x = torch.randn(count, generator=rng, dtype=torch.double)
    y = torch.randn(count // 2, generator=rng, dtype=torch.double) + mean
    p, q = Normal(0.0, 1.0), Normal(mean, 1.0)
    return [p.log_prob(z) - q.log_prob(z) for z in (x, y)]


def test_an_optimal_discriminator_is_calibrated():
    t_real, t_fake = normals()
    found = calibration_of(t_real, t_fake, t_real, t_fake)
    assert found["calibration.slope"] == pytest.approx(1)
    assert found["calibration.intercept"] == pytest.approx(0, abs=1e-12)
    assert found["calibration.mse_real"] == found["calibration.mse_fake"] == 0
    assert found["calibration.ece"] < 0.02  # only sampling noise is left: 15 bins of some thousand samples


@pytest.mark.parametrize(("slope", "shift"), [(0.5, 0.0), (3.0, 0.0), (1.0, -2.0), (-1.0, 0.7)])
def test_a_linear_error_is_read_off(slope: float, shift: float):
    t_real, t_fake = normals()
    found = calibration_of(slope * t_real + shift, slope * t_fake + shift, t_real, t_fake)
    best = calibration_of(t_real, t_fake)
    assert found["calibration.slope"] == pytest.approx(slope)
    assert found["calibration.intercept"] == pytest.approx(shift)
    for name, t in (("real", t_real), ("fake", t_fake)):
        assert found[f"calibration.mse_{name}"] == pytest.approx(((slope - 1) * t + shift).square().mean().item())
    assert found["calibration.ece"] > 2 * best["calibration.ece"]
    assert found["calibration.brier"] > best["calibration.brier"]


def test_reliability_is_scikit_learns_on_balanced_samples():
    rng = generator(1)
    real, fake = torch.randn(300, generator=rng) + 0.4, 2 * torch.randn(300, generator=rng)
    label = np.r_[np.ones(300), np.zeros(300)]
    probability = torch.cat([real, fake]).sigmoid().numpy()
    found = calibration_of(real[:, None], fake[:, None], bins=10)
    assert found["calibration.brier"] == pytest.approx(brier_score_loss(label, probability), rel=1e-5)
    ece = 0.0
    for low in np.arange(10) / 10:
        inside = (probability >= low) & (probability < low + 0.1)
        ece += inside.mean() * abs(label[inside].mean() - probability[inside].mean())
    assert found["calibration.ece"] == pytest.approx(ece, rel=1e-4)


def test_extremes():
    one, two = torch.full((5,), 1e4), torch.full((7,), -1e4)
    sure, wrong, blind = calibration_of(one, two), calibration_of(two, one), calibration_of(0 * one, 0 * two)
    assert sure["calibration.ece"] == sure["calibration.brier"] == 0
    assert wrong["calibration.ece"] == pytest.approx(1, abs=1e-6)
    assert wrong["calibration.brier"] == pytest.approx(1, abs=1e-6)
    assert blind["calibration.brier"] == pytest.approx(0.25)
    assert blind["calibration.ece"] == pytest.approx(0, abs=1e-6)
    assert calibration_of(one, two, 0 * one, 0 * two)["calibration.slope"].isnan()


def test_kinds_count_half_each_however_many_there_are():
    t_real, t_fake = normals(4000)
    once = calibration_of(t_real, 2 * t_fake, t_real, t_fake)
    often = calibration_of(t_real.repeat(9), 2 * t_fake, t_real.repeat(9), t_fake)
    for key, value in once.items():
        assert often[key] == pytest.approx(value.item(), rel=1e-9), key


def test_an_ideal_games_best_response_is_the_true_ratio():
    game = IdealGaussian(mean=1.0).double()
    with torch.no_grad():
        game.discriminator.value.copy_(game.best_response())
    grid, rng = game.space.points, generator(0)
    truth = -grid.square() / 2 + (grid - 1).square() / 2
    at = [torch.multinomial(mass.detach(), 2000, True, generator=rng) for mass in (game.data(), game.model())]
    logits, truths = ([values.detach()[index] for index in at] for values in (game.discriminator.value, truth))
    found = calibration_of(*logits, *truths)
    # The game's log-masses are float32, whose kernels differ between processors by 4e-8 here.
    assert found["calibration.slope"] == pytest.approx(1, abs=1e-6)
    assert found["calibration.mse_fake"] < 1e-12


class Shift(nn.Module):
    """``x = z + shift`` on whitened Gaussian data: a generator whose density is known."""

    def __init__(self, shift: list[float]):
        super().__init__()
        self.shift = nn.Parameter(torch.tensor(shift))

    def forward(self, z):
        return z + self.shift


class Quadratic(nn.Module):
    """The logit ``factor · (½‖x − shift‖² − ½‖x‖²)``: at 1 the best one, of N(0, I) against N(shift, I)."""

    def __init__(self, shift: list[float], factor: float):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))
        self.shift = torch.tensor(shift)

    def forward(self, x):
        return self.factor * ((x - self.shift).square().sum(1) - x.square().sum(1)) / 2


@pytest.mark.parametrize("factor", [1.0, 0.3])
def test_a_gan_of_known_densities(factor: float):
    shift = [1.0, -1.0]
    data = Gaussian(1.0, 1.0, 0.0)
    game = GAN(Shift(shift), Quadratic(shift, factor), data=data, latent=2, batch_size=500)

    def log_ratio(x, point):
        model = -(x - point.players["generator"]["shift"]).square().sum(1) / 2 - math.log(2 * math.pi)
        return data.log_density(x) - model

    look = Calibration(log_ratio, draws=3)
    found = look(FunctionalGame(game), point_of(game), game.draw(Key(0), (3,)))
    assert found["calibration.slope"] == pytest.approx(factor, rel=1e-4)
    assert found["calibration.intercept"] == pytest.approx(0, abs=1e-4)
    expected = (1 - factor) ** 2 * 3  # the true ratio is N(±1, 2): E t² = 1 + 2
    assert found["calibration.mse_real"] == pytest.approx(expected, rel=0.15, abs=1e-8)
    without = Calibration(draws=3)(FunctionalGame(game), point_of(game), game.draw(Key(0), (3,)))
    assert set(without) == {"calibration.ece", "calibration.brier"}
    assert torch.equal(without["calibration.ece"], found["calibration.ece"])


def test_what_cannot_be_calibrated_is_refused():
    game = Bilinear()
    with pytest.raises(ValueError, match="real samples and latents"):
        Calibration()(FunctionalGame(game), point_of(game), {})
    two = torch.zeros(5, 2)
    with pytest.raises(ValueError, match=r"real has shape \(5, 2\)"):
        calibration_of(two, two)
    with pytest.raises(ValueError, match="one kind"):
        calibration_of(two[:, 0], two[:, 0], two[:, 0])
    with pytest.raises(ValueError, match="5 fake logits, but 3"):
        calibration_of(two[:, 0], two[:, 0], two[:, 0], two[:3, 0])
