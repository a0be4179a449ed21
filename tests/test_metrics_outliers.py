"""One sample far out among others, over the table of metrics: the number that it has, or a refusal that names it.

A number is held against the one with the outlier at 1000, in the same direction.
"""

import math

import pytest
import torch

from nashpath.metrics import METRICS, MetricError, evaluate_samples, from_samples, modes
from nashpath.metrics.divergences import OF_SAMPLES
from test_metrics_sizes import FAKE, LABELS, REAL

pytestmark = pytest.mark.filterwarnings("ignore:real samples reach")  # which an outlier moves

KNOWN = {"centres": REAL[:5].flatten(1), "deviation": 1.0, "labels": LABELS, "classes": 10, "columns": None}
KNOWN |= {"digits": REAL, "digit_labels": LABELS, "asked": torch.arange(len(FAKE)) % 10}
NEAR = 1e3
FAR = [(1e30, torch.float), (3e38, torch.float), (1e100, torch.double), (1e200, torch.double), (1e308, torch.double)]
NAMES = [*METRICS, *(name for name in OF_SAMPLES if name not in METRICS)]


def pair(who: str, size: float) -> tuple[torch.Tensor, torch.Tensor]:
    real, fake = REAL.clone(), FAKE.clone()
    if who != "real":
        fake[3] = size * torch.where(fake[3] > 0, 1.0, -1.0).double()
    if who != "fake":
        real[4] = size
    return real, fake


def outputs(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return x.flatten(1), x.flatten(1)[:, :10]


def measure(name: str, who: str, size: float, dtype: torch.dtype = torch.double) -> dict[str, float]:
    real, fake = (part.to(dtype) for part in pair(who, size))
    if name in OF_SAMPLES:
        return from_samples(real, fake, [name])
    known = {k: v.to(dtype) if torch.is_tensor(v) and v.is_floating_point() else v for k, v in KNOWN.items()}
    features = outputs if name == "inception_score" else "pixels"
    return {m.name: m.value for m in evaluate_samples(real, fake, [name], features, known=known)}


def attempt(name: str, who: str, size: float, dtype: torch.dtype) -> dict[str, float] | None:
    try:
        return measure(name, who, size, dtype)
    except MetricError as error:
        said = str(error)
        assert any(cure in said for cure in ("leave them out", "divide real and fake", "scale or clamp")), said
        return None


@pytest.mark.parametrize(("size", "dtype"), FAR)
@pytest.mark.parametrize("who", ["fake", "real", "both"])
@pytest.mark.parametrize("name", NAMES)
def test_an_outlier_is_measured_or_refused(name, who, size, dtype):
    found = attempt(name, who, size, dtype)
    if found is None:
        return
    assert found
    assert all(math.isfinite(value) for value in found.values()), found
    if name in PROMISED:
        near = measure(name, who, NEAR)
        for key, (power, slack) in PROMISED[name].items():
            scale = (size / NEAR) ** power if math.isfinite(near[key]) else 1.0
            assert found[key] == pytest.approx(near[key] * scale, rel=slack if power else 1e-6, abs=slack), key


SHARE = 2 / 70 + 1e-9
"""What the outlier itself may change of a share: it, and the one whose neighbour it is."""
PROMISED = {
    "fid": {"fid": (2, 0.02)},
    "wasserstein": {"wasserstein1": (1, 0.2)},
    "sliced_wasserstein": {"sliced_wasserstein": (1, 0.02)},
    "modes": {"modes": (0, 0.0), "high_quality": (0, 0.0), "mode_kl": (0, 0.0)},
    "classes": {"classes": (0, 0.0), "class_kl": (0, 0.03)},
    "stacked_modes": {"stacked_modes": (0, 0.0), "stacked_kl": (0, 0.03)},
    "memorisation": {"copies": (0, 0.0)},
    "knn_kl": {"knn_kl": (0, 0.001), "knn_reverse_kl": (0, 0.001)},
    "density_coverage": {"coverage": (0, SHARE)},
}
"""Of each number the power of the outlier's size that it follows, and how far it may be off: relatively where it
follows one (the others add their own share at 1000), else absolutely."""


@pytest.mark.parametrize(("size", "dtype"), [(1e30, torch.float), (1e100, torch.double)])
def test_neighbours_are_those_of_the_others_whoever_lies_far_out(size, dtype):
    """They were all at distance 0 beside one outlier, and each the copy of each."""
    assert set(PROMISED) <= set(NAMES)
    for name, numbers in PROMISED.items():
        for who in ("fake", "real"):
            assert attempt(name, who, size, dtype) is not None, (name, numbers)
    near, far = (measure("density_coverage", "fake", s, d) for s, d in ((NEAR, torch.double), (size, dtype)))
    assert far == pytest.approx(near)
    near, far = (measure("precision_recall", "fake", s, d) for s, d in ((NEAR, torch.double), (size, dtype)))
    assert far["precision"] == near["precision"]
    near, far = (measure("precision_recall", "real", s, d) for s, d in ((NEAR, torch.double), (size, dtype)))
    assert far["recall"] == near["recall"]
    near, far = (measure("memorisation", "fake", s, d) for s, d in ((NEAR, torch.double), (size, dtype)))
    assert far["nearest_real"] == pytest.approx(near["nearest_real"], rel=1e-6)
    assert far["nearest"] == pytest.approx(4 * size / len(FAKE), rel=1e-6)
    near, far = (measure("memorisation", "real", s, d) for s, d in ((NEAR, torch.double), (size, dtype)))
    assert far["nearest"] == pytest.approx(near["nearest"], rel=1e-6)


def test_a_kernel_that_an_outlier_blinds_is_refused_by_the_row():
    with pytest.raises(MetricError, match=r"1 of 160 rows of samples are more than 1e\+05 bandwidths from the middle"):
        measure("mmd", "fake", 1e30, torch.float)
    assert measure("mmd", "fake", 1e5)["mmd"] == pytest.approx(measure("mmd", "fake", 1e4)["mmd"], abs=1e-6)


def test_samples_that_have_all_gone_far_are_in_no_mode():
    centres = KNOWN["centres"]
    for size in (1e6, 1e100, 1e308):
        found = modes(torch.full((20, 16), size, dtype=torch.double), centres, 1.0)
        assert found == {"modes": 0.0, "high_quality": 0.0, "mode_kl": pytest.approx(math.log(5))}
    mixed = torch.cat([centres + 5.0, torch.full((1, 16), 1e308, dtype=torch.double)])
    assert modes(mixed, centres, 1.0)["high_quality"] == modes(mixed[:-1], centres, 1.0)["high_quality"] == 0.0
