"""Finds a study: one of the package by its name, or a person's own in a Python file that defines ``STUDY``."""

import importlib
import math
from functools import lru_cache
from pathlib import Path

from nashpath.core import did_you_mean
from nashpath.run import SettingError
from nashpath.run.settings.local_imports import hashes, local_imports, whole_hash
from nashpath.run.settings.method_files import execute
from nashpath.studies.study import Study


def _names() -> tuple[str, ...]:
    """The studies of the package: its folders that have ``claims.py``, in the ``ORDER`` that each states, else last."""
    here = Path(__file__).parent
    folders = [path.parent.name for path in here.glob("*/claims.py")]
    modules = {name: importlib.import_module(f"nashpath.studies.{name}") for name in folders}
    order = {name: getattr(module, "ORDER", math.inf) for name, module in modules.items()}
    return tuple(name.replace("_", "-") for name in sorted(folders, key=lambda name: (order[name], name)))


NAMES = _names()


def find_study(name: str) -> Study:
    """The study called ``name``, or ``STUDY`` of the file ``name`` as it is now. Raises `SettingError`."""
    if name in NAMES:
        return importlib.import_module(f"nashpath.studies.{name.replace('-', '_')}.claims").STUDY
    if not name.endswith(".py"):
        raise SettingError(
            f"no study is called {name!r}.{did_you_mean(name, list(NAMES))} Known: {', '.join(NAMES)}, all"
        )
    path = Path(name)
    if not path.is_file():
        raise SettingError(f"{path}: no such file")
    return _from_file(path.resolve(), path.read_bytes(), edition(name))


def own_file(name: str) -> Path | None:
    """The file of a study of one's own; None for one of the package."""
    return Path(name) if name.endswith(".py") else None


def edition(name: str) -> str:
    """The hash of a study's own file, with the modules beside it that it imports; empty for one of the package.

    Raises `SettingError`.
    """
    if not name.endswith(".py"):
        return ""
    path = Path(name).resolve()
    if not path.is_file():
        raise SettingError(f"{name}: no such file")
    content = path.read_bytes()
    return whole_hash(content, hashes(local_imports(path, content)))


@lru_cache(maxsize=8)
def _from_file(path: Path, content: bytes, edition: str) -> Study:
    """``STUDY`` of a file; the same content is executed once, so that its classes stay the same."""
    study = getattr(execute(path, content), "STUDY", None)
    if not isinstance(study, Study):
        raise SettingError(f"{path} defines no STUDY = nashpath.studies.Study(...)")
    return study
