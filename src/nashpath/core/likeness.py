"""Whether two objects hold the same, and two modules all that is no parameter or buffer: what is not plainly so is not.

Members that share a step are computed with the first one's modules, in which the others' parameters and buffers are
put; so all else that a forward pass may read must be alike.
"""

import enum
import functools
import pickle
import random
import types
import weakref
from collections import deque
from pathlib import PurePath
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from nashpath.core.torch_compat import REBUILT, forward_hooks, function_parts, kind_of, tables
from nashpath.core.typed import named_modules

MODULE = frozenset(vars(nn.Module())) - {"training"}
"""Attributes that every module has: its tensors and modules, which are compared by themselves, and its hooks."""

_PLAIN = (bool, int, float, complex, str, bytes, torch.device, torch.dtype, torch.Size, PurePath, enum.Enum, slice)
_SELF_MADE = 1 << 9
"""Flag of classes that Python code defines; what others hold is not in their attributes."""


def python_state(module: nn.Module) -> dict[str, Any]:
    """What one module holds besides its parameters, buffers and modules, by attribute; its hooks among it."""
    own = {k: v for k, v in vars(module).items() if k not in MODULE and k not in REBUILT}
    hooks = forward_hooks(module)
    return {**own, "hooks": hooks} if hooks else own


def state_differences(one: nn.Module, other: nn.Module) -> list[str]:
    """The attributes, by their qualified names, that differ between two modules of one structure.

    Parameters and buffers may differ, as those that are registered under one name in both.
    """
    ours, theirs = dict(named_modules(one)), dict(named_modules(other))
    found: list[str] = []
    likeness = Likeness(_names(one, ours), _names(other, theirs))
    for where in {**ours, **theirs}:
        if where not in ours or where not in theirs or kind_of(ours[where]) is not kind_of(theirs[where]):
            return [where]
        mine, its = python_state(ours[where]), python_state(theirs[where])
        for name in {**mine, **its}:
            if name not in mine or name not in its or not likeness.of(mine[name], its[name]):
                found.append(f"{where}.{name}".lstrip("."))
    return found


def hold_the_same(one: Any, other: Any) -> bool:
    """Whether two objects are one, or hold the same."""
    return Likeness({}, {}).of(one, other)


def _names(module: nn.Module, parts: dict[str, nn.Module]) -> dict[int, str]:
    """The names of a module's own modules, and of the parameters that gradients are taken by."""
    found = {id(part): name for name, part in parts.items()}
    return found | {id(v): name for name, v in module.named_parameters() if v.requires_grad}


class Likeness:
    """Compares objects of two modules, whose own modules and parameters it knows by `id`: names of them agree."""

    def __init__(self, ours: dict[int, str], theirs: dict[int, str]):
        self.ours, self.theirs = ours, theirs
        self.met: dict[tuple[int, int], tuple[Any, Any]] = {}
        """Pairs that are compared, or have been: what refers to itself ends. Both are kept."""

    def of(self, a: Any, b: Any) -> bool:
        """Whether two objects are alike."""
        if a is b:
            return True
        if id(a) in self.ours or id(b) in self.theirs:
            return self.ours.get(id(a), "") == self.theirs.get(id(b), None)
        if (kind_of(a) if isinstance(a, nn.Module) else type(a)) is not (
            kind_of(b) if isinstance(b, nn.Module) else type(b)
        ):
            return False
        if isinstance(a, _PLAIN):
            return bool(a == b) or (a != a and b != b)
        if (id(a), id(b)) in self.met:
            return True
        self.met[id(a), id(b)] = a, b
        try:
            return self._held(a, b)
        except Exception:  # whatever an object of the user's may raise: it cannot be compared
            return False

    def _held(self, a: Any, b: Any) -> bool:
        kind: type = type(cast(object, a))
        if isinstance(a, Tensor):
            told = a.shape == b.shape and a.dtype == b.dtype and a.device == b.device
            return told and a.requires_grad == b.requires_grad and torch.equal(a, b)
        if issubclass(kind, np.ndarray):
            if issubclass(kind, np.memmap) or a.dtype != b.dtype:  # a map of a file is not read for this
                return False
            return self.of(a.tolist(), b.tolist()) if a.dtype.hasobject else np.array_equal(a, b)
        if isinstance(a, nn.Module):
            return self._loose(a, b)
        if issubclass(kind, list | tuple | deque):
            return self._all(list(a), list(b)) and self._attributes(a, b)
        if issubclass(kind, dict | types.MappingProxyType):
            return a.keys() == b.keys() and all(self.of(a[k], b[k]) for k in a) and self._attributes(a, b)
        if issubclass(kind, set | frozenset):
            return a == b and self._attributes(a, b)
        if callable(a):
            return self._functions(a, b)
        return self._objects(a, b)

    def _all(self, a: list[Any], b: list[Any]) -> bool:
        return len(a) == len(b) and all(self.of(x, y) for x, y in zip(a, b))

    def _loose(self, a: Any, b: Any) -> bool:
        """Modules that belong to neither side, such as those in a plain list: their tensors count, too."""
        state, other = python_state(a), python_state(b)
        parts: tuple[dict[str, Any], dict[str, Any]] = (
            {"state": state, "tables": tables(a)},
            {"state": other, "tables": tables(b)},
        )
        return self.of(*parts)

    def _functions(self, a: Any, b: Any) -> bool:
        """Functions are alike by their code and all that they hold; an object that is called, as other objects."""
        ours, theirs = function_parts(a), function_parts(b)
        if ours is not None and theirs is not None:
            return ours[0] == theirs[0] and self.of(ours[1], theirs[1])
        if isinstance(a, types.MethodType):
            return self.of(a.__func__, b.__func__) and self.of(a.__self__, b.__self__)
        if isinstance(a, functools.partial):
            return self.of(*[(f.func, f.args, f.keywords, vars(f)) for f in cast("list[Any]", [a, b])])
        if isinstance(a, types.BuiltinMethodType):
            return a.__name__ == b.__name__ and self.of(a.__self__, b.__self__)
        if isinstance(a, weakref.ref):
            return self.of(a(), b())
        return False if isinstance(a, type) else self._objects(a, b)

    def _objects(self, a: Any, b: Any) -> bool:
        if isinstance(a, torch.Generator):
            return torch.equal(a.get_state(), b.get_state())
        if isinstance(a, random.Random):
            return self.of(a.getstate(), b.getstate())
        kinds = [kind for kind in type(a).__mro__ if kind is not object]
        if kinds and all(kind.__flags__ & _SELF_MADE for kind in kinds):
            return self._attributes(a, b)
        return bool(a == b) or (bool(kinds) and pickle.dumps(a) == pickle.dumps(b))

    def _attributes(self, a: Any, b: Any) -> bool:
        """The attributes of two objects of one class, in dictionaries or in slots."""
        slots = [name for kind in type(a).__mro__ for name in _slots(kind)]
        held = [
            {**getattr(one, "__dict__", {}), **{k: getattr(one, k) for k in slots if hasattr(one, k)}} for one in (a, b)
        ]
        return self.of(*held) if any(held) else True


def _slots(kind: type) -> list[str]:
    own: Any = vars(kind).get("__slots__", ())
    names = [own] if isinstance(own, str) else [*own]
    mangled = [f"_{kind.__name__.lstrip('_')}{k}" if k.startswith("__") and not k.endswith("__") else k for k in names]
    return [k for k in mangled if k not in ("__dict__", "__weakref__")]
