"""Tests run on the CPU unless they name a device, and on one thread a worker: two workers share two cores.

CUDA has tests of its own (`test_cuda.py`). The variables are set before nashpath and SciPy are imported; subprocesses
inherit them. The threads of NumPy's and SciPy's linear algebra wait for each other in loops: of two that share one core
with others, the eigenvalues of a small network took ten times the processor time of one.

With ``NASHPATH_TYPECHECK=1`` every annotation of the package is checked at each call, shapes included
(`typecheck.py`). Functions are wrapped as their modules are imported, so this too comes before nashpath.
"""

import functools
import gc
import multiprocessing.spawn
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import runtime_checkable

os.environ.setdefault("NASHPATH_DEVICE", "cpu")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault(  # one for all tests, also for those with caches of their own
    "TORCHINDUCTOR_CACHE_DIR",
    str(Path(os.environ.get("NASHPATH_CACHE") or Path.home() / ".cache" / "nashpath") / "inductor"),
)

import jaxtyping
import pydantic
import pytest
import torch
import typer.main
import typer.testing
from matplotlib.figure import Figure
from threadpoolctl import threadpool_limits

if os.environ.get("NASHPATH_TYPECHECK") == "1":
    runtime_checkable(pydantic.ValidationInfo)  # a protocol, in signatures of validators; pydantic does not mark it
    jaxtyping.install_import_hook("nashpath", "typecheck.checked")

from nashpath.report import diagnosis
from nashpath.report.diagnosis_figures import DiagnosisData, data_uri
from nashpath.run.engine import program
from nashpath.run.settings import method_files
from nashpath.run.settings.register import KINDS
from nashpath.run.training import session
from quick_python import started
from run_folders import small, trained

_COPIES = os.environ.get("NASHPATH_DATA", str(Path(__file__).parents[2] / "shared" / "data"))
REAL_DATA = Path(os.environ.setdefault("NASHPATH_REAL_DATA", _COPIES))  # workers of xdist inherit it
"""Where copies of the published data sets are, for the tests that ask for the real ones; they are skipped elsewhere."""
os.environ["NASHPATH_DATA"] = str(Path(__file__).parent / "fixtures" / "data")  # stand-ins, for laws over all rows

multiprocessing.spawn.set_executable(sys.executable)  # also where `quick_python` has put another in its place

torch.set_num_threads(1)
threadpool_limits(1, user_api="blas")  # NumPy's: a plugin of pytest imports it before this file


setattr(typer.testing, "_get_command", functools.cache(typer.main.get_command))  # noqa: B010
"""The command's parser is made once: it takes the signatures of all verbs, and hundreds of tests call one of them."""

os.fsync = lambda file: None
"""No test cuts the power, so none waits for the disk; those of what happens where this fails put their own in place."""


session.GRACE = 1e9
"""No look at a run is left out since it takes long: what tests see does not hang on what else a machine does."""


def _drawn_alone(draw: Callable[[Figure, DiagnosisData], None], seen: DiagnosisData, width: float) -> str:
    """The figure is drawn, but not written as a picture, which takes most of the time of a page."""
    draw(Figure(figsize=(width, 3.1)), seen)
    return "data:,"


diagnosis.data_uri = _drawn_alone
"""That of `nashpath.report.diagnosis_figures` is put back where the pictures are looked at: `pictures_of_figures`."""


@pytest.fixture
def pictures_of_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "data_uri", data_uri)


def forget_own_methods() -> None:
    """Takes every registered row out of its table, as in a fresh process."""
    for table in KINDS.values():
        for name in table.registered:
            table.remove(name)
    method_files._FILES.clear()
    method_files._PACKAGES.clear()


LONGEST = (
    "test_typecheck.py",
    "test_solvers_contract.py",
    "test_report_browser.py",
    "test_data_parallel.py",
    "test_study_portions.py",
    "test_study_runs.py",
    "test_run_parts.py",
    "test_docs.py",
    "test_damage.py",
    "test_kills.py",
    "test_diagnostics_runs.py",
)
"""Files with tests of about ten seconds and more. They come first: a long test at the end leaves a worker idle."""


def pytest_collection_finish() -> None:
    """What is there before the first test stays to the end: the garbage collector need not look at it again and again.

    A tenth of the time of tests went into that. Also it waits for more to collect than it would by default.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    begun: set[str] = set()
    for item in items:
        mark, function = item.get_closest_marker("long"), item.nodeid.partition("[")[0]
        if mark and mark.kwargs.get("first") and function not in begun and not item.get_closest_marker("thorough"):
            item.own_markers.remove(mark)  # one case of each is among the quick ones
            begun.add(function)
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))
    for item in items:
        mark = item.get_closest_marker("unchecked")
        if mark and os.environ.get("NASHPATH_TYPECHECK") == "1":
            item.add_marker(pytest.mark.skip(reason=f"unchecked: {mark.args[0]}"))


@pytest.fixture
def own_methods() -> Iterator[None]:
    """For tests that register methods: no other test sees them."""
    yield
    forget_own_methods()


@pytest.fixture(scope="session")
def _quick_python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with started(tmp_path_factory.mktemp("quick")) as file:
        yield file


@pytest.fixture
def quick_python(_quick_python: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Processes of ``sys.executable`` start at once (`quick_python.py`), those of ``torchrun`` too."""
    monkeypatch.setattr(sys, "executable", str(_quick_python))
    monkeypatch.setenv("PYTHON_EXEC", str(_quick_python))
    return _quick_python


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled steps are traced, stacked and differentiated as ever; no C++ is made of them, which takes longest."""
    monkeypatch.setattr(program, "as_one_graph", functools.partial(program.as_one_graph, backend="traced"))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small run, with checkpoints on its way; nobody changes it."""
    folder = tmp_path_factory.mktemp("original") / "run"
    trained(small(checkpoint_every=8), folder)
    return folder


@pytest.fixture
def run(original: Path, tmp_path: Path) -> Path:
    """A copy of its folder."""
    return Path(shutil.copytree(original, tmp_path / "run"))
