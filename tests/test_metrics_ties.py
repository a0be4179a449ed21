"""Precision, recall, density and coverage where distances tie: against integer arithmetic, in any units."""

import numpy as np
import pytest
import torch

from nashpath.core import generator
from nashpath.metrics import DensityCoverage, PrecisionRecall, Sample
from nashpath.metrics import balls as neighbourhoods
from nashpath.metrics.grid import grid_of


def exact(real: np.ndarray, fake: np.ndarray, k: int) -> dict[str, float]:
    """The definitions of Naeem et al. (package prdc) in whole numbers: no rounding anywhere but the last division.

    But that a ball of radius 0 holds what is at its centre, and is one of m equal ones, which count k together.
    """

    def squared(a, b):
        return np.array([((b - row) ** 2).sum(1) for row in a])

    real, fake = real.astype(object if real.dtype == object else np.int64), fake.astype(real.dtype)
    balls, others = (np.sort(squared(x, x), 1)[:, k] for x in (real, fake))
    between, alike = squared(real, fake), (squared(real, real) == 0).sum(1)
    point = balls == 0
    inside = (between < balls[:, None]) | ((between == 0) & point[:, None])
    return {
        "precision": (between <= balls[:, None]).any(0).mean(),
        "recall": (between <= others).any(1).mean(),
        "density": (inside.sum(1) * np.where(point, k / alike, 1.0)).sum() / len(fake) / k,
        "coverage": inside.any(1).mean(),
    }


def measured(real: torch.Tensor | Sample, fake: torch.Tensor | Sample, k: int) -> dict[str, float]:
    return {**PrecisionRecall(k)(real, fake), **DensityCoverage(k)(real, fake)}


def drawn(seed: int, count: int, width: int, levels: int) -> np.ndarray:
    return torch.randint(levels, (count, width), generator=generator(seed)).numpy()


