"""Methods of one's own in the tables: `register`, and the kinds that there are."""

from collections.abc import Callable, Collection
from typing import Any, TypeVar, overload

from nashpath.core import Table, did_you_mean
from nashpath.diagnostics import DIAGNOSTICS
from nashpath.flows import FLOWS, INTEGRATORS, RATIOS
from nashpath.metrics import METRICS
from nashpath.run.errors import SettingError
from nashpath.run.settings.model import TABLES
from nashpath.run.settings.names import SHARED
from nashpath.run.settings.numbers import check_numbers
from nashpath.run.settings.schema import required, unsettable
from nashpath.run.trackers import TRACKERS
from nashpath.solvers import RULES, SCHEDULES

KINDS: dict[str, Table] = {
    **{path: table for path, table in TABLES.items() if "." not in path},
    "rule": RULES,
    "schedule": SCHEDULES,
    "flow": FLOWS,
    "ratio": RATIOS,
    "integrator": INTEGRATORS,
    "diagnostic": DIAGNOSTICS,
    "metric": METRICS,
    "tracker": TRACKERS,
}
"""Every table that `register` adds to and `nashpath list` shows, by the name of its kind."""

BUILDER_GIVES: dict[str, Collection[str]] = {
    "game": (
        *("objective", "penalty", "data", "generator", "discriminator", "new_generator", "new_discriminator"),
        *("seed", *SHARED),
    ),
    "generator": ("latent", "shape"),
    "discriminator": ("shape", "outputs"),
    "technique": ("game",),
    "solver": ("discriminator", "generator"),
    "constraint": ("solver",),
    "average": ("solver",),
    "flow": ("data", "h", "ratio", "discriminator", "rule", "target", "score"),
    "ratio": ("data", "h", "discriminator", "rule", "target", "score"),
}
"""Arguments that a method is given by name, if it has them; all others must be settings."""

BY_NAME = {"diagnostic": "diagnostics", "metric": "metrics", "tracker": "track"}
"""Kinds that a run asks for by name alone, and the setting that lists them: their arguments are for Python."""

M = TypeVar("M", bound=Callable[..., Any])


@overload
def register(kind: str, name: str, method: None = None, *, python_only: Collection[str] = ()) -> Callable[[M], M]: ...


@overload
def register(kind: str, name: str, method: M, *, python_only: Collection[str] = ()) -> M: ...


def register(kind: str, name: str, method: Any = None, *, python_only: Collection[str] = ()) -> Any:
    """Gives a method of one's own a name in the settings: ``-s penalty=consistency`` and all the rest then know it.

    ``register("penalty", "consistency", Consistency)``, or as a decorator, ``@register("penalty", "consistency")``.
    Gives the method back. ``python_only`` names arguments that settings need not reach.

    Raises `SettingError` for a kind that does not exist, a name that is taken, and a method that cannot be built from
    settings: not derived from its kind's base, without a docstring, with an argument that nothing gives, with a
    default that no text file can hold or that its annotation excludes, without a function that its base asks for or
    with one that does not take what it is called with, or with a number that becomes no buffer.
    """
    if kind not in KINDS:
        raise SettingError(f"no kind of method is called {kind!r}.{did_you_mean(kind, list(KINDS))} {_known()}")
    if method is None:
        return lambda method: register(kind, name, method, python_only=python_only)
    try:
        KINDS[kind].check(name, method)
        if kind not in BY_NAME:
            _check_arguments(f"{KINDS[kind].kind} {name!r}", method, {*BUILDER_GIVES.get(kind, ()), *python_only})
            check_numbers(kind, f"{KINDS[kind].kind} {name!r}", method)
        KINDS[kind].register(name, method)
    except ValueError as error:
        raise SettingError(str(error)) from None
    return method


def _known() -> str:
    return f"Known: {', '.join(KINDS)}"


def _check_arguments(what: str, method: Callable[..., Any], given: set[str]) -> None:
    """Raises `ValueError` for the first argument that neither the builder nor the settings can give."""
    try:
        open_ended = [name for name in unsettable(method) if name not in given]
    except NameError as error:
        raise ValueError(f"{what}: an annotation of its arguments means nothing where it is defined: {error}") from None
    if open_ended:
        raise ValueError(
            f"{what}: the argument {open_ended[0]!r} has a default, so it is a setting, but its annotation is nothing "
            "that a text file can hold (bool, int, float, str, Literal[...], Number, Count, …); annotate it so, or "
            "name it in python_only"
        )
    lacking = [name for name in required(method) if name not in given]
    if lacking:
        known = f"it is given {', '.join(sorted(given))}" if given else "this kind is given none"
        raise ValueError(f"{what}: the argument {lacking[0]!r} has no default, and nothing gives it: {known}")
