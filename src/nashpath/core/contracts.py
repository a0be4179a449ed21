"""What methods have to give: said on the functions of their bases, and held to in registered ones.

A base says it with `gives`; `hold` wraps the functions by which a class of one's own takes their place. What is wrong
is told where it enters, with the method's kind, name and file.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, NamedTuple, TypeVar, cast

import torch
from torch import Tensor

from nashpath.core.draws import moves_random_state
from nashpath.core.own import is_own, own_title, refused_method, warn_of_own
from nashpath.core.torch_compat import global_random_state, has_values, times_written
from nashpath.core.tree import located_leaves, tensor_leaves

_Function = TypeVar("_Function", bound=Callable[..., Any])

LOOKED = 16
"""Calls of a function of which each is watched for what it changes; later ones where their number is a power of two."""
KEEPS_FORM = (
    "what is carried from step to step keeps its names, shapes and kinds of numbers, else no checkpoint of it could be "
    "read"
)
COMPARED = 1 << 16
"""Numbers of a tensor that are compared with what they were."""


class Contract(NamedTuple):
    """What is wrong with a result (``fault(result, *arguments)``; empty: nothing), and what a call may not do.

    One that is ``pure`` changes no tensor that it is given and draws from no global random state; one that is
    ``counted`` counts nothing in its object. ``shown`` are the tensors of its arguments.
    """

    fault: Callable[..., str]
    pure: bool = False
    counted: bool = False
    shown: Callable[..., list[Tensor]] = lambda *given: tensor_leaves(given)


def gives(
    fault: Callable[..., str],
    pure: bool = False,
    counted: bool = False,
    shown: Callable[..., list[Tensor]] = lambda *given: tensor_leaves(given),
) -> Callable[[_Function], _Function]:
    """Decorator: functions of one's own that take the place of this one are held to this `Contract`."""

    def noted(function: _Function) -> _Function:
        vars(function)["__contract__"] = Contract(fault, pure, counted, shown)
        return function

    return noted


def hold_to_contracts(kind: type, like: type | None = None) -> None:
    """Has a class of one's own keep to the contracts of its bases (and of the protocol ``like``), in place; once."""
    for name, contract in contracts(kind, like).items():
        function = inspect.getattr_static(kind, name, None)
        if inspect.isfunction(function) and is_own(function) and not hasattr(function, "__held__"):
            setattr(kind, name, _held(name, function, contract))


def contracts(kind: type, like: type | None = None) -> dict[str, Contract]:
    """The contracts that a class has to keep, by function: of its nearest base that has one."""
    found: dict[str, Contract] = {}
    for base in (*kind.__mro__, *(like.__mro__ if like else ())):
        for name, function in vars(base).items():
            if hasattr(function, "__contract__"):
                found.setdefault(name, function.__contract__)
    return found


