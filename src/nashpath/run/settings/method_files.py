"""Origins of registered methods: files (``--with FILE.py``), installed packages, and their record in a run folder.

A run folder's ``config.toml`` holds an entry ``[[with]]`` for each file (its place, its SHA-256, what it registers),
each package (its version) and each Python module whose methods the run uses. Whatever reads the folder finds files
again by these entries, and says so where it cannot.
"""

import hashlib
import importlib
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from nashpath.run.errors import MethodsWarning, SettingError
from nashpath.run.settings.local_imports import hashes, local_imports, whole_hash
from nashpath.run.settings.register import KINDS

GROUP = "nashpath.methods"
"""The group of entry points: each is a module that registers methods, or a function in one that does."""

Entry = dict[str, Any]
"""The record of one origin of methods in a run folder."""


@dataclass(frozen=True)
class MethodFile:
    """A file that was executed, what it held, and the rows (``penalty.consistency``) that it registered.

    ``sha256`` is that of the file with the modules beside it that it ``imports``, of which each has its own. ``named``:
    by a person, not found again by what a run folder remembers.
    """

    path: Path
    sha256: str
    registers: tuple[str, ...]
    named: bool
    imports: tuple[tuple[str, str], ...] = ()

    def entry(self) -> Entry:
        """Its record in a run folder."""
        told = {"file": str(self.path), "sha256": self.sha256, "registers": list(self.registers)}
        return {**told, "imports": dict(self.imports)} if self.imports else told


@dataclass(frozen=True)
class MethodPackage:
    """An installed package, and the rows that its entry points registered."""

    package: str
    version: str
    registers: tuple[str, ...]

    def entry(self) -> Entry:
        """Its record in a run folder."""
        return {"package": self.package, "version": self.version, "registers": list(self.registers)}


_FILES: dict[Path, MethodFile] = {}
_PACKAGES: list[MethodPackage] = []
_IMPORTED: dict[Path, bytes] = {}
"""What the modules beside the files held when these were executed."""
_ASKED: list[bool] = []
"""Not empty once the installed packages have been asked."""


def load_methods(path: Path | str, sha256: str = "", named: bool = True) -> MethodFile:
    """Executes a file that registers methods, once for each content. Raises `SettingError`.

    It finds the modules in its folder. Where it or one of those that it imports was changed since it was executed last,
    its new rows replace the old ones. ``sha256`` is what it must hold, if given.
    """
    path = Path(path).resolve()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingError(f"--with {path}: {error.strerror or error}") from None
    imports = hashes(local_imports(path, content))
    found = whole_hash(content, imports)
    if sha256 and found != sha256:
        raise SettingError(f"{path} was changed while it was in use (sha256 {found[:12]}, before {sha256[:12]})")
    known = _FILES.get(path)
    same = next((file for file in _FILES.values() if file.sha256 == found and set(file.registers) <= _rows()), None)
    if same is not None:  # the same file at another place
        _FILES[same.path] = replace(same, named=named or same.named)
        return _FILES[same.path]
    _forget(known.registers if known is not None else ())
    load_installed()  # so that its rows are not taken for the file's
    before = _rows()
    try:
        execute(path, content)
    except Exception as error:
        _forget(_rows() - before)
        said = str(error) if isinstance(error, SettingError) else f"{type(error).__name__}: {error}"
        raise SettingError(f"--with {path}: {said}") from error
    new = tuple(sorted(_rows() - before))
    if not new:
        raise SettingError(f"--with {path}: registers no method; it must call nashpath.register(kind, name, method)")
    for other in [place for place, file in _FILES.items() if set(file.registers) & set(new)]:
        del _FILES[other]  # whose rows were taken out
    _FILES[path] = MethodFile(path, found, new, named, tuple(imports.items()))
    return _FILES[path]


def begin_with(named: Any) -> list[MethodFile]:
    """Executes the files that settings name under ``with``, and finds those that a run's ``config.toml`` remembers.

    Raises `SettingError`.
    """
    if not isinstance(named, list) or not all(isinstance(one, str | dict) for one in named):
        raise SettingError(f'with: expected a list of files that register methods, such as ["own.py"], got {named!r}')
    recall([one for one in named if isinstance(one, dict)])
    return [load_methods(Path(one)) for one in named if isinstance(one, str)]


