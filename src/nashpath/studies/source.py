"""The source code that a measured cell depends on: what its experiment imports, up to comments and layout.

The hash of a module is that of its syntax tree without positions, comments and docstrings. Which modules count is read
off their import statements: a name that a package only hands on leads to the module that defines it.
"""

import ast
import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

UNSEEN = ("report", "cli", "studies.claim", "studies.figures")
"""Modules of the package that no row depends on, and all that is below them: rooms that show, and what judges."""


class Import(NamedTuple):
    """``from module import name as called``, or ``import module`` (no name)."""

    module: str
    name: str = ""
    called: str = ""


class Module(NamedTuple):
    """What counts of a file: the hash of its syntax, and its imports of the package."""

    digest: str
    imports: tuple[Import, ...]


class Code:
    """The modules of the package, or of a copy of it at ``root``, as they are when they are first asked for."""

    def __init__(self, root: Path | None = None):
        self.root = root or Path(__file__).parent.parent
        self._paths: dict[str, Path | None] = {}
        self._read_modules: dict[Path, Module] = {}

    def used_by(self, start: str | Path) -> list[str]:
        """The modules that a module (by its dotted name) or a file imports, all the way down, itself included."""
        found: set[str] = set()
        if isinstance(start, Path):
            todo = [name for one in self.read(start).imports for name in self.leads_to(one)]
        else:
            todo = [start]
        while todo:
            name = todo.pop()
            path = self.path(name)
            if name not in found and path is not None and not _is_unseen(name):
                found.add(name)
                todo += [part for one in self.read(path).imports for part in self.leads_to(one)]
        return sorted(found)

    def hash(self, modules: Iterable[str], *more: str) -> str:
        """16 digits for what these modules mean, and for other texts."""
        parts = [f"{name} {self.read(path).digest}" for name in modules if (path := self.path(name)) is not None]
        return hashlib.sha256("\n".join([*parts, *more]).encode()).hexdigest()[:16]

    def path(self, name: str) -> Path | None:
        """The file of a module of the package; None for what is no module of it."""
        if name not in self._paths:
            package, *inside = name.split(".")
            place = self.root.joinpath(*inside)
            files = (place / "__init__.py", place.with_name(f"{place.name}.py")) if package == "nashpath" else ()
            self._paths[name] = next((file for file in files if file.is_file()), None)
        return self._paths[name]

    def read(self, path: Path) -> Module:
        """A file's syntax and imports."""
        if path not in self._read_modules:
            self._read_modules[path] = _read(path.read_bytes(), path.name == "__init__.py")
        return self._read_modules[path]

    def leads_to(self, one: Import, seen: frozenset[Import] = frozenset()) -> Iterator[str]:
        """The module that an import needs: the named one, or where a package has the name from."""
        inner, path = f"{one.module}.{one.name}", self.path(one.module)
        if one.name and self.path(inner) is not None:
            yield inner
        elif one.name and path is not None and path.name == "__init__.py" and one not in seen:
            handed = [other for other in self.read(path).imports if other.called == one.name]
            for other in handed or [Import(one.module)]:
                yield from self.leads_to(other, seen | {one})
        else:
            yield one.module


def module_of(measure: Callable[..., Any]) -> str:
    """The module in which a function is defined, under its decorators and given arguments."""
    while isinstance(measure, functools.partial):
        measure = measure.func
    return getattr(measure, "__module__", "")


def _is_unseen(name: str) -> bool:
    """Whether no row depends on a module: it is `UNSEEN`, or a study's claims."""
    _, *inside = name.split(".")
    below = any(".".join(inside[: part.count(".") + 1]) == part for part in UNSEEN)
    return below or (len(inside) > 2 and inside[0] == "studies" and inside[2].startswith("claims"))


@lru_cache(maxsize=1024)
def _read(content: bytes, package: bool = False) -> Module:
    tree = ast.parse(content)
    return Module(hashlib.sha256(syntax_text(tree).encode()).hexdigest(), tuple(_imports(tree, package)))


def _imports(node: ast.AST, package: bool) -> Iterator[Import]:
    """The imports of the package, wherever they stand, but for those that only type checkers see.

    What type checkers see of a ``package`` is what it imports when it is asked for a name, so that counts.
    """
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING") and not package:
        return
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "nashpath":
        yield from (Import(node.module or "", one.name, one.asname or one.name) for one in node.names)
    if isinstance(node, ast.Import):
        yield from (Import(one.name) for one in node.names if one.name.split(".")[0] == "nashpath")
    for child in ast.iter_child_nodes(node):
        yield from _imports(child, package)


def syntax_text(node: Any) -> str:
    """A syntax tree as text, without positions, docstrings and empty fields.

    (`ast.dump` writes what is empty in some versions of Python and leaves it out in others.)
    """
    if isinstance(node, list):
        return f"[{','.join(syntax_text(one) for one in node if not _is_docstring(one))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [(name, value) for name, value in ast.iter_fields(node) if value is not None and value != []]
    return f"{type(node).__name__}({','.join(f'{name}={syntax_text(value)}' for name, value in fields)})"


def _is_docstring(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
