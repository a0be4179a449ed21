"""The annotations of the package are true: a part of the suite (`typecheck.py`) runs again with each one checked."""

import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import jaxtyping
import pytest

import nashpath
from nashpath.core import derive

CHECKED = os.environ.get("NASHPATH_TYPECHECK") == "1"


@pytest.mark.long
@pytest.mark.skipif(CHECKED, reason="this is that run")
def test_annotations_are_true_at_every_call():
    command = [sys.executable, str(Path(__file__).with_name("typecheck.py")), "-p", "no:xdist", "-rA"]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr[-2000:]
    for name in ("a_wrong_argument_is_found", "every_annotation_can_be_checked"):
        assert f"PASSED test_typecheck.py::test_{name}" in found.stdout


@pytest.mark.skipif(not CHECKED, reason="run by the test above")
def test_a_wrong_argument_is_found():
    with pytest.raises(jaxtyping.TypeCheckError):
        derive("one", "weights")


@pytest.mark.skipif(not CHECKED, reason="run by the test above")
def test_every_annotation_can_be_checked():
    """Of all modules, those too whose tests run unchecked: the checker reads a hint where a function is made."""
    names = [found.name for found in pkgutil.walk_packages(nashpath.__path__, "nashpath.")]
    for name in names:
        if not name.endswith("__main__"):
            importlib.import_module(name)
    assert len(names) > 300
