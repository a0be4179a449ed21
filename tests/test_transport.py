"""POT is imported with no array library that it would wake up."""

import os
import subprocess
import sys
from pathlib import Path

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


PROBE = """
import os, sys, torch
for use, folder, code in {uses!r}:
    child = os.fork()  # nothing but torch is imported so far
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
