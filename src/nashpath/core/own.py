"""Methods of one's own: what they are called, where they are written, and which errors come from them."""

import inspect
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple, cast
from weakref import WeakKeyDictionary

import torch
from torch import nn

from nashpath.core.written import call_form

PACKAGE = str(Path(__file__).parents[1])
TORCH = str(Path(inspect.getfile(torch)).parent)


class MethodError(ValueError):
    """What comes out wrong from a method of one's own; the message names it, its file, and what is expected."""


class OwnMethodWarning(UserWarning):
    """A method of one's own does what may make a run another one; the message names it and says what to do."""


class OwnRow(NamedTuple):
    """The row of a registered method: the kind and name, and what methods of the kind have to give, in words."""

    kind: str
    name: str
    gives: str = ""
    place: str = ""


_ROWS: "WeakKeyDictionary[Any, OwnRow]" = WeakKeyDictionary()
"""The registered classes and functions of one's own, and the modules that such functions made."""


_SAID: "WeakKeyDictionary[nn.Module, dict[str, None]]" = WeakKeyDictionary()
"""What was warned of, by the module that does it."""


def warn_of_own(method: Any, said: str, stacklevel: int = 2) -> None:
    """Raises an `OwnMethodWarning` about a method, and keeps what it says for `own_warnings`."""
    if isinstance(method, nn.Module):
        _SAID.setdefault(method, {})[said] = None
    warnings.warn(said, OwnMethodWarning, stacklevel=stacklevel + 1)


def own_warnings(*modules: nn.Module) -> list[str]:
    """What was said by `warn_of_own` of any part of these modules, each once."""
    return list({said: None for module in modules for part in module.modules() for said in _SAID.get(part, {})})


def note_name(method: Any, row: OwnRow) -> None:
    """Keeps what a method of one's own, or the module that one made, is called."""
    made = isinstance(method, nn.Module)
    if (made or is_own(method)) and _hashable(method):
        _ROWS.setdefault(method, row)


def unname(method: Any) -> None:
    """The method has no name any more."""
    if _hashable(method):
        _ROWS.pop(method, None)


def is_own(thing: Any) -> bool:
    """Whether a class or function, or the class of an object, is written outside of nashpath and PyTorch."""
    kind = _kind_of(thing)
    room = str(getattr(kind, "__module__", "")).partition(".")[0]
    return room not in ("nashpath", "torch", "builtins") or _known(thing) is not None


def own_title(thing: Any) -> str:
    """What a method is called: kind, name and file, where it is registered; else its class."""
    known = _known(thing)
    kind = _kind_of(thing)
    return f"{known.kind} {known.name}, {known.place or place_of(kind)}" if known else kind.__name__


def is_named(thing: Any) -> bool:
    """Whether a method is registered, or what such a method made."""
    return _known(thing) is not None


def place_of(method: Any, part: str = "") -> str:
    """``file.py:line`` of a function, or of a ``part`` of a class (without one, of its first function)."""
    code = next(iter(_codes(method, part)), None) or next(iter(_codes(method)), None)
    if code is not None:
        return f"{Path(code.co_filename).name}:{code.co_firstlineno}"
    return str(getattr(method, "__module__", "?"))


def expected(kind: Any, part: str) -> str:
    """What nashpath says of this function of a class: how it is called, and the first paragraph of its docstring."""
    for base in getattr(kind, "__mro__", ()):
        function = cast("dict[str, Any]", vars(base)).get(part)
        if str(base.__module__).startswith("nashpath.") and inspect.isfunction(function) and function.__doc__:
            told = inspect.cleandoc(function.__doc__).split("\n\n")[0].replace("`", "")
            return f"{call_form(part, function)}: {' '.join(told.split())}"
    known = _known(kind)
    return known.gives if known else ""


def refused_method(thing: Any, part: str, wrong: str) -> MethodError:
    """The error for a function whose result is ``wrong``, with what is expected of it."""
    return MethodError(_told(thing, part, f" ({place_of(_kind_of(thing), part)}): {wrong}"))


def own_fault(error: BaseException) -> str:
    """What to say of an error that a method of one's own raised, or that was raised in its name; empty of others.

    The innermost frame of its traceback counts that runs the method's code, or a function of its file below it.
    """
    if isinstance(error, MethodError):
        return str(error)
    if type(error).__module__.startswith("nashpath."):
        cause = error.__cause__
        theirs, whole = "" if cause is None or cause is error else own_fault(cause), str(error)  # raised from itself
        if not theirs or theirs in whole:
            return theirs and whole
        return theirs if whole in theirs else f"{whole}. It comes from this: {theirs}"
    owner, part, where = _innermost(error)
    if owner is None:
        return ""
    said = " ".join(str(error).split())[:300].rstrip(".")
    kind = f"{type(error).__name__}{f': {said}' if said else ''}"
    return _told(owner, part, f", a method of your own, fails at {where}: {kind}")


