"""POT is imported with no array library that it would wake up."""

import os
import subprocess
import sys

import pytest

FAKE = """
import pathlib, sys
pathlib.Path({woken!r}).joinpath(__name__.split(".")[0]).write_text("imported")
raise ImportError("a stand-in")
"""
USES = {
    "exact": "from nashpath.core.math.transport import wasserstein; wasserstein(torch.rand(4, 2), torch.rand(4, 2))",
    "the ideal game's": "from nashpath.core.math.transport import wasserstein_of_masses; "
    "wasserstein_of_masses(torch.ones(2) / 2, torch.ones(2) / 2, torch.rand(2, 2))",
    "sliced": "from nashpath.metrics import sliced_wasserstein; "
    "sliced_wasserstein(torch.rand(4, 2), torch.rand(4, 2), torch.Generator())",
    "POT alone": "import ot",
}


@pytest.mark.parametrize("use", USES)
def test_pot_wakes_no_other_array_library(tmp_path, use):
    woken = tmp_path / "woken"
    woken.mkdir()
    for name in ("jax", "cupy", "tensorflow"):
        (tmp_path / f"{name}.py").write_text(FAKE.format(woken=str(woken)))
    code = f"import sys, torch; sys.path.insert(0, {str(tmp_path)!r}); {USES[use]}; assert 'ot' in sys.modules"
    clean = {k: v for k, v in os.environ.items() if not k.startswith("POT_BACKEND")}  # what this process may have set
    subprocess.run([sys.executable, "-c", code], check=True, env=clean)
    found = {file.name for file in woken.iterdir()}
    assert found == ({"jax", "cupy", "tensorflow"} if use == "POT alone" else set())