def load_installed() -> None:
    """Loads the methods of installed packages, once; one that cannot be loaded is a warning that names it."""
    if _ASKED:
        return
    _ASKED.append(True)
    for point in entry_points(group=GROUP):
        before, package = _rows(), _package(point)
        try:
            loaded = point.load()
            if point.attr:
                loaded()
        except Exception as error:
            _forget(_rows() - before)
            text = f"the methods of the package {package[0]} ({GROUP}: {point.name} = {point.value}) are left out"
            warnings.warn(f"{text}: {type(error).__name__}: {error}", MethodsWarning, stacklevel=2)
            continue
        _PACKAGES.append(MethodPackage(*package, tuple(sorted(_rows() - before))))


def known_rows(rows: Iterable[str]) -> bool:
    """Whether all of these registered rows are in their tables."""
    return set(rows) <= _rows()


def loaded_files() -> list[MethodFile]:
    """The files that a person named, whose rows are in the tables."""
    return [file for file in _FILES.values() if file.named and set(file.registers) <= _rows()]


def origins(rows: Iterable[str], files: Sequence[MethodFile] = ()) -> list[Entry]:
    """Entries for ``files``, and for everything else that registered any of the ``rows``."""
    left, found = set(rows) & _rows(), []
    for origin in (*files, *_FILES.values(), *_PACKAGES):
        if origin.entry() not in found and (origin in files or left & set(origin.registers)):
            found.append(origin.entry())
            left -= set(origin.registers)
    modules: dict[str, list[str]] = {}
    for row in sorted(left):
        modules.setdefault(str(getattr(_method(row), "__module__", "")), []).append(row)
    return found + [{"module": name, "registers": own} for name, own in modules.items()]


def recall(entries: Sequence[Entry], folder: Path | None = None) -> None:
    """Makes sure that the methods which the run in ``folder`` (or a settings file) remembers are in the tables.

    Rows that are there already are taken as they are, with a warning where they are not what the run began with. Files
    are executed again where they were, unless they lie in the run folder itself (which may come from anywhere). Raises
    `SettingError` where a file is missing or was changed, and where a package or module must be there and is not.
    """
    load_installed()
    made = f"{folder} was made" if folder is not None else "these settings were made"
    for entry in entries:
        if set(entry["registers"]) <= _rows():
            _compare(entry)
        elif "file" in entry:
            _find_again(entry, folder, made)
        else:
            raise SettingError(_absent(entry, made))


def ask_for(entries: Sequence[Entry], what: str) -> None:
    """Makes sure that the methods which ``what`` needs, as it remembers them, are in the tables; executes nothing.

    Raises `SettingError` for the first that are not, and says what is to be loaded, imported or installed.
    """
    load_installed()
    for entry in entries:
        if not set(entry["registers"]) <= _rows():
            raise SettingError(_absent(entry, f"{what} was made"))
        _compare(entry)


def lines_that_load(entries: Sequence[Entry]) -> list[str]:
    """Lines of Python after which methods with these origins are in the tables; installed packages need none."""
    lines = {
        "file": lambda one: f"nashpath.run.load_methods({one!r})",
        "module": lambda one: f"import {one}",
    }
    return [line(entry[kind]) for entry in entries for kind, line in lines.items() if kind in entry]


def _absent(entry: Entry, made: str) -> str:
    """That the methods of an entry are not in the tables, and what puts them there."""
    if "file" in entry:
        return (
            f"{made} with {_named(entry)} of the file {entry['file']} (sha256 {entry['sha256'][:12]}), which is not "
            f"loaded; load it first: {lines_that_load([entry])[0]}"
        )
    if "package" in entry:
        return (
            f"{made} with {_named(entry)} of the package {entry['package']} {entry['version']}, which "
            "registers no such method here; install it"
        )
    return (
        f"{made} with {_named(entry)}, registered by the Python module {entry['module']}; "
        "register it before, or name a file that does: --with PATH"
    )


def renewed(entries: Sequence[Entry], rows: Iterable[str], files: Sequence[MethodFile] = ()) -> list[Entry]:
    """The entries of a run that goes on: where its rows come from now; ``before`` lists hashes of what they were."""
    now = origins([*rows, *(row for entry in entries for row in entry["registers"])], files)
    for entry in now:
        earlier = [old for old in entries if set(old["registers"]) & set(entry["registers"])]
        hashes = [*(h for old in earlier for h in old.get("before", ())), *(old.get("sha256", "") for old in earlier)]
        before = list(dict.fromkeys(h for h in hashes if h and h != entry.get("sha256")))
        entry |= {"before": before} if before else {}
    return now


def without_folders(entries: Sequence[Entry]) -> list[Entry]:
    """The entries as ``run.json`` tells them: files by their names."""
    return [{**entry, "file": Path(entry["file"]).name} if "file" in entry else dict(entry) for entry in entries]