def _told(thing: Any, part: str, said: str) -> str:
    """What is said of a method, after its name, and what is expected of this function of it."""
    kind = _kind_of(thing)
    known, wanted = _known(thing), expected(kind, part)
    told = f"{known.kind} {known.name}{said}" if known else f"{kind.__name__}{said}"
    return f"{told}. Expected: {wanted.rstrip('.')}" if wanted else told


def _kind_of(thing: Any) -> Any:
    """A class or a function itself; of another object its class."""
    return thing if inspect.isclass(thing) or inspect.isroutine(thing) else cast(Any, type(thing))


def _known(thing: Any) -> OwnRow | None:
    if _hashable(thing) and thing in _ROWS:
        return _ROWS[thing]
    return _of_class(cast("type[object]", thing if inspect.isclass(thing) else type(thing)))


def _of_class(kind: type) -> OwnRow | None:
    return next((_ROWS[base] for base in kind.__mro__ if base in _ROWS), None) or _around(kind)


def _around(kind: type) -> OwnRow | None:
    """The row of the function inside of which a class is written."""
    place, inside, _ = kind.__qualname__.partition(".<locals>.")
    rows = [*_ROWS.items()] if inside else []
    return next(
        (row for method, row in rows if (kind.__module__, place) == _where(method) and inspect.isroutine(method)), None
    )


def _where(method: Any) -> tuple[str, str]:
    return str(getattr(method, "__module__", "")), str(getattr(method, "__qualname__", ""))


def _hashable(thing: Any) -> bool:
    return inspect.isclass(thing) or inspect.isroutine(thing) or isinstance(thing, nn.Module)


def _innermost(error: BaseException) -> tuple[Any, str, str]:
    """Whose code raised an error, in which of its functions, and where; None for the first where it is nobody's."""
    owner, part, where = None, "", ""
    files: set[str] = set()
    for frame, line in _frames(error):
        code = frame.f_code
        holder = _owner(frame)
        if holder is not None:
            kind = _kind_of(holder)
            owner, part = holder, kind.__name__ if inspect.isroutine(kind) else _name_of(kind, code)
            files.update(one.co_filename for one in _codes(kind))
            where = place_of(kind, part)
        if owner is not None and code.co_filename in files and not _inside(code.co_filename):
            where = f"{Path(code.co_filename).name}:{line}"
    return owner, part, where


def _frames(error: BaseException) -> Iterator[tuple[FrameType, int]]:
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next


def _owner(frame: FrameType) -> Any:
    """The method of one's own whose function a frame runs: the object that it is called on, or the function itself."""
    code = frame.f_code
    for method in [*_ROWS]:
        if inspect.isroutine(method) and any(code is one for one in _codes(method)):
            return method
    held = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
    if held is None or inspect.isroutine(held) or code.co_filename.startswith(TORCH):
        return None
    kind: Any = _kind_of(held)
    ours = _of_class(kind) is not None or (
        issubclass(kind, nn.Module) and is_own(kind) and not _inside(code.co_filename)
    )
    return held if ours and _name_of(kind, code) else None


def _name_of(kind: Any, code: CodeType) -> str:
    """The name under which a class has the function of this code; empty where it has none such."""
    for base in kind.__mro__:
        for name, function in cast("dict[str, Any]", vars(base)).items():
            if inspect.isfunction(function) and inspect.unwrap(function).__code__ is code:
                return name
    return ""


def _codes(method: Any, part: str = "") -> list[CodeType]:
    """The code of a function, or of the functions of a class that are written outside of nashpath."""
    if inspect.isclass(method):
        functions: list[Callable[..., Any]] = [
            function
            for base in method.__mro__
            for name, function in vars(base).items()
            if inspect.isfunction(function) and part in ("", name)
        ]
    else:
        functions = [method] if inspect.isfunction(method) else []
    codes = [inspect.unwrap(function).__code__ for function in functions]
    return [code for code in codes if not _inside(code.co_filename) and not code.co_filename.startswith(TORCH)]


def _inside(file: str) -> bool:
    return file.startswith((PACKAGE, "<"))
