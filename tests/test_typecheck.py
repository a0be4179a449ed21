"""The annotations of the package are true: a part of the suite runs again with each of them checked at every call.

A checked call costs more than a plain one, so the files below are those that call many functions and few of them often:
the arithmetic of games, trees and metrics, increasing functions, and all settings. What is left out: whatever compiles
(a checked function is no part of a graph), trains or runs long (`test_rules`, `test_solvers_rates`, `test_run_members`,
`test_evaluate`), starts processes, or hands over doubles or wrong arguments (`test_data_hub`, `test_data_folders`); and
second derivatives by finite differences, which are slow. ``NASHPATH_TYPECHECK=1 pytest FILE`` checks any other file.
"""

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
FILES = (
    "test_objectives.py",
    "test_penalties.py",
    "test_tree.py",
    "test_metrics_protocol.py",
    "test_metrics_modes.py",
    "test_flows_monotone.py",
    "test_run_settings.py",
)
LEFT_OUT = "not compiled and not graph and not recorded_settings and not second_derivatives"


def checked(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "NASHPATH_TYPECHECK": "1"},
        cwd=FOLDER,
        capture_output=True,
        text=True,
    )


def test_annotations_are_true_at_every_call():
    found = checked("-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "-k", LEFT_OUT, *FILES)
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr[-2000:]


def test_a_wrong_annotation_is_found():
    found = checked("-c", "import conftest; from nashpath.core import derive; derive('one', 'weights')")
    assert "TypeCheckError" in found.stderr