def _find_again(entry: Entry, folder: Path | None, made: str) -> None:
    """Executes the file of an entry where it was, if it is still the same."""
    path, cure = Path(entry["file"]), f"name the file: --with {entry['file']}"
    if not path.is_file():
        raise SettingError(
            f"{made} with {_named(entry)} of {path}, which is not there any more; name the file where it is "
            "now: --with PATH"
        )
    if folder is not None and path.resolve().is_relative_to(folder.resolve()):
        raise SettingError(f"{path} lies in the run folder and is not executed unasked; {cure}")
    content = path.read_bytes()
    imports = hashes(local_imports(path, content))
    found = whole_hash(content, imports)
    before = whole_hash(content, {}) if "imports" not in entry else found  # a run from before they were looked at
    if entry["sha256"] not in (found, before):
        then = entry.get("imports", {})
        others = [name for name in {**then, **imports} if then.get(name) != imports.get(name)]
        told = f" or what it imports ({', '.join(others)})" if others else ""
        raise SettingError(
            f"{path}{told} has changed since {made} with {_named(entry)} of it: its hash differs (sha256 "
            f"{found[:12]}, then {entry['sha256'][:12]}). To take it as it is now, {cure}"
        )
    load_methods(path, found, named=False)


def _compare(entry: Entry) -> None:
    """Says where rows that are in the tables are not those of an entry. Raises `SettingError` if nobody named them."""
    owners = [file for file in _FILES.values() if set(file.registers) & set(entry["registers"])]
    if "sha256" not in entry or entry["sha256"] in {*(file.sha256 for file in owners), _imported_hash(entry)}:
        return
    for file in owners:
        text = f"{file.path} is not what the run was made with: its hash differs (sha256 {file.sha256[:12]}, then "
        text += f"{entry['sha256'][:12]})"
        if not file.named:
            raise SettingError(f"{text}; to take it as it is now, name the file: --with {file.path}")
        warnings.warn(text, MethodsWarning, stacklevel=4)
    if not owners:
        text = f"{_named(entry)}: registered in Python; whether as in {entry['file']}, which the run was made with, is"
        warnings.warn(f"{text} not known", MethodsWarning, stacklevel=4)


def _imported_hash(entry: Entry) -> str:
    """The hash of the one Python module that registered all rows of an entry, as it lies on the disk; else empty."""
    modules = {str(getattr(_method(row), "__module__", "")) for row in entry["registers"]}
    place = getattr(sys.modules.get(modules.pop()), "__file__", None) if len(modules) == 1 else None
    if place is None or not Path(place).is_file():
        return ""
    content = Path(place).read_bytes()
    return whole_hash(content, hashes(local_imports(Path(place), content)))


def _named(entry: Entry) -> str:
    return ", ".join(entry["registers"])


def execute(path: Path, content: bytes) -> ModuleType:
    """Runs a file as a module of its own name, in which dataclasses and pickle find its classes.

    It imports the modules beside it as a script does, anew where they are other ones than those of that name.
    """
    name = f"nashpath_own_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = spec_from_file_location(name, path)
    if spec is None:
        raise SettingError("is no Python file; its name must end in .py")
    module = module_from_spec(spec)
    sys.modules[name] = module
    beside = local_imports(path, content)
    held = {own: getattr(sys.modules[own], "__file__", None) for own in beside if own in sys.modules}
    now = {place: place.read_bytes() for place in beside.values()}
    elsewhere = [own for own, file in held.items() if file is None or Path(file) != beside[own]]
    if elsewhere or any(_IMPORTED.get(place, text) != text for place, text in now.items()):
        for own in held:
            del sys.modules[own]
    _IMPORTED.update(now)
    try:
        with _finding(path.parent):
            exec(compile(content, str(path), "exec", dont_inherit=True), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextmanager
def _finding(folder: Path) -> Iterator[None]:
    """Within this block modules are looked for in a folder first; after it, there last."""
    importlib.invalidate_caches()
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        if str(folder) not in sys.path:
            sys.path.append(str(folder))


def _rows() -> set[str]:
    """Every row that was added to a table, as ``kind.name``."""
    return {f"{kind}.{name}" for kind, table in KINDS.items() for name in table.registered}


def _method(row: str) -> Any:
    kind, _, name = row.partition(".")
    return KINDS[kind][name]


def _forget(rows: Iterable[str]) -> None:
    """Takes rows out of their tables, those that are still there."""
    for row in set(rows) & _rows():
        kind, _, name = row.partition(".")
        KINDS[kind].remove(name)


def _package(point: EntryPoint) -> tuple[str, str]:
    """Name and version of the package that has an entry point."""
    return (point.dist.name, point.dist.version) if point.dist is not None else (point.module, "")
