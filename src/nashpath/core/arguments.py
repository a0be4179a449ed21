"""Arguments are checked where they are given, by the annotations from which settings are read.

A class is checked because it has a row in a `Table`, a function by its decorator; neither says anything twice.
"""

import inspect
import math
import operator
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, wraps
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
import torch
from annotated_types import Ge, Gt, Le, Lt
from torch import Tensor

from nashpath.spelling import did_you_mean

INFINITE = "infinite"
"""Marks an argument for which infinity has a meaning of its own."""
SWEPT = "swept"
"""Marks a constructor argument that becomes a buffer: a sweep over it shares one program."""
LARGEST = float(np.finfo(np.float32).max)

_Function = TypeVar("_Function", bound=Callable[..., Any])
_Class = TypeVar("_Class", bound=type)

_ADVICE: dict[type, str] = {}


def instead(advice: str) -> Callable[[_Class], _Class]:
    """Class decorator: where one of these is asked for and something else is given, the refusal ends in ``advice``."""

    def noted(kind: _Class) -> _Class:
        _ADVICE[kind] = advice
        return kind

    return noted


def checks_arguments(function: _Function) -> _Function:
    """The function, which first refuses arguments that its annotations exclude.

    Raises `ValueError` for a number out of its bounds or an unknown choice, and `TypeError` for another kind of object;
    both name the argument. What an annotation does not say plainly (a generic class, a tensor's shape) is not checked.
    """
    if getattr(function, "__checked__", False):
        return function

    @wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        if not torch.compiler.is_compiling():
            _check(function, arguments, named)
        return function(*arguments, **named)

    vars(call)["__checked__"] = True
    return typing.cast(_Function, call)


def check_constructor(kind: type) -> None:
    """Has a class check what it is constructed with, as `checks_arguments` does; once."""
    constructor: Any = inspect.getattr_static(kind, "__init__")
    if inspect.isfunction(constructor) and not getattr(constructor, "__checked__", False):
        setattr(kind, "__init__", checks_arguments(constructor))  # noqa: B010


def fault(value: Any, annotation: Any) -> str:
    """What ``annotation`` asks for that ``value`` is not, such as ``"at least 0"``; empty where it fits."""
    wrong = _fault(value, annotation)
    return wrong.removeprefix(_RANGE)


_RANGE = "\0"
"""Begins what is wrong with a value of the right kind."""


@cache
def _described(function: Callable[..., Any]) -> tuple[inspect.Signature, dict[str, Any]]:
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError:  # an annotation that only a type checker can read
        hints = {}
    return inspect.signature(function), hints


def _check(function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
    signature, hints = _described(function)
    constructor = function.__name__ == "__init__"
    what = type(arguments[0]).__name__ if constructor else function.__name__
    inherited = constructor and not function.__qualname__.startswith(f"{type(arguments[0]).__qualname__}.")
    if not inherited or inspect.unwrap(type(arguments[0]).__init__) is function:  # else a subclass hands numbers on
        _check_known(what, signature, named, open_ended=not inherited)
    try:
        given = signature.bind(*arguments, **named).arguments
    except TypeError:  # Python's own words for a missing argument, from the call itself
        return
    for name, value in given.items():
        kind = signature.parameters[name].kind
        if name not in hints or kind is inspect.Parameter.VAR_KEYWORD:
            continue
        each = value if kind is inspect.Parameter.VAR_POSITIONAL else [value]
        value, wrong = next(((one, wrong) for one in each if (wrong := _fault(one, hints[name]))), (value, ""))
        if wrong.startswith(_RANGE):
            raise ValueError(f"{what}: {name} is {_shown(value)}; it must be {wrong.removeprefix(_RANGE)}")
        if wrong:
            raise TypeError(f"{what}: {name} is {_shown(value)}; it must be {wrong}")


def _check_known(what: str, signature: inspect.Signature, named: Iterable[str], open_ended: bool) -> None:
    """Refuses an argument that is named and does not exist, with the nearest one that does.

    What takes any name (``**numbers``) is ``open_ended`` where that was written for it, not inherited.
    """
    parameters = signature.parameters.values()
    if open_ended and any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name != "self"]
    for name in named:
        if name not in known:
            told = f" Known: {', '.join(known)}" if known else " It has no settings"
            raise TypeError(f"{what}: unexpected keyword argument {name!r}.{did_you_mean(name, known)}{told}")


def _fault(value: Any, annotation: Any) -> str:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _fault_of_number(value, parts[0], parts[1:]) if parts[0] in (int, float) else _fault(value, parts[0])
    if annotation in (int, float):
        return _fault_of_number(value, annotation, ())
    if origin in (Union, types.UnionType):
        faults = [_fault(value, part) for part in parts if part is not type(None)]
        fits = "" in faults or (value is None and type(None) in parts)
        return "" if fits else next((f for f in faults if f.startswith(_RANGE)), faults[0])
    if origin is Literal:
        near = did_you_mean(value, [part for part in parts if isinstance(part, str)]) if isinstance(value, str) else ""
        return "" if value in parts else f"{_RANGE}one of {', '.join(map(repr, parts))}.{near}"
    if annotation is Any:  # a class since Python 3.11
        return ""
    if annotation is bool:
        return "" if isinstance(value, bool) else "True or False"
    if annotation is str:
        return "" if isinstance(value, str) else "a text"
    if origin in (tuple, list, Sequence):
        return _fault_of_row(value, [part for part in parts if part is not Ellipsis])
    if origin is Mapping:
        return "" if isinstance(value, Mapping) else "a mapping, such as a dict"
    if origin is Callable:
        return "" if callable(value) else "a function"
    return _fault_of_object(value, annotation) if isinstance(annotation, type) and origin is None else ""


