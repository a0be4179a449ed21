"""Finds a study: one of the package by its name, or a person's own in a Python file that defines ``STUDY``."""

import importlib
import importlib.util
import sys
from functools import cache
from pathlib import Path

from nashpath.core import did_you_mean
from nashpath.run import SettingError
from nashpath.studies.study import Study

NAMES = ("many-paths", "improved-techniques", "convergence-problems", "conjugate-gradient", "monoflow")


@cache
def find_study(name: str) -> Study:
    """The study called ``name``, or ``STUDY`` of the file ``name``. Raises `SettingError`."""
    if name in NAMES:
        return importlib.import_module(f"nashpath.studies.{name.replace('-', '_')}.claims").STUDY
    if not name.endswith(".py"):
        raise SettingError(
            f"no study is called {name!r}.{did_you_mean(name, list(NAMES))} Known: {', '.join(NAMES)}, all"
        )
    return _from_file(Path(name))


def _from_file(path: Path) -> Study:
    if not path.is_file():
        raise SettingError(f"{path}: no such file")
    spec = importlib.util.spec_from_file_location(f"nashpath_own_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise SettingError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up by its name
    spec.loader.exec_module(module)
    study = getattr(module, "STUDY", None)
    if not isinstance(study, Study):
        raise SettingError(f"{path} defines no STUDY = nashpath.studies.Study(...)")
    return study
