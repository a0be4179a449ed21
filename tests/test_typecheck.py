"""The annotations of the package are true: a part of the suite (`typecheck.py`) runs again with each one checked."""

import os
import subprocess
import sys
from pathlib import Path

import jaxtyping
import pytest

from nashpath.core import derive

CHECKED = os.environ.get("NASHPATH_TYPECHECK") == "1"


@pytest.mark.skipif(CHECKED, reason="this is that run")
def test_annotations_are_true_at_every_call():
    command = [sys.executable, str(Path(__file__).with_name("typecheck.py")), "-p", "no:xdist", "-rA"]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr[-2000:]
    assert "PASSED test_typecheck.py::test_a_wrong_argument_is_found" in found.stdout


@pytest.mark.skipif(not CHECKED, reason="run by the test above")
def test_a_wrong_argument_is_found():
    with pytest.raises(jaxtyping.TypeCheckError):
        derive("one", "weights")
