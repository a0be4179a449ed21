"""What can be told of a class before it is used: functions it lacks, arguments they do not take, wrong defaults."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, get_type_hints

from torch import nn

from nashpath.core.arguments import fault


def check_written(method: Callable[..., Any], like: type | None = None) -> str:
    """What is wrong with a method as it is written, as the end of a sentence that names it; empty where nothing is.

    A function of a base that only raises `NotImplementedError` must be written; one that takes the place of a base's
    (or of one of the protocol ``like``) is called with the arguments of that one; and a default fits its annotation.
    """
    wrong = _default(method)
    if wrong or not inspect.isclass(method):
        return wrong
    return next(_functions(method, like), "")


def _default(method: Callable[..., Any]) -> str:
    """The first default that its own annotation excludes."""
    target = method.__init__ if inspect.isclass(method) else method
    try:
        hints = get_type_hints(target, include_extras=True)
    except NameError:  # told by who reads the settings
        return ""
    for name, parameter in inspect.signature(method).parameters.items():
        if parameter.default is inspect.Parameter.empty or name not in hints or parameter.default is None:
            continue
        wanted = fault(parameter.default, hints[name])
        if wanted:
            return f": the default of {name} is {parameter.default!r}; it must be {wanted}"
    return ""


def _functions(kind: type, like: type | None) -> Iterator[str]:
    """What is wrong with a class's functions, one after the other."""
    asked = _asked(kind, like)
    if not asked and issubclass(kind, nn.Module) and kind.forward is nn.Module.forward:
        yield " has no forward(...), which is what it computes"
    for name, base in asked.items():
        own = inspect.getattr_static(kind, name, None)
        told = call_form(name, base)
        if own is base or not callable(getattr(kind, name, None)):
            called = [other for other in asked if name in asked[other].__code__.co_names]
            around = any(inspect.getattr_static(kind, other) is not asked[other] for other in called)
            if (_is_abstract(base) and not around) or own is None:
                yield f" has no {told}, which its base asks for"
        elif inspect.isfunction(own) and not _takes(own, base):
            yield f": {call_form(name, own)} must take {call_form('', base)}, which it is called with"


def _asked(kind: type, like: type | None) -> dict[str, Any]:
    """The functions of nashpath's bases (the nearest of each name) that a class has or takes the place of."""
    found: dict[str, Any] = {}
    for base in (*kind.__mro__, *(like.__mro__ if like else ())):
        if str(base.__module__).startswith("nashpath."):
            for name, function in vars(base).items():
                public = name == "__call__" or not name.startswith("_")
                if public and inspect.isfunction(function):
                    found.setdefault(name, function)
    return found


def _is_abstract(function: Any) -> bool:
    """Whether a function only says that a subclass writes it."""
    code = inspect.unwrap(function).__code__
    return code.co_names == ("NotImplementedError",)


def call_form(name: str, function: Callable[..., Any]) -> str:
    """How a function is called: ``name(first, second)``, without ``self``."""
    return f"{name}({', '.join(one for one in inspect.signature(function).parameters if one != 'self')})"


def _takes(own: Any, base: Any) -> bool:
    """Whether a function can be called with the arguments of another, by place (and by name, where only so)."""
    parameters = inspect.signature(base).parameters.values()
    placed = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    named = {p.name: None for p in parameters if p.kind is p.KEYWORD_ONLY}
    try:
        inspect.signature(own).bind(*placed, **named)
    except TypeError:
        return False
    return True
