"""Finds a study: one of the package by its name, or a person's own in a Python file that defines ``STUDY``."""

import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path

from nashpath.core import did_you_mean
from nashpath.run import SettingError
from nashpath.studies.study import Study

NAMES = ("many-paths", "improved-techniques", "convergence-problems", "conjugate-gradient", "monoflow")

_READ: dict[str, tuple[str, Study]] = {}
"""Files that were executed, each with its edition and its study; an edited file takes its old place."""


def find_study(name: str) -> Study:
    """The study called ``name``, or ``STUDY`` of the file ``name`` as it is now. Raises `SettingError`."""
    if name in NAMES:
        return importlib.import_module(f"nashpath.studies.{name.replace('-', '_')}.claims").STUDY
    if not name.endswith(".py"):
        raise SettingError(
            f"no study is called {name!r}.{did_you_mean(name, list(NAMES))} Known: {', '.join(NAMES)}, all"
        )
    path, now = Path(name).resolve(), edition(name)
    if _READ.get(str(path), ("", None))[0] != now:
        _READ[str(path)] = (now, _from_file(path))
    return _READ[str(path)][1]


def edition(name: str) -> str:
    """The hash of a study's own file, or an empty text for a study of the package. Raises `SettingError`."""
    if not name.endswith(".py"):
        return ""
    if not Path(name).is_file():
        raise SettingError(f"{name}: no such file")
    return hashlib.sha256(Path(name).read_bytes()).hexdigest()


def _from_file(path: Path) -> Study:
    spec = importlib.util.spec_from_file_location(f"nashpath_own_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise SettingError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up by its name
    # Not by the loader: its cache of compiled files tells two editions of one length and one second not apart.
    exec(compile(path.read_bytes(), str(path), "exec"), vars(module))
    study = getattr(module, "STUDY", None)
    if not isinstance(study, Study):
        raise SettingError(f"{path} defines no STUDY = nashpath.studies.Study(...)")
    return study
