"""Transport on a line against POT, which is imported late, and with no array library that it would wake up."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import ot
import pytest
import torch

from nashpath.core.math.transport import cost_on_lines, pot, wasserstein
from nashpath.metrics import sliced_wasserstein

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
