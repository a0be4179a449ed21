"""Samples of any finite size: the number that they have, or a `MetricError` that says what to do."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from nashpath.core import generator
from nashpath.metrics import FID, KID, METRICS, MetricError, evaluate_samples, from_samples
from nashpath.metrics.divergences import OF_SAMPLES
from nashpath.metrics.evaluate import compare_samples

RNG = generator(0)
REAL = torch.randn(90, 1, 4, 4, generator=RNG, dtype=torch.double)
FAKE = 1.3 * torch.randn(70, 1, 4, 4, generator=RNG, dtype=torch.double) + 0.4
LABELS = torch.arange(90) % 10
UNITS = {
    "rarity_share": 0,
    "rarity": 1,
    "fid": 2,
    "fid_infinity": 2,
    "sliced_wasserstein": 1,
    "wasserstein": 1,
    "nearest": 1,
    "mmd_bandwidth": 1,
    "intra_fid": 2,
    "closest": 1,
}
"""The power of the samples' units in which a number is; the others have none."""

ABSOLUTE = ("kid", "ms_ssim", "inception_score")
"""Metrics that have a scale of their own: other samples are another number."""

SIZES = [2.0**e for e in (-1070, -1000, -500, -330, -100, -64, 64, 100, 330, 500, 900, 1015)]


def power(name: str) -> int:
    return next((p for start, p in UNITS.items() if name.startswith(start)), 0)


def measure(metric: str, size: float, dtype: torch.dtype = torch.double) -> dict[str, float]:
    known = {"centres": size * REAL[:5].flatten(1), "deviation": size, "labels": LABELS, "classes": 10, "columns": None}
    known |= {"digits": size * REAL, "digit_labels": LABELS, "asked": torch.arange(len(FAKE)) % 10}
    real, fake = ((size * part).to(dtype) for part in (REAL, FAKE))
    known = {k: v.to(dtype) if torch.is_tensor(v) and v.is_floating_point() else v for k, v in known.items()}
    return {m.name: m.value for m in compare_samples(real, fake, [metric], known=known)}


def attempt(metric: str, size: float) -> tuple[dict[str, float], str]:
    """The numbers, or none and the reason."""
    try:
        return measure(metric, size), ""
    except MetricError as raised:
        return {}, str(raised)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("metric", [name for name in METRICS if name not in ABSOLUTE])
def test_a_number_follows_its_units_or_is_refused(metric: str, size: float):
    """Powers of two change no digit; 2^-1070 leaves samples three bits, so there is no number to agree with."""
    plain = measure(metric, 1.0)
    found, error = attempt(metric, size)
    if error:
        assert "divide real and fake" in error or size == 2.0**-1070, error
        assert abs(math.log2(size)) * max([1, *(power(name) for name in plain)]) > 900, error
        return
    assert all(math.isfinite(value) for value in found.values())
    if size == 2.0**-1070:
        return
    for name, value in plain.items():
        assert found[name] == pytest.approx(value * size ** power(name), rel=1e-9), name


@pytest.mark.parametrize("size", [1e-44, 1e-30, 1e30, 1e37])
@pytest.mark.parametrize("metric", [name for name in METRICS if name not in ABSOLUTE])
def test_any_size_of_float32_is_measured(metric: str, size: float):
    found, plain = measure(metric, size, torch.float32), measure(metric, 1.0, torch.float32)
    assert all(math.isfinite(value) for value in found.values())
    if size > 1e-40:  # below, float32 has few digits left
        for name, value in plain.items():
            assert found[name] == pytest.approx(value * size ** power(name), rel=1e-4), name


@pytest.mark.parametrize("size", [*SIZES, 1e30, 1e100])
@pytest.mark.parametrize("metric", ["kid", "ms_ssim"])
def test_numbers_of_a_scale_of_their_own_are_finite_or_refused(metric: str, size: float):
    found, error = attempt(metric, size)
    if error:
        assert size > 1, error
        assert "divide real and fake samples by" in error or "scale or clamp" in error
        return
    assert all(math.isfinite(value) for value in found.values())
    if metric == "kid" and size < 1:
        assert abs(found["kid"]) < max(1e-14, 10 * size**2)


@pytest.mark.parametrize("size", [1e-20, 1e-9, 1e-6, 1e-3, 1.0, 1e3])
def test_the_error_of_kid_covers_rounding(size: float):
    """By exact fractions: from small features the kernel's values, all near 1, leave less than they are rounded by."""
    x, y = (size * rows.flatten(1)[:12, :2].double() for rows in (REAL, FAKE))
    a, b = ([[Fraction(v) for v in row] for row in rows.tolist()] for rows in (x, y))

    def kernel(p: list[Fraction], q: list[Fraction]) -> Fraction:
        value = sum((u * v for u, v in zip(p, q)), Fraction(0)) / 2 + 1
        return value * value * value

    within = sum(kernel(p, q) for rows in (a, b) for i, p in enumerate(rows) for j, q in enumerate(rows) if i != j)
    exact = within / (12 * 11) - 2 * sum(kernel(p, q) for p in a for q in b) / 144
    found = KID()(x, y)
    assert found["kid_error"] > 0
    assert abs(Fraction(found["kid"]) - exact) <= 4 * Fraction(found["kid_error"])


@pytest.mark.parametrize("divergence", OF_SAMPLES)
def test_divergences_of_samples_follow_their_units(divergence: str):
    plain, large = (from_samples(s * REAL, s * FAKE, [divergence]) for s in (1.0, 2.0**330))
    for name, value in plain.items():
        assert large[name] == pytest.approx(value * 2.0 ** (330 * power(name)), rel=1e-9), name


@pytest.mark.parametrize("size", [1e30, 1e100, 1e-100])
def test_real_and_fake_of_different_sizes(size: float):
    """By NumPy in extended precision where there is one, else in Python's: the Fréchet distance in one dimension."""
    real, fake = REAL.flatten()[:, None][:300], size * FAKE.flatten()[:, None][:200]
    a, b = real.numpy()[:, 0], fake.numpy()[:, 0]
    exact = (a.mean() - b.mean()) ** 2 + (a.std(ddof=1) - size * (b / size).std(ddof=1)) ** 2
    assert FID()(real, fake)["fid"] == pytest.approx(float(exact), rel=1e-9)


def test_fewer_samples_than_dimensions_is_said_with_the_numbers():
    few, many = REAL[:12], REAL
    for metric in ("fid", "fid_infinity"):
        fake = FAKE[:16]
        (found, *_) = evaluate_samples(few, fake, [metric])
        assert "only 12 real and 16 fake samples for a covariance in 16 dimensions" in str(found)
        (found, *_) = evaluate_samples(many, fake, [metric])
        assert "only 16 fake samples for a covariance in 16 dimensions" in str(found)
        (found, *_) = evaluate_samples(many, FAKE, [metric])
        assert "covariance" not in str(found)
    assert np.isfinite(found.value)
