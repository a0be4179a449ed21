"""Tables of methods. A method is a class; its row is a name, and the first line and the source in its docstring."""

import difflib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any


def did_you_mean(name: str, known: list[str]) -> str:
    """``" Did you mean 'x'?"`` for the closest known name, or an empty string."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    return f" Did you mean {close[0]!r}?" if close else ""


class Table(Mapping[str, Any]):
    """All methods of one kind by name. A missing name raises `KeyError` that names the nearest one."""

    def __init__(self, kind: str, methods: Mapping[str, Callable[..., Any]]):
        self.kind = kind
        self._methods = dict(methods)

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

    def summary(self, name: str) -> str:
        """The first line of the method's docstring."""
        return (inspect.getdoc(self[name]) or "").split("\n")[0]

    def reference(self, name: str) -> str:
        """What follows ``Reference:`` in the method's docstring, joined to one line; empty if there is none."""
        _, _, after = (inspect.getdoc(self[name]) or "").partition("Reference:")
        return " ".join(after.split("\n\n")[0].split())
