"""What a function means: its syntax up to comments and docstrings, with what it takes from around it.

That is its defaults, what it closes over, and the globals that it names; functions among these are read in the same way
where they are of this package or of a person's own file. What a library defines counts by its name.
"""

import ast
import functools
import hashlib
import inspect
import sysconfig
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from nashpath.studies.source import syntax_text

LIBRARIES = tuple(Path(sysconfig.get_paths()[key]).resolve() for key in ("stdlib", "platstdlib", "purelib", "platlib"))


def digest_of_meaning(value: Any) -> str:
    """16 digits for a value, or for what a function computes; the same wherever its file lies."""
    return hashlib.sha256(_Reader().text(value).encode()).hexdigest()[:16]


class _Reader:
    """Tells values as text; what was told before is only named again, so that nothing is told without end."""

    def __init__(self) -> None:
        self._told: dict[int, tuple[int, Any]] = {}

    def text(self, value: Any) -> str:
        if value is None or isinstance(value, str | bytes | int | float | complex):
            return repr(value)
        if isinstance(value, ModuleType):
            return value.__name__
        if id(value) in self._told:
            return f"#{self._told[id(value)][0]}"
        self._told[id(value)] = len(self._told), value  # kept, so that no other value gets its id
        return self._inside(value)

    def _inside(self, value: Any) -> str:
        if isinstance(value, list | tuple):
            return f"[{','.join(map(self.text, value))}]"
        if isinstance(value, set | frozenset):
            return f"{{{','.join(sorted(map(repr, value)))}}}"
        if isinstance(value, Mapping):
            return f"{{{','.join(f'{self.text(k)}:{self.text(v)}' for k, v in value.items())}}}"
        if isinstance(value, functools.partial):
            return f"partial({self.text(value.func)},{self.text(value.args)},{self.text(value.keywords)})"
        if isinstance(value, MethodType):
            return f"{self.text(value.__func__)} of {self.text(value.__self__)}"
        if isinstance(value, np.ndarray):
            return f"{value.dtype}{value.shape}{value.tolist()}"
        if isinstance(value, FunctionType) and _is_ours(value.__module__, value.__code__.co_filename):
            return self._function(value)
        wrapped = getattr(value, "__wrapped__", None)
        if isinstance(wrapped, FunctionType):
            return self.text(wrapped)
        if isinstance(value, type):
            return self._class(value)
        return self._object(value)

    def _function(self, function: FunctionType) -> str:
        node = _node_of(function.__code__)
        code = function.__code__
        own = syntax_text(node) if node is not None else f"{code.co_code.hex()}{_constants(code)}"
        said = None if node is None else {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
        names = sorted(name for name in set(_names(code)) if said is None or name in said)
        around = [(name, function.__globals__[name]) for name in names if name in function.__globals__]
        around += [("defaults", function.__defaults__), ("by name", function.__kwdefaults__)]
        for name, held in zip(code.co_freevars, function.__closure__ or ()):
            try:
                around.append((name, held.cell_contents))
            except ValueError:  # not bound yet
                continue
        return f"function({own};{','.join(f'{name}={self.text(value)}' for name, value in around)})"

    def _class(self, kind: type) -> str:
        try:
            file = inspect.getsourcefile(kind) or ""
        except (TypeError, OSError):
            file = ""
        if not file or not _is_ours(kind.__module__, file):
            return _named(kind)
        found = (one for one in ast.walk(_tree(_read(file))) if isinstance(one, ast.ClassDef))
        return next((syntax_text(one) for one in found if one.name == kind.__name__), kind.__qualname__)

    def _object(self, value: Any) -> str:
        if hasattr(value, "__qualname__"):
            return _named(value)
        if not isinstance(value, type) and getattr(value, "__dict__", None):
            return f"{type(value).__qualname__}{self.text(vars(value))}"
        told = repr(value)
        return _named(type(value)) if " at 0x" in told else told


def _named(value: Any) -> str:
    return f"{getattr(value, '__module__', '')}.{value.__qualname__}"


def _is_ours(module: str | None, file: str) -> bool:
    """Whether a function or class is of this package, or of no library."""
    if (module or "").split(".")[0] == "nashpath":
        return True
    path = Path(file).resolve()
    return path.is_file() and not any(path.is_relative_to(library) for library in LIBRARIES)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from _codes(one)


def _names(code: CodeType) -> Iterator[str]:
    for one in _codes(code):
        yield from one.co_names


def _constants(code: CodeType) -> list[str]:
    return [repr(one) for inner in _codes(code) for one in inner.co_consts if not isinstance(one, CodeType)]


def _node_of(code: CodeType) -> ast.AST | None:
    """The syntax of a function's code; None where its file is not there, or is another by now."""
    path = Path(code.co_filename)
    if not path.is_file():
        return None
    spots = [(line, column) for line, _, column, _ in code.co_positions() if line and column is not None]
    found = []
    for node in ast.walk(_tree(_read(str(path)))):
        if isinstance(node, ast.Lambda):
            named, first = "<lambda>", node.lineno
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            named, first = node.name, min([node.lineno, *(one.lineno for one in node.decorator_list)])
        else:
            continue
        if (named, first) == (code.co_name, code.co_firstlineno):
            found.append(node)
    holding = [node for node in found if all(_holds(node, spot) for spot in spots)] or found
    return min(holding, key=_extent, default=None)


def _holds(node: Any, spot: tuple[int, int]) -> bool:
    """Whether a place is inside of a node; a function's first instruction has column 0 of its line."""
    start, end = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
    return start <= spot <= end or spot == (node.lineno, 0)


def _extent(node: Any) -> tuple[int, int]:
    return node.end_lineno - node.lineno, node.end_col_offset - node.col_offset


def _read(file: str) -> bytes:
    return Path(file).read_bytes()


@lru_cache(maxsize=256)
def _tree(content: bytes) -> ast.AST:
    try:
        return ast.parse(content)
    except (SyntaxError, ValueError):
        return ast.Module([], [])