def duplicated(seed: int, count: int, width: int, levels: int) -> np.ndarray:
    rows = drawn(seed, count // 4, width, levels)
    return rows[drawn(seed + 1, count, 1, len(rows))[:, 0]]


LATTICES = {
    "binary": (drawn(0, 400, 12, 2), drawn(1, 400, 12, 2)),
    "ternary": (drawn(0, 150, 6, 3), drawn(1, 100, 6, 3)),
    "a line of integers": (drawn(0, 200, 1, 40), drawn(1, 150, 1, 50)),
    "bytes": (drawn(0, 120, 64, 256), drawn(1, 90, 64, 256)),
    "few distinct bytes": (3 * drawn(0, 120, 30, 3) ** 2, 5 * drawn(1, 90, 30, 3) ** 2),
    "one-hot": (
        np.eye(9, dtype=np.int64)[drawn(0, 150, 1, 9)[:, 0]],
        np.eye(9, dtype=np.int64)[drawn(1, 99, 1, 7)[:, 0]],
    ),
    "duplicated rows": (duplicated(0, 200, 5, 9), duplicated(9, 120, 5, 9)),
    "a collapsed generator": (drawn(0, 200, 6, 5), np.repeat(drawn(1, 1, 6, 5), 80, 0)),
    "collapsed onto copies": (duplicated(0, 120, 40, 256), np.repeat(duplicated(0, 120, 40, 256)[:1], 60, 0)),
    "copies of the data": (drawn(0, 130, 20, 256), drawn(0, 130, 20, 256)),
}
UNITS = {
    "as they are": lambda x: x,
    "tenths": lambda x: 0.1 * x,
    "to [-1, 1]": lambda x: x / 127.5 - 1,
    "shifted": lambda x: x / 3 + 7,
    "far away": lambda x: 0.37 * x - 1000,
    "tiny": lambda x: 1.7e-12 * x,
    "large": lambda x: 3.3e11 * x,
    "turned round": lambda x: 1 - 0.7 * x,
}


def test_the_example_that_rounding_decided():
    """12 binary columns, 400 against 400: .843 by a matrix product in floats, .398 exactly."""
    real, fake = LATTICES["binary"]
    found = measured(torch.from_numpy(real).float(), torch.from_numpy(fake).float(), 5)
    assert found == pytest.approx(exact(real, fake, 5), rel=1e-12)
    assert found["density"] < 0.5


@pytest.mark.long(first=True)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("case", LATTICES)
def test_lattices_are_measured_as_in_whole_numbers(case: str, unit: str, dtype: torch.dtype):
    real, fake = LATTICES[case]
    scaled = [UNITS[unit](torch.from_numpy(part).to(dtype)) for part in (real, fake)]
    for k in (1, 3, 5):
        assert measured(*scaled, k) == pytest.approx(exact(real, fake, k), rel=1e-12), k


@pytest.mark.parametrize("width", [768, 3072])
def test_images_of_bytes_are_measured_as_in_whole_numbers(width: int):
    """Squared distances of about 3e7 that differ by single units: float32 tells them apart only as a lattice."""
    real, fake = drawn(0, 150, width, 256), drawn(1, 120, width, 256)
    images = [torch.from_numpy(part).float() / 127.5 - 1 for part in (real, fake)]
    assert grid_of(*images).whole
    assert measured(*images, 5) == pytest.approx(exact(real, fake, 5), rel=1e-12)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("unit", UNITS)
def test_duplicated_rows_tie_where_there_is_no_lattice(unit: str, dtype: torch.dtype):
    """Distances of copies tie with those of their originals; the rest is apart by far more than rounding."""
    rng = generator(4)
    originals = torch.randint(-(2**40), 2**40, (60, 3), generator=rng)
    real = originals[torch.randint(40, (150,), generator=rng)]
    fake = originals[20 + torch.randint(40, (90,), generator=rng)]
    scaled = [UNITS[unit](part.double() / 2**38).to(dtype) for part in (real, fake)]
    if (unit, dtype) != ("far away", torch.float32):  # there the numbers of float32 themselves are a lattice
        assert not grid_of(*scaled).whole
    whole = [np.array(part.tolist(), dtype=object) for part in (real, fake)]
    for k in (1, 3, 5):
        assert measured(*scaled, k) == pytest.approx(exact(*whole, k), rel=1e-12), k


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_columns_in_units_of_their_own_tie(dtype: torch.dtype):
    """Standardised binary columns: equal sets of differing columns are equally far, whatever the rounding."""
    real, fake = drawn(0, 200, 8, 2), drawn(1, 150, 8, 2)
    weight = 1 + np.arange(8) ** 2  # squared units, in whole numbers
    scale, shift = torch.from_numpy(weight).double().sqrt(), torch.randn(8, generator=generator(3)).double()
    scaled = [((torch.from_numpy(part).double() + shift) * scale).to(dtype) for part in (real, fake)]
    assert not grid_of(*scaled).whole

    def repeated(part):  # a column of weight w is w equal columns
        return np.repeat(part, weight, 1)

    assert measured(*scaled, 3) == pytest.approx(exact(repeated(real), repeated(fake), 3), rel=1e-12)


def test_clusters_that_are_tight_and_far_apart_are_resolved():
    """By the product alone, distances of 1e-9 would drown in squared lengths of 1."""
    rng = generator(0)
    places = torch.tensor([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]).double()
    real = torch.cat([place + 1e-9 * torch.randn(60, 3, generator=rng).double() for place in places])
    fake = torch.cat([place + 1e-9 * torch.randn(50, 3, generator=rng).double() for place in places])
    alone = [
        measured(real[i * 60 : (i + 1) * 60] - places[i], fake[i * 50 : (i + 1) * 50] - places[i], 3) for i in (0, 1)
    ]
    together = measured(real, fake, 3)
    for name, value in together.items():
        assert value == pytest.approx((alone[0][name] + alone[1][name]) / 2, abs=1e-9), name


def test_balls_of_reals_are_kept_and_serve_any_fakes(monkeypatch: pytest.MonkeyPatch):
    """Kept in the reals' own units, they are turned into those of both samples."""
    real, fake = 4 * drawn(0, 100, 5, 3), 2 * drawn(1, 100, 5, 3)
    kept = Sample(torch.from_numpy(real) / 7)
    for part in (real, fake, fake + 1, np.full_like(fake, 4)):
        assert measured(kept, torch.from_numpy(part) / 7, 3) == pytest.approx(exact(real, part, 3), rel=1e-12)
    called: list[int] = []
    monkeypatch.setattr(neighbourhoods, "squared_radii", lambda *args: called.append(1))
    DensityCoverage(3)(kept, torch.from_numpy(fake) / 7)
    assert not called


def test_continuous_features_have_no_lattice():
    for seed, width in ((0, 2), (1, 64)):
        x = torch.randn(500, width, generator=generator(seed))
        for part in (x, x.double(), torch.randn(500, width, generator=generator(seed), dtype=torch.double), x + 10):
            assert not grid_of(part).whole


@pytest.mark.long(first=True)
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("kinds", [1, 2, 6, 40])
def test_copies_of_repeated_rows_are_perfect(kinds: int, unit: str):
    """Tables of categories: balls of radius 0, also where they are so to within rounding only."""
    originals = torch.randn(kinds, 4, generator=generator(1)).double()
    real = originals[torch.arange(kinds * 12) % kinds]
    blurred = UNITS[unit](real) * (1 + torch.randint(-1, 2, real.shape, generator=generator(2)) * 2.0**-53)
    categories = UNITS[unit](torch.eye(kinds + 1).double()[torch.arange(kinds * 12) % kinds])
    for x in (UNITS[unit](real), blurred, categories):
        found = measured(x, x[torch.randperm(len(x), generator=generator(3))], 5)
        assert found == pytest.approx({"precision": 1, "recall": 1, "density": 1, "coverage": 1}, rel=1e-12)


def test_half_of_the_repeated_rows_are_covered_by_fakes_of_these_kinds():
    """Rows of two kinds, fakes of one: every second real is covered, and the fakes lie where half of the reals do."""
    kinds = torch.eye(3).double()
    found = measured(kinds[torch.arange(40) % 2], kinds[torch.zeros(40, dtype=torch.long)], 5)
    assert found == {"precision": 1.0, "recall": 0.5, "density": 1.0, "coverage": 0.5}
    assert measured(kinds[torch.arange(40) % 2], kinds[torch.full((40,), 2)], 5)["coverage"] == 0
