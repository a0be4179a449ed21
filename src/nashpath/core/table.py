"""Tables of methods. A method is a class; its row is a name, and the first line and the source in its docstring."""

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from typing import Any

from nashpath.core.arguments import check_constructor, did_you_mean
from nashpath.core.contracts import hold_to_contracts
from nashpath.core.own import OwnRow, note_name, place_of, unname
from nashpath.core.written import check_written

NAME = re.compile(r"[a-z][a-z0-9_]*")
"""Valid names of rows: usable unquoted in ``-s penalty=a`` and ``--sweep penalty=a,b``."""


class Table(Mapping[str, Any]):
    """All methods of one kind by name. A missing name raises `KeyError` that names the nearest one.

    What a new row must be: a class derived from ``base`` that has the attributes ``needs``; or, where ``takes`` names
    arguments, anything that is called with these. The constructor of a class with a row checks its arguments.

    A registered class is held to what its bases, and the protocol ``like``, say that their functions give
    (`nashpath.core.contracts`), and what a registered function makes to be a ``makes``; ``gives`` says it in words.
    """

    def __init__(
        self,
        kind: str,
        methods: Mapping[str, Callable[..., Any]],
        base: type = object,
        needs: Sequence[str] = (),
        takes: Sequence[str] = (),
        like: type | None = None,
        makes: type = object,
        gives: str = "",
    ):
        self.like, self.makes, self.gives = like, makes, gives
        self.kind, self.base, self.needs, self.takes = kind, base, tuple(needs), tuple(takes)
        self._methods = dict(methods)
        self._shipped = frozenset(methods)
        for method in methods.values():
            _watch(method)
        self.version = 0
        """Counts the changes: what was built from the table is built again when it has moved on (`rebuilt`)."""

    def __getitem__(self, name: str) -> Any:
        if name not in self._methods:
            raise KeyError(
                f"no {self.kind} is called {name!r}.{did_you_mean(name, list(self))} Known: {', '.join(self)}"
            )
        return self._methods[name]

    def __contains__(self, name: object) -> bool:
        return name in self._methods

    def __iter__(self) -> Iterator[str]:
        return iter(self._methods)

    def __len__(self) -> int:
        return len(self._methods)

    @property
    def registered(self) -> list[str]:
        """The rows that were added to the ones of the package."""
        return [name for name in self if name not in self._shipped]

    def register(self, name: str, method: Callable[..., Any]) -> None:
        """Adds a row. Raises `ValueError` for a name that is taken or invalid, and for an invalid method (`check`).

        The same object may be registered again; so may a class that was defined again at the same place (a notebook's
        cell that ran twice), which takes the place of the old one.
        """
        if not NAME.fullmatch(name):
            raise ValueError(
                f"{self.kind} {name!r}: a name is of small letters, digits and _, and begins with a letter"
            )
        before = self._methods.get(name)
        if before is method:
            return
        if before is not None and not (name not in self._shipped and _same_place(before, method)):
            raise ValueError(f"{self.kind} {name!r} exists already ({_place(before)}); choose another name")
        self.check(name, method)
        _watch(method)
        if inspect.isclass(method):
            hold_to_contracts(method, self.like)
        self._methods[name] = method
        note_name(method, self.row(name))
        self.version += 1

    def remove(self, name: str) -> None:
        """Takes a registered row out again. Raises `ValueError` for a row of the package."""
        if name in self._shipped or name not in self._methods:
            raise ValueError(f"{self.kind} {name!r} was not registered, so it cannot be removed")
        unname(self._methods.pop(name))
        self.version += 1

    def row(self, name: str) -> OwnRow:
        """Kind and name of a row, and what is expected of it."""
        return OwnRow(self.kind, name, self.gives, place_of(self[name]))

    def check(self, name: str, method: Callable[..., Any]) -> None:
        """Raises `ValueError` for an invalid method: a wrong base, a missing part or argument, no summary, or what
        `check_written` finds.
        """
        what = f"{self.kind} {name!r}"
        if not callable(method) or not (inspect.isclass(method) or self.takes):
            raise ValueError(f"{what}: expected a class, got {method!r}")
        if inspect.isclass(method) and not issubclass(method, self.base):
            raise ValueError(f"{what}: {method.__name__} must derive from {_public_place(self.base)}")
        for part in self.needs:
            if not callable(getattr(method, part, None)):
                raise ValueError(f"{what}: {_place(method)} has no method {part}(), which every {self.kind} needs")
        parameters = inspect.signature(method).parameters
        missing = [argument for argument in self.takes if argument not in parameters]
        if missing and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            raise ValueError(f"{what}: {_place(method)} must take {', '.join(missing)}, which it is given by name")
        if not _summary(method):
            raise ValueError(
                f"{what}: {_place(method)} has no docstring; its first line, one sentence, is what nashpath list shows"
            )
        if wrong := check_written(method, self.like):
            raise ValueError(f"{what}: {_place(method)}{wrong}")

    def summary(self, name: str) -> str:
        """The first line of the method's docstring."""
        return _summary(self[name])

    def reference(self, name: str) -> str:
        """What follows ``Reference:`` in the method's docstring, joined to one line; empty if there is none."""
        _, _, after = (inspect.getdoc(self[name]) or "").partition("Reference:")
        return " ".join(after.split("\n\n")[0].split())


def rebuilt(*tables: Table) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Decorator: caches a function's result until a row is added to, or removed from, one of the tables."""

    def keeping(build: Callable[[], Any]) -> Callable[[], Any]:
        kept: dict[tuple[int, ...], Any] = {}

        @wraps(build)
        def current() -> Any:
            versions = tuple(table.version for table in tables)
            if versions not in kept:
                made = build()
                kept.clear()
                kept[versions] = made
            return kept[versions]

        return current

    return keeping


def _watch(method: Callable[..., Any]) -> None:
    if inspect.isclass(method):
        check_constructor(method)


def _summary(method: Any) -> str:
    """The first line of a method's own docstring (not of its base's)."""
    first = (inspect.cleandoc(method.__doc__) if method.__doc__ else "").split("\n")[0]
    return "" if first.startswith(f"{getattr(method, '__name__', '')}(") else first  # a dataclass without a docstring


def _place(method: Any) -> str:
    """Where a class or function is defined."""
    return f"{getattr(method, '__module__', '?')}.{getattr(method, '__qualname__', repr(method))}"


def _public_place(base: type) -> str:
    """The shortest name by which a class can be imported."""
    parts = base.__module__.split(".")
    for count in range(1, len(parts)):
        room = ".".join(parts[:count])
        if getattr(sys.modules.get(room), base.__qualname__, None) is base:
            return f"{room}.{base.__qualname__}"
    return _place(base)


def _same_place(a: Any, b: Any) -> bool:
    """Whether ``b`` is ``a`` defined again; functions and classes made inside a function have no place of their own."""
    return _place(a) == _place(b) and "<locals>" not in _place(a)