def _fault_of_row(value: Any, parts: Sequence[Any]) -> str:
    if isinstance(value, str | bytes | Mapping | Tensor) or not isinstance(value, Iterable):
        return "a list"
    each = parts[0] if len(parts) == 1 else Any
    wrong = next((f for one in typing.cast(Iterable[Any], value) if (f := _fault(one, each))), "")
    return f"a list of which each is {wrong}" if wrong and not wrong.startswith(_RANGE) else wrong


def _fault_of_number(value: Any, kind: type, marks: Sequence[Any]) -> str:
    """A number's fault; one that becomes a buffer is held to its bounds as the buffer will hold it."""
    if isinstance(value, Tensor):
        return _fault_of_tensor(value, kind, marks)
    if isinstance(value, bool | np.bool_ | str) or not hasattr(value, "__float__"):
        return "a whole number" if kind is int else "a number"
    if kind is int:
        try:
            number: float = operator.index(value)
        except TypeError:
            return "a whole number"
        return _out_of_bounds(number, marks)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return f"{_RANGE}a finite number"
    if math.isnan(number) or (math.isinf(number) and INFINITE not in marks):
        return f"{_RANGE}a finite number"
    wrong = _out_of_bounds(number, marks)
    if wrong or SWEPT not in marks or torch.get_default_dtype() != torch.float32 or math.isinf(number):
        return wrong
    if abs(number) > LARGEST:
        return f"{_RANGE}at most {LARGEST:.3g} in size, the largest number of 32 bits"
    wrong = _out_of_bounds(float(np.float32(number)), marks)
    return f"{wrong}, also when it is rounded to a number of 32 bits" if wrong else ""


def _fault_of_tensor(value: Tensor, kind: type, marks: Sequence[Any]) -> str:
    if kind is int:
        return "a whole number, not a tensor"
    if value.dtype == torch.bool or value.is_complex():
        return "a number"
    if value.dim():
        return f"one number, not a tensor of shape {tuple(value.shape)}"
    try:
        for mark in marks:
            inside = _within(value.detach(), mark)
            if isinstance(inside, Tensor) and not bool(inside.all()):
                return _RANGE + _bounds(value.detach().flatten()[~inside.flatten()][0].item(), marks)
        if INFINITE not in marks and not bool(torch.isfinite(value.detach()).all()):
            return f"{_RANGE}a finite number"
    except RuntimeError:  # of a transformation (vmap, fake tensors): its value cannot be looked at
        return ""
    return ""


def _out_of_bounds(number: float, marks: Sequence[Any]) -> str:
    return "" if all(_within(number, mark) for mark in marks) else _RANGE + _bounds(number, marks)


def _within(value: Any, mark: Any) -> Any:
    """Whether a number (each of a tensor) is on the right side of one bound; true for what is no bound."""
    if isinstance(mark, Ge):
        return value >= mark.ge
    if isinstance(mark, Gt):
        return value > mark.gt
    if isinstance(mark, Le):
        return value <= mark.le
    return value < mark.lt if isinstance(mark, Lt) else True


def _bounds(number: float, marks: Sequence[Any]) -> str:
    """The bounds in words: those that the number is outside of, and those that say what a number is for."""
    words = {Ge: ("ge", "at least"), Gt: ("gt", "more than"), Le: ("le", "at most"), Lt: ("lt", "less than")}
    found = [(getattr(m, words[type(m)][0]), words[type(m)][1], _within(number, m)) for m in marks if type(m) in words]
    return " and ".join(f"{word} {bound}" for bound, word, kept in found if not kept or abs(bound) < 1000)


def _fault_of_object(value: Any, kind: type) -> str:
    if kind is object or _fits(value, kind):
        return ""
    advice = _ADVICE.get(kind, "")
    if isinstance(value, type) and _fits_class(value, kind):
        return f"an object: give an instance, {value.__name__}(...)"
    name = kind.__name__
    wanted = f"{'an' if name[0] in 'AEIOU' else 'a'} {name} object"
    if isinstance(value, str):
        wanted += ", not its name"
    return f"{wanted}; {advice}" if advice else wanted


def _fits(value: Any, kind: type) -> bool:
    if not getattr(kind, "_is_protocol", False):
        return isinstance(value, kind)
    return not isinstance(value, type) and all(hasattr(value, name) for name in _members(kind))


def _fits_class(value: type, kind: type) -> bool:
    if not getattr(kind, "_is_protocol", False):
        return issubclass(value, kind)
    return any(callable(getattr(value, name, None)) for name in _members(kind))


@cache
def _members(protocol: type) -> list[str]:
    """What a protocol asks an object to have."""
    bases = [base for base in protocol.__mro__ if getattr(base, "_is_protocol", False) and base is not typing.Protocol]
    named = {name for base in bases for name in (*vars(base), *vars(base).get("__annotations__", {}))}
    return sorted(name for name in named if not name.startswith("_"))


def _shown(value: Any) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, bool | int | float | str | None):
        text = repr(value) if not isinstance(value, int) or value.bit_length() < 1024 else "a number of many digits"
        return text if len(text) <= 80 else f"{text[:77]}..."
    if isinstance(value, Tensor):
        return f"the tensor {value.item():g}" if value.dim() == 0 and value.is_floating_point() else "a tensor"
    module = type(value).__module__.partition(".")[0]
    return f"a {type(value).__name__}" if module in ("builtins", "nashpath") else f"a {module} {type(value).__name__}"
