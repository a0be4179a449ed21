"""The metrics' arithmetic against SciPy's matrix square root, loops over pairs, and closed forms."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.signal import convolve2d
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance

from nashpath.core import generator
from nashpath.metrics import (
    FID,
    KID,
    MSSSIM,
    DensityCoverage,
    FIDInfinity,
    InceptionScore,
    PrecisionRecall,
    Sample,
    frechet,
    moments,
    sliced_wasserstein,
)
from nashpath.metrics.moments import Moments
from nashpath.metrics.ms_ssim import WEIGHTS, scales, similarity


def features(seed: int, count: int, width: int, rank: int | None = None) -> torch.Tensor:
    """Correlated normal features, of lower rank if asked."""
    rng = generator(seed)
    inner = torch.randn(count, rank or width, generator=rng, dtype=torch.double)
    mixing = torch.randn(rank or width, width, generator=generator(7), dtype=torch.double)
    return inner @ mixing + torch.randn(width, generator=rng, dtype=torch.double)


CASES = {
    "full": (features(0, 300, 12), features(1, 200, 12)),
    "fewer samples than dimensions": (features(0, 20, 32), features(1, 15, 32)),
    "few fakes": (features(0, 300, 32), features(1, 15, 32)),
    "few reals": (features(0, 15, 32), features(1, 300, 32)),
    "low rank": (features(0, 300, 12, rank=4), features(1, 200, 12, rank=4)),
    "constant fakes": (features(0, 300, 12), features(1, 1, 12).expand(50, 12)),
    "constant dimension": (features(0, 300, 12) * torch.arange(12).double(), features(1, 200, 12)),
}


def frechet_by_sqrtm(x: torch.Tensor, y: torch.Tensor) -> float:
    """As published, with the principal root of the symmetrised product."""
    a, b = np.cov(x.numpy(), rowvar=False), np.cov(y.numpy(), rowvar=False)
    values, vectors = np.linalg.eigh(a)
    half = vectors * np.sqrt(values.clip(0)) @ vectors.T
    values = np.linalg.eigvalsh(half @ b @ half).clip(0)
    gap = x.mean(0) - y.mean(0)
    return float(gap @ gap) + np.trace(a) + np.trace(b) - 2 * np.sqrt(values).sum()


@pytest.mark.parametrize("case", CASES)
def test_fid_is_the_symmetric_root(case: str):
    x, y = CASES[case]
    assert FID()(x, y)["fid"] == pytest.approx(frechet_by_sqrtm(x, y), rel=1e-6)


def test_fid_is_scipys_matrix_square_root():
    x, y = CASES["full"]
    a, b = np.cov(x.numpy(), rowvar=False), np.cov(y.numpy(), rowvar=False)
    gap = x.mean(0) - y.mean(0)
    truth = float(gap @ gap) + np.trace(a) + np.trace(b) - 2 * np.trace(sqrtm(a @ b)).real
    assert FID()(x, y)["fid"] == pytest.approx(truth, rel=1e-9)


def test_fid_of_known_gaussians():
    a, b = torch.tensor([1.0, 4.0, 9.0]).double(), torch.tensor([4.0, 0.0, 1.0]).double()
    mean = torch.tensor([1.0, 2.0, 2.0]).double()
    p = Moments(torch.zeros(3).double(), a.diag(), None)
    q = Moments(mean, b.diag(), None)
    assert frechet(p, q) == pytest.approx(9 + float((a.sqrt() - b.sqrt()).square().sum()), rel=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_fid_is_a_symmetric_distance_zero_on_itself(case: str):
    x, y = CASES[case]
    assert frechet(moments(x), moments(y)) == pytest.approx(frechet(moments(y), moments(x)), rel=1e-9)
    assert frechet(moments(x), moments(x)) == pytest.approx(0, abs=1e-6 * float(moments(x).trace + 1e-9))


@pytest.mark.parametrize("case", CASES)
def test_kid_is_the_mean_over_pairs(case: str):
    x, y = (part.numpy() for part in CASES[case])

    def kernel(p, q):
        return (p @ q.T / p.shape[1] + 1) ** 3

    def others(p):
        return (kernel(p, p).sum() - np.trace(kernel(p, p))) / (len(p) * (len(p) - 1))

    truth = others(x) + others(y) - 2 * kernel(x, y).mean()
    assert KID()(*CASES[case])["kid"] == pytest.approx(truth, rel=1e-9)


def test_kids_error_is_its_spread_over_repetitions():
    rng = generator(5)
    runs = [KID()(torch.randn(200, 6, generator=rng), 1.5 * torch.randn(150, 6, generator=rng)) for _ in range(80)]
    spread = np.std([run["kid"] for run in runs], ddof=1)
    assert np.mean([run["kid_error"] for run in runs]) == pytest.approx(spread, rel=0.3)


def test_kid_is_unbiased():
    """Equal distributions: its mean over repetitions is 0 within three standard errors."""
    rng = generator(3)
    draws = [KID()(torch.randn(30, 4, generator=rng), torch.randn(20, 4, generator=rng))["kid"] for _ in range(200)]
    assert abs(np.mean(draws)) < 3 * np.std(draws) / 200**0.5


@pytest.mark.parametrize("splits", [1, 7, 10])
def test_inception_score_by_hand(splits: int):
    logits = 3 * torch.randn(103, 5, generator=generator(0), dtype=torch.double)
    p = np.exp(logits.numpy())
    p /= p.sum(1, keepdims=True)
    scores = []
    for i in range(splits):
        part = p[i * 103 // splits : (i + 1) * 103 // splits]
        scores.append(np.exp((part * np.log(part / part.mean(0))).sum(1).mean()))
    found = InceptionScore(splits).scores(logits)
    assert found.numpy() == pytest.approx(np.array(scores), rel=1e-9)


@pytest.mark.parametrize(("labels", "score"), [(list(range(10)), 10.0), ([3] * 10, 1.0), ([0] * 5 + [1] * 5, 2.0)])
def test_inception_score_counts_certain_classes(labels: list[int], score: float):
    logits = 1e4 * torch.eye(10)[labels]
    assert InceptionScore(1).scores(logits).item() == pytest.approx(score)


@pytest.mark.parametrize("neighbours", [1, 3, 5])
def test_neighbourhoods_by_hand(neighbours: int):
    x, y = features(0, 130, 4).numpy(), features(1, 90, 4).numpy() + 1
    reach_x = np.sort(cdist(x, x), 1)[:, neighbours]
    reach_y = np.sort(cdist(y, y), 1)[:, neighbours]
    between = cdist(x, y)
    found = PrecisionRecall(neighbours)(torch.from_numpy(x), torch.from_numpy(y))
    assert found["precision"] == pytest.approx((between <= reach_x[:, None]).any(0).mean())
    assert found["recall"] == pytest.approx((between <= reach_y).any(1).mean())
    found = DensityCoverage(neighbours)(torch.from_numpy(x), torch.from_numpy(y))
    assert found["density"] == pytest.approx((between < reach_x[:, None]).sum(0).mean() / neighbours)
    assert found["coverage"] == pytest.approx((between.min(1) < reach_x).mean())


def test_precision_and_recall_tell_bad_from_alike():
    rng = generator(0)
    x, far = torch.randn(500, 2, generator=rng), torch.randn(500, 2, generator=rng) + 50
    assert PrecisionRecall()(x, far) == {"precision": 0.0, "recall": 0.0}
    alike = PrecisionRecall()(x, x[:1] + 1e-3 * torch.randn(500, 2, generator=rng))
    assert alike["precision"] == 1.0
    assert alike["recall"] < 0.02


def test_sliced_wasserstein_in_one_dimension_is_exact():
    rng = generator(0)
    x, y = torch.randn(50, 1, generator=rng).double(), 2 * torch.randn(80, 1, generator=rng).double() + 1
    truth = wasserstein_distance(x[:, 0], y[:, 0])
    assert sliced_wasserstein(x, y, generator(0), projections=4, power=1) == pytest.approx(truth, rel=1e-9)


def test_sliced_wasserstein_of_a_shift():
    """``E (θ·s)² = |s|² / d`` for a shift by s."""
    x = torch.randn(100, 3, generator=generator(0))
    shift = torch.tensor([3.0, 0.0, 4.0])
    found = sliced_wasserstein(x, x + shift, generator(1), projections=4000)
    assert found == pytest.approx(5 / 3**0.5, rel=0.03)


def similarity_by_hand(x: np.ndarray, y: np.ndarray, window: int, count: int) -> float:
    line = np.exp(-((np.arange(window) - (window - 1) / 2) ** 2) / (2 * 1.5**2))
    kernel = np.outer(line, line) / line.sum() ** 2
    weights = np.array(WEIGHTS[:count]) / sum(WEIGHTS[:count])
    product = 1.0
    for level, weight in enumerate(weights):
        parts = {"whole": [], "structure": []}
        for a, b in zip(x, y):

            def blur(z):
                return convolve2d(z, kernel, mode="valid")

            ma, mb = blur(a), blur(b)
            structure = 2 * (blur(a * b) - ma * mb) + 0.06**2
            structure /= blur(a * a) - ma**2 + blur(b * b) - mb**2 + 0.06**2
            parts["structure"].append(structure.mean())
            brightness = (2 * ma * mb + 0.02**2) / (ma**2 + mb**2 + 0.02**2)
            parts["whole"].append((structure * brightness).mean())
        product *= max(np.mean(parts["whole" if level == count - 1 else "structure"]), 0) ** weight
        x, y = (z[:, : z.shape[1] // 2 * 2, : z.shape[2] // 2 * 2] for z in (x, y))
        x, y = (z.reshape(len(z), z.shape[1] // 2, 2, z.shape[2] // 2, 2).mean((2, 4)) for z in (x, y))
    return product


@pytest.mark.parametrize(("side", "window", "count"), [(8, 7, 1), (32, 11, 2), (45, 11, 3), (88, 11, 4)])
def test_structural_similarity_by_hand(side: int, window: int, count: int):
    assert scales(side) == (window, count)
    x = torch.rand(2, 2, side, side, generator=generator(0)).double() * 2 - 1
    y = (x + 0.3 * torch.randn(x.shape, generator=generator(1))).clamp(-1, 1)
    truth = [similarity_by_hand(a.numpy(), b.numpy(), window, count) for a, b in zip(x, y)]
    assert similarity(x, y).numpy() == pytest.approx(np.array(truth), rel=1e-9)
    assert similarity(x, x).numpy() == pytest.approx(1.0)


def test_alike_images_are_similar_and_different_ones_are_not():
    rng = generator(0)
    real = Sample(torch.rand(40, 1, 16, 16, generator=rng) * 2 - 1)
    alike = Sample(real.values[:1].expand(40, -1, -1, -1))
    found = MSSSIM(100)(real, alike)
    assert found["ms_ssim"] == pytest.approx(1.0)
    assert found["ms_ssim_real"] < 0.2


def test_fid_infinity_removes_the_bias():
    """Equal distributions: FID of few fakes is far above 0, its extrapolation is not, and says how sure it is.

    In units of that FID, over ten seeds: the mean of twenty is .03 ± .08, their intervals are 2.9 ± .4 wide on average
    (single ones up to 7.4 and more), and all twenty hold 0.
    """
    rng = generator(4)
    real, mixing = torch.randn(50_000, 8, generator=rng), torch.randn(8, 8, generator=rng)
    plain, found = [], []
    for _ in range(20):
        fake = torch.randn(400, 8, generator=rng)
        plain.append(FID()(real @ mixing, fake @ mixing)["fid"])
        found.append(FIDInfinity()(real @ mixing, fake @ mixing))
    assert abs(np.mean([f["fid_infinity"] for f in found])) < 0.4 * np.mean(plain)
    assert sum(f["fid_infinity_low"] <= 0 <= f["fid_infinity_high"] for f in found) >= 16
    assert np.mean([f["fid_infinity_high"] - f["fid_infinity_low"] for f in found]) < 4.5 * np.mean(plain)
