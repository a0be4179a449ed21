"""``nashpath list``: every method with one line, or one method with its settings and equation."""

import difflib
import inspect
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nashpath.cli.console import With, load_all, user_errors

if TYPE_CHECKING:
    from nashpath.core import Table
    from nashpath.games.toys import KnownGame

KEYS = {"rule": "solver.generator", "schedule": "solver.generator.schedule"}
"""Where methods are set that each player has one of; the discriminator's are at the same level."""

What = Annotated[
    str | None,
    typer.Argument(help="A kind (penalty), a method (penalty.dragan), or its name alone (dragan).", show_default=False),
]


def list_methods(what: What = None, own: With = None) -> None:
    """Show every data set, objective, penalty, network, solver, …; with a name, its equation and settings."""
    with user_errors():
        load_all(own)
        from nashpath.run.settings.register import KINDS

        if what is None:
            for kind, table in KINDS.items():
                _print_table(kind, list(table), table)
            _print_general()
        elif what in KINDS:
            _print_table(what, list(KINDS[what]), KINDS[what])
        else:
            print_named(what, KINDS)


def print_named(what: str, kinds: "dict[str, Table]") -> None:
    """One method, by its name alone or after its kind; several of one name with a line each."""
    rows = {f"{kind}.{name}": (kind, name) for kind, table in kinds.items() for name in table}
    found = [row for full, row in rows.items() if what in (full, row[1])]
    if not found:
        raise ValueError(f"{_unknown(what, kinds)}{_meant(what, list(kinds), list(rows))}{_known(what, kinds)}")
    if len(found) > 1:
        for kind, name in found:
            _print_table(kind, [name], kinds[kind])
        typer.echo(f"One of them: nashpath list {'.'.join(found[0])}")
        return
    ((kind, name),) = found
    if name == what:
        typer.secho(f"{kind}.{name}", bold=True)
    if kind in ("diagnostic", "metric"):
        _print_asked(kind, kinds[kind], name)
    else:
        _print_method(KEYS.get(kind, kind), kinds[kind][name])


def _unknown(what: str, kinds: "dict[str, Table]") -> str:
    kind, _, name = what.partition(".")
    return f"no {kinds[kind].kind} is called {name!r}." if kind in kinds else f"no kind or method is called {what!r}."


def _meant(what: str, kinds: list[str], rows: list[str]) -> str:
    """A hint at the nearest kinds and methods, at most three; a method is near by its name too."""
    near = {full: _likeness(what, full if "." in what else full.rpartition(".")[2]) for full in [*kinds, *rows]}
    least = max(0.6, max(near.values()) - 0.1)
    best = [full for full in sorted(near, key=lambda full: -near[full]) if near[full] >= least]
    return f" Did you mean {' or '.join(map(repr, best[:3]))}?" if best else ""


def _likeness(a: str, b: str) -> float:
    """From 0 to 1: the share of letters in common blocks."""
    return difflib.SequenceMatcher(None, a, b).ratio()


def _known(what: str, kinds: "dict[str, Table]") -> str:
    kind = what.partition(".")[0]
    return f" Known: {', '.join(kinds[kind])}" if kind in kinds else f" Kinds: {', '.join(kinds)}"


def _print_table(kind: str, names: list[str], table: "Table") -> None:
    typer.secho(kind, bold=True)
    width = max(map(len, names))
    for name in names:
        typer.echo(f"  {name:<{width}}  {table.summary(name)}{_year(table, name)}")
    typer.echo()


def _year(table: "Table", name: str) -> str:
    """The year of the method's first reference, in brackets; empty for the rows that do nothing, and without one."""
    found = re.search(r"\b(?:18|19|20)\d\d\b", table.reference(name))
    return f" [{found.group()}]" if found and name != "none" else ""


def _print_general() -> None:
    from nashpath.run.settings.model import General

    typer.secho("settings of every run", bold=True)
    for name, field in General.model_fields.items():
        typer.echo(f"  {name:<20}  {field.description} (default: {field.default})")


def _print_method(key: str, method: Callable[..., Any]) -> None:
    from nashpath.games.toys import KnownGame
    from nashpath.run.settings.model import SHARED
    from nashpath.run.settings.schema import arguments, is_swept

    typer.echo(inspect.getdoc(method))
    typer.echo()
    if isinstance(method, type) and issubclass(method, KnownGame):
        _print_toy(method)
    for argument, (annotation, default) in arguments(method).items():
        swept = "  (a number: sweeps share one program)" if is_swept(annotation) else ""
        path = argument if argument in SHARED else f"{key}.{argument}"
        typer.echo(f"  -s {path}={default}{swept}")


def _print_toy(toy: "type[KnownGame]") -> None:
    """What is known about the game with its default settings, and how it is played by default."""
    for truth in toy().truth:
        typer.echo(f"  truth under these settings: {truth}")
    for path, chosen in toy.defaults.items():
        rates = "".join(f", {key} {value}" for key, value in chosen.items() if key != "kind")
        typer.echo(f"  by default {path}={chosen['kind']}{rates}")
    typer.echo()


def _print_asked(kind: str, table: "Table", name: str) -> None:
    """A diagnostic or metric, which runs ask for by name, as many as they like; its arguments are for Python."""
    from nashpath.run.settings.diagnostics import runnable_by_name
    from nashpath.run.settings.schema import arguments

    taken = runnable_by_name() if kind == "diagnostic" else list(table)
    typer.echo(inspect.getdoc(table[name]))
    typer.echo()
    typer.echo(f"  -s {kind}s={name}" if name in taken else "  from Python only: it needs more than the game")
    for argument, (_, default) in arguments(table[name]).items():
        typer.echo(f"  {argument}={default}  (in Python)")