def _held(name: str, function: Callable[..., Any], contract: Contract) -> Callable[..., Any]:
    calls = 0

    @wraps(function)
    def call(self: Any, *given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        before = _plain(self) if contract.counted and calls > 1 else {}
        arguments = (*given, *named.values())
        if contract.pure and has_values() and (calls <= LOOKED or calls & (calls - 1) == 0):
            result = _watched(self, name, lambda: function(self, *given, **named), contract.shown(*arguments))
        else:
            result = function(self, *given, **named)
        wrong = contract.fault(result, self, *arguments)
        if wrong:
            raise refused_method(self, name, f"{name} {wrong}")
        if before:
            _warn_of_counting(self, before)
        return result

    vars(call)["__held__"] = True
    return call


def _watched(method: Any, name: str, call: Callable[[], Any], shown: list[Tensor]) -> Any:
    """What a call gives, which must not change the tensors that it is shown, nor draw from a global random state."""
    kept = [(v, times_written(v), _some(v)) for v in shown if not v.is_inference()]
    random = global_random_state()[1:]
    result = call()
    if any(times_written(v) != written or not torch.equal(_some(v), some) for v, written, some in kept):
        raise refused_method(
            method,
            name,
            f"{name} changes in place what it is given, which others use, too: write x = x - a in place of x -= a, or "
            "take a copy (x.clone())",
        )
    if random != global_random_state()[1:] and moves_random_state(call):
        raise refused_method(
            method,
            name,
            f"{name} draws from the global random state of PyTorch or NumPy, so no run could be repeated: take what is "
            "random from what it is given (a key, a batch, noise, rng)",
        )
    return result


def _some(tensor: Tensor) -> Tensor:
    flat = tensor.detach().reshape(-1)[:COMPARED]
    return flat.nan_to_num().clone() if flat.is_floating_point() else flat.clone()


def _plain(method: Any) -> dict[str, Any]:
    """Numbers and the lengths of lists among an object's attributes."""
    held = cast("dict[str, object]", vars(method))
    counts = {name: len(cast("list[object]", value)) for name, value in held.items() if isinstance(value, list)}
    return {name: value for name, value in held.items() if isinstance(value, int | float)} | counts


def _warn_of_counting(method: Any, before: dict[str, Any]) -> None:
    now = _plain(method)
    for name in (name for name, value in before.items() if now.get(name, value) != value):
        warn_of_own(
            method,
            f"{own_title(method)}: {name} changes from step to step, and is no part of its memory, so that no "
            "checkpoint holds it, and members that are trained together share it: carry a tensor in the memory that "
            "init makes; else a run that is resumed is not the run that was never stopped",
        )


def in_few_words(value: Any) -> str:
    """A value in a few words."""
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    name = cast("type[object]", type(value)).__name__
    if isinstance(value, tuple | list):
        return f"a {name} of {len(cast('list[Any]', value))}"
    return f"a{'n' if name[0] in 'aeiou' else ''} {name}"


def no_scalar(result: Any, *given: Any) -> str:
    """What is wrong with what must be a scalar tensor."""
    if isinstance(result, Tensor) and not result.dim():
        return ""
    return f"returns {in_few_words(result)}, not a scalar tensor"


def share_of(module: Any, cost: Any) -> Tensor:
    """A module's share of a cost. Raises `MethodError` where that is no scalar tensor."""
    if wrong := no_scalar(cost):
        raise refused_method(module, "forward", f"forward {wrong}")
    return cost


def no_tensors(result: Any, *given: Any) -> str:
    """What is wrong with what must be a tree of tensors."""
    others = _others(result)
    return f"returns a memory whose {others[0]}, not a tensor" if others else ""


def _others(tree: Any) -> list[str]:
    located = ((".".join(map(str, steps)) or "whole", leaf) for steps, leaf in located_leaves(tree))
    return [f"{at} is {in_few_words(leaf)}" for at, leaf in located if not isinstance(leaf, Tensor)]


def other_form(before: Any, now: Any, what: str) -> str:
    """The first entry in which a tree has not the form (names, shapes, kinds of numbers) of another; or nothing.

    What is carried from step to step keeps its form: else a checkpoint of it could not be read.
    """
    return next(_differences(before, now, what), "")


def _differences(before: Any, now: Any, what: str) -> Iterator[str]:
    old, new = dict(located_leaves(before)), dict(located_leaves(now))
    if () in new and () not in old:
        yield f"{what} is {in_few_words(now)}"
    for steps in {**old, **new}:
        told = _difference(old.get(steps, _NOTHING), new.get(steps, _NOTHING))
        if told:
            yield f"{'.'.join(map(str, (what, *steps)))} {told}"


_NOTHING = object()


def _difference(old: Any, new: Any) -> str:
    if new is _NOTHING:
        return "is gone"
    if not isinstance(new, Tensor):
        return f"is {in_few_words(new)}, not a tensor"
    if old is _NOTHING:
        return "is new"
    if not isinstance(old, Tensor):
        return f"was {in_few_words(old)}, not a tensor"
    return "" if (old.shape, old.dtype) == (new.shape, new.dtype) else f"was {_kind(old)}, and is {_kind(new)}"


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} of shape {tuple(tensor.shape)}"


def keeps_form(before: Any, now: Any, what: str) -> str:
    """`other_form`, in a sentence about what a function returns."""
    wrong = other_form(before, now, what)
    return f"returns what no checkpoint could hold: {wrong}; give it in init as each step returns it" if wrong else ""
