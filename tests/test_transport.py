"""Transport on a line against POT, which is imported late, and with no array library that it would wake up."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import ot
import pytest
import scipy.optimize
import torch

from nashpath.core.math.transport import cost_on_lines, pot, wasserstein, wasserstein_of_masses
from nashpath.metrics import exact_wasserstein, sliced_wasserstein

FAKE = """
import pathlib, sys
pathlib.Path({woken!r}).joinpath(__name__.split(".")[0]).write_text("imported")
raise ImportError("a stand-in")
"""
USES = {
    "exact": "from nashpath.core.math.transport import wasserstein; wasserstein(torch.rand(4, 2), torch.rand(4, 2))",
    "the ideal game's": "from nashpath.core.math.transport import wasserstein_of_masses; "
    "wasserstein_of_masses(torch.ones(2) / 2, torch.ones(2) / 2, torch.rand(2, 2))",
    "POT alone": "import ot",
}


PROBE = """
import os, sys
import scipy.optimize, scipy.spatial, scipy.stats, torch  # most of what POT imports, once for all
for use, folder, code in {uses!r}:
    child = os.fork()  # POT and the package are not imported so far
    if child == 0:
        sys.path.insert(0, folder)
        exec(code)
        assert "ot" in sys.modules
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, use
"""


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "fork"), reason="each use is the first of its process")
def test_pot_wakes_no_other_array_library(tmp_path):
    uses = []
    for place, (use, code) in enumerate(USES.items()):
        woken = tmp_path / str(place) / "woken"
        woken.mkdir(parents=True)
        for name in ("jax", "cupy", "tensorflow"):
            (woken.parent / f"{name}.py").write_text(FAKE.format(woken=str(woken)))
        uses.append((use, str(woken.parent), code))
    clean = {k: v for k, v in os.environ.items() if not k.startswith("POT_BACKEND")}  # what this process may have set
    subprocess.run([sys.executable, "-c", PROBE.format(uses=uses)], check=True, env=clean)
    for use, folder, _ in uses:
        found = {file.name for file in (Path(folder) / "woken").iterdir()}
        assert found == ({"jax", "cupy", "tensorflow"} if use == "POT alone" else set()), use


def test_pot_is_imported_in_silence(tmp_path, monkeypatch):
    """Where its modules are compiled now, Python warns of the escapes in their docstrings."""
    (tmp_path / "ot.py").write_text('"""The power \\delta."""\n')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "ot")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pot().__doc__ == "The power \\delta."


SIZES = [(1, 1), (1, 7), (6, 9), (9, 6), (100, 37), (64, 128), (50, 50)]


@pytest.mark.parametrize("power", [1, 2, 3])
@pytest.mark.parametrize("ties", [False, True], ids=["all apart", "ties"])
@pytest.mark.parametrize(("n", "m"), SIZES)
def test_transport_on_a_line_is_that_of_pot(n, m, ties, power):
    rng = torch.Generator().manual_seed(n + m)
    x, y = (torch.randn(5, k, generator=rng, dtype=torch.double) for k in (n, m))
    x, y = (v.mul(2).round() if ties else v for v in (x, y))
    expected = ot.wasserstein_1d(x.mT, y.mT, p=power)
    torch.testing.assert_close(cost_on_lines(x, y, power), expected, rtol=1e-10, atol=1e-12)
    assert wasserstein(x[0][:, None], y[0][:, None], power) == pytest.approx(float(expected[0]) ** (1 / power))


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize(("n", "m"), [(60, 60), (30, 70)])
def test_the_sliced_distance_is_that_of_pot(n, m, power):
    x, y = (torch.randn(k, 4, generator=torch.Generator().manual_seed(k), dtype=torch.double) for k in (n, m))
    directions = torch.randn(4, 16, generator=torch.Generator().manual_seed(9), dtype=torch.double)
    expected = ot.sliced_wasserstein_distance(x, y + 1, projections=directions / directions.norm(dim=0), p=power)
    found = sliced_wasserstein(x, y + 1, torch.Generator().manual_seed(9), projections=16, power=power)
    assert found == pytest.approx(float(expected), rel=1e-10)


SCALES = [1e-30, 1e-18, 1e-12, 1e-8, 1e-6, 1.0, 1e12, 1e30]


def assigned(x, y, power, scale):
    """``W_p / scale`` of two samples of one size, by the assignment problem, from differences in units of the scale."""
    apart = np.linalg.norm((x.numpy()[:, None] - y.numpy()[None]) / scale, axis=2)
    costs = (apart / apart.max()) ** power
    return costs[scipy.optimize.linear_sum_assignment(costs)].mean() ** (1 / power) * apart.max()


@pytest.mark.parametrize("dimension", [1, 2, 5])
@pytest.mark.parametrize("offset", [0.0, 1.0, -1e5])
@pytest.mark.parametrize("power", [1, 2, 3, 4, 8])
def test_the_distance_has_the_units_of_the_samples(power, offset, dimension):
    """``W(s x, s y) = s W(x, y)`` at each power; beside an offset as far as the points are apart in float64."""
    rng = torch.Generator().manual_seed(power)
    x, y = (torch.randn(25, dimension, generator=rng, dtype=torch.double) for _ in range(2))
    for scale in SCALES if offset == 0 else [1e-8, 1e-6, 1.0, 1e12]:
        moved, there = x * scale + offset, (y + 0.5) * scale + offset
        expected = assigned(moved, there, power, scale)
        for way in (wasserstein, exact_wasserstein):
            assert way(moved, there, power) / scale == pytest.approx(expected, rel=1e-9), (way.__name__, scale)


@pytest.mark.parametrize("power", [1, 2, 3, 4, 8])
def test_the_sliced_distance_has_the_units_of_the_samples(power):
    x, y = (torch.randn(k, 3, generator=torch.Generator().manual_seed(k), dtype=torch.double) for k in (30, 17))

    def found(scale):
        return sliced_wasserstein(x * scale, y * scale, torch.Generator().manual_seed(9), 16, power) / scale

    assert [found(scale) for scale in SCALES] == pytest.approx([found(1.0)] * len(SCALES), rel=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_the_distance_of_masses_and_its_slope_have_the_units_of_the_points(offset, dtype):
    rng = torch.Generator().manual_seed(3)
    points = torch.randint(-50, 50, (12, 2), generator=rng)
    p, q = (torch.rand(12, generator=rng, dtype=dtype) for _ in range(2))
    p, q = p / p.sum(), q / q.sum()

    def found(scale):
        masses = p.clone().requires_grad_()
        cost = wasserstein_of_masses(masses, q, points.to(dtype) * scale + offset) / scale
        slope = torch.autograd.grad(cost, masses)[0]
        return torch.cat([cost.detach()[None], slope - slope.mean()])

    expected = found(1.0)
    for exponent in (-100, -60, -30, -20, 20, 60, 100) if offset == 0 else (-16, -10, 10):  # exact beside the offset
        torch.testing.assert_close(found(2.0**exponent), expected)


def test_equal_samples_are_no_distance_apart():
    for x in (torch.zeros(4, 1), torch.zeros(4, 3), torch.full((4, 2), 1e-30)):
        assert wasserstein(x, x) == wasserstein(x, x, 8) == 0
