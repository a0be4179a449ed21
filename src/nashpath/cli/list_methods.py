"""``nashpath list``: every method with one line, or one method with its settings and equation."""

import inspect
from typing import Annotated

import typer

from nashpath.cli.console import With, load_all, user_errors
from nashpath.core.table import did_you_mean
from nashpath.games.toys import KnownGame
from nashpath.metrics import METRICS
from nashpath.run.settings.diagnostics import runnable_by_name
from nashpath.run.settings.model import SHARED, General
from nashpath.run.settings.register import KINDS
from nashpath.run.settings.schema import arguments, is_swept

KEYS = {"rule": "solver.generator", "schedule": "solver.generator.schedule"}
"""Where methods are set that each player has one of; the discriminator's are at the same level."""

ASKED = {"diagnostic": ("diagnostics", runnable_by_name), "metric": ("metrics", METRICS.keys)}
"""Kinds of which a run names as many as it likes: the setting that lists the names, and the names that it takes."""

What = Annotated[str | None, typer.Argument(help="A kind (penalty) or a method (penalty.dragan).", show_default=False)]


def list_methods(what: What = None, own: With = None) -> None:
    """Show every data set, objective, penalty, network, solver, …; with a name, its equation and settings."""
    kinds = KINDS
    with user_errors():
        load_all(own)
        if what is None:
            for kind, table in kinds.items():
                _print_table(kind, table)
            _print_general()
            return
        kind, _, name = what.partition(".")
        if kind not in kinds:
            raise ValueError(f"no kind is called {kind!r}.{did_you_mean(kind, list(kinds))} Known: {', '.join(kinds)}")
        table = kinds[kind]
        if not name:
            _print_table(kind, table)
            return
        if name not in table:
            raise ValueError(
                f"no {table.kind} is called {name!r}.{did_you_mean(name, list(table))} Known: {', '.join(table)}"
            )
        if kind in ASKED:
            _print_asked(table, name, ASKED[kind])
            return
        _print_method(KEYS.get(kind, kind), table[name])


def _print_table(kind, table) -> None:
    typer.secho(kind, bold=True)
    width = max(map(len, table))
    for name in table:
        typer.echo(f"  {name:<{width}}  {table.summary(name)}")
    typer.echo()


def _print_general() -> None:
    typer.secho("settings of every run", bold=True)
    for name, field in General.model_fields.items():
        typer.echo(f"  {name:<20}  {field.description} (default: {field.default})")


def _print_method(key: str, method) -> None:
    typer.echo(inspect.getdoc(method))
    typer.echo()
    if inspect.isclass(method) and issubclass(method, KnownGame):
        _print_toy(method)
    for argument, (annotation, default) in arguments(method).items():
        swept = "  (a number: sweeps share one program)" if is_swept(annotation) else ""
        path = argument if argument in SHARED else f"{key}.{argument}"
        typer.echo(f"  -s {path}={default}{swept}")


def _print_toy(toy: type[KnownGame]) -> None:
    """What is known about the game with its default settings, and how it is played by default."""
    for truth in toy().truth:
        typer.echo(f"  truth under these settings: {truth}")
    for path, chosen in toy.defaults.items():
        rates = "".join(f", {key} {value}" for key, value in chosen.items() if key != "kind")
        typer.echo(f"  by default {path}={chosen['kind']}{rates}")
    typer.echo()


def _print_asked(table, name: str, asked) -> None:
    """A method that runs ask for by name; what its constructor takes is for Python."""
    setting, taken = asked
    typer.echo(inspect.getdoc(table[name]))
    typer.echo()
    typer.echo(f"  -s {setting}={name}" if name in taken() else "  from Python only: it needs more than the game")
    for argument, (_, default) in arguments(table[name]).items():
        typer.echo(f"  {argument}={default}  (in Python)")
