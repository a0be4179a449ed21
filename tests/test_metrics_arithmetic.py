"""The metrics' arithmetic against SciPy's matrix square root, loops over pairs, and closed forms."""

import numpy as np
import pytest
import pytorch_msssim
import torch
from scipy.linalg import sqrtm
from scipy.signal import convolve2d
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance
from torch.nn.functional import interpolate

from nashpath.core import generator
from nashpath.metrics import (
    FID,
    KID,
    MSSSIM,
    DensityCoverage,
    FIDInfinity,
    InceptionScore,
    MetricError,
    PrecisionRecall,
    Sample,
    evaluate_samples,
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


def test_kids_error_is_too_large_where_the_distributions_agree():
    """Measured in 2 to 256 dimensions, 150 pairs of 200 each: 1.34 to 1.47 times the spread; at a shift of .3, 1.0."""
    rng = generator(6)
    runs = [KID()(torch.randn(200, 6, generator=rng), torch.randn(200, 6, generator=rng)) for _ in range(80)]
    ratio = np.mean([run["kid_error"] for run in runs]) / np.std([run["kid"] for run in runs], ddof=1)
    assert 1.15 < ratio < 1.85  # the spread of 80 runs is known to 8 %


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
    """Of one channel ``[h, w]`` of intensities from 0 to 2."""
    line = np.exp(-((np.arange(window) - (window - 1) / 2) ** 2) / (2 * 1.5**2))
    kernel = np.outer(line, line) / line.sum() ** 2
    weights = np.array(WEIGHTS[:count]) / sum(WEIGHTS[:count])
    product = 1.0

    def blur(z):
        return convolve2d(z, kernel, mode="valid")

    for level, weight in enumerate(weights):
        mx, my = blur(x), blur(y)
        structure = 2 * (blur(x * y) - mx * my) + 0.06**2
        structure /= blur(x * x) - mx**2 + blur(y * y) - my**2 + 0.06**2
        brightness = (2 * mx * my + 0.02**2) / (mx**2 + my**2 + 0.02**2)
        product *= max((structure * brightness if level == count - 1 else structure).mean(), 0) ** weight
        x, y = (z[: len(z) // 2 * 2, : z.shape[1] // 2 * 2] for z in (x, y))
        x, y = (z.reshape(len(z) // 2, 2, -1, 2).mean((1, 3)) for z in (x, y))
    return product


@pytest.mark.parametrize(("side", "window", "count"), [(8, 7, 1), (32, 11, 2), (45, 11, 3), (88, 11, 4)])
def test_structural_similarity_by_hand(side: int, window: int, count: int):
    assert scales(side) == (window, count)
    x = torch.rand(2, 2, side, side, generator=generator(0)).double() * 2 - 1
    y = (x + 0.3 * torch.randn(x.shape, generator=generator(1))).clamp(-1, 1)
    channels = [
        [similarity_by_hand(a, b, window, count) for a, b in zip(*(i.numpy() + 1 for i in p))] for p in zip(x, y)
    ]
    truth = [np.mean(each) for each in channels]
    assert similarity(x, y).numpy() == pytest.approx(np.array(truth), rel=1e-9)
    assert similarity(x, x).numpy() == pytest.approx(1.0)


def texture(seed: int, side: int, channels: int = 3) -> torch.Tensor:
    """Two pairs of smooth images [2, channels, side, side] in [-1, 1], unlike in brightness as well as in structure."""
    rng = generator(seed)
    coarse = torch.rand(2, channels, side // 8 + 1, side // 8 + 1, generator=rng, dtype=torch.double)
    smooth = interpolate(coarse, (side, side), mode="bilinear", align_corners=True)
    return (2 * smooth - 1) * torch.rand(2, channels, 1, 1, generator=rng) + 0.0


def window_of(size: int, channels: int = 3) -> torch.Tensor:
    """The package makes its window in float32 unless one is given."""
    line = torch.exp(-((torch.arange(size).double() - size // 2) ** 2) / (2 * 1.5**2))
    return (line / line.sum()).repeat(channels, 1, 1, 1)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("side", [176, 192, 256])
def test_multi_scale_similarity_is_pytorch_msssims(side: int, seed: int):
    x, y = texture(seed, side), texture(seed + 10, side)
    y = (y * torch.tensor([0.1, 1.0]).view(2, 1, 1, 1) + 0.5 * x).clamp(-1, 1)
    theirs = {"data_range": 2.0, "size_average": False, "win": window_of(11)}
    expected = pytorch_msssim.ms_ssim(x + 1, y + 1, **theirs)
    assert expected.min() > 0.01
    assert similarity(x, y).numpy() == pytest.approx(expected.numpy(), rel=1e-6)


@pytest.mark.parametrize(("side", "window"), [(8, 7), (16, 11), (21, 11)])
def test_similarity_of_one_scale_is_pytorch_msssims(side: int, window: int):
    """Theirs takes the mean over channels before negative ones are dropped; these images have none."""
    x = texture(0, side)
    y = (0.8 * x + 0.2 * texture(1, side)).clamp(-1, 1)
    theirs = {"data_range": 2.0, "size_average": False, "win": window_of(window)}
    expected = pytorch_msssim.ssim(x + 1, y + 1, **theirs)
    assert similarity(x, y).numpy() == pytest.approx(expected.numpy(), rel=1e-9)


def test_two_flat_images_differ_by_their_brightness():
    """By hand: structure is 1, brightness (2ab + c) / (a² + b² + c) of the intensities, at the last scale."""
    a, b = 1.99, 1.2
    x, y = (torch.full((1, 3, 32, 32), v - 1).double() for v in (a, b))
    weight = WEIGHTS[1] / (WEIGHTS[0] + WEIGHTS[1])
    expected = ((2 * a * b + 0.0004) / (a * a + b * b + 0.0004)) ** weight
    assert similarity(x, y).item() == pytest.approx(expected, rel=1e-9)


def test_images_that_are_not_in_the_range_are_refused():
    real = torch.rand(5, 1, 16, 16, generator=generator(0)) * 2 - 1
    with pytest.raises(MetricError, match=r"fake has intensities from .* to 25\d.*in \[-1, 1\]"):
        MSSSIM(10)(real, 127.5 * (real + 1))
    found = MSSSIM(10)(real, real * (1 + 1e-4))
    assert found["ms_ssim"] == pytest.approx(found["ms_ssim_real"], abs=0.05)


@pytest.mark.filterwarnings("ignore:real samples reach")
@pytest.mark.parametrize("side", [8, 32])
def test_images_of_another_unit_are_refused_unless_the_range_may_be_theirs(side):
    """By the rule of features of such images: one set below 0 is enough, and nothing is told from one value."""
    real = torch.rand(20, 1, side, side, generator=generator(0)) * 2 - 1
    bright, flat = (real + 1) / 2, torch.zeros_like(real)
    for pair in ((bright, bright), (bright, flat), (flat, bright), (-bright, -bright)):
        for measure in (MSSSIM(10), lambda *pair: evaluate_samples(*pair, ["ms_ssim"])):
            with pytest.raises(
                MetricError, match=r"similarity is of images from -1 to 1: give x / 127.5 - 1 of bytes, 2 x"
            ):
                measure(*pair)
    for pair in ((real, bright), (bright, real), (real, flat), (flat, flat), (real, real)):
        assert MSSSIM(10)(*pair)["ms_ssim"] <= 1 + 1e-9


def test_alike_images_are_similar_and_different_ones_are_not():
    rng = generator(0)
    real = Sample(torch.rand(40, 1, 16, 16, generator=rng) * 2 - 1)
    alike = Sample(real.values[:1].expand(40, -1, -1, -1))
    found = MSSSIM(100)(real, alike)
    assert found["ms_ssim"] == pytest.approx(1.0)
    assert found["ms_ssim_real"] < 0.2


@pytest.mark.long
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
