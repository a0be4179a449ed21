"""``nashpath list``: every method with one line, or one method with its settings and equation."""

import difflib
import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nashpath.cli.console import With, load_all
from nashpath.cli.index import shipped_index
from nashpath.cli.list_studies import STUDY, study_rows, told_studies, told_study

if TYPE_CHECKING:
    from nashpath.core import Table
    from nashpath.games.toys import KnownGame

KEYS = {"rule": "solver.generator", "schedule": "solver.generator.schedule"}
"""Where methods are set that each player has one of; the discriminator's are at the same level."""

RECIPE = "recipe"
"""The kind of what is listed beside methods."""

What = Annotated[
    str | None,
    typer.Argument(
        help="A kind (penalty), a method (penalty.dragan), or its name alone (dragan); recipe or study, or one "
        "(recipe.ring, study.monoflow).",
        show_default=False,
    ),
]


def list_methods(what: What = None, own: With = None) -> None:
    """Show every data set, objective, penalty, network, solver, …; with a name, its equation and settings."""
    first, _, name = (what or "").partition(".")
    if first == RECIPE:
        _print_recipe(name) if name else _print_recipes()
        return
    if first == STUDY and name:
        load_all(own)
        from nashpath.studies import find_study

        typer.echo(told_study(find_study(name)))
        return
    index = shipped_index(own)
    if index is None or (what not in (None, STUDY) and what not in index["kinds"]):
        load_all(own)
        from nashpath.run.settings.register import KINDS

        if what not in (None, STUDY) and what not in KINDS:
            print_named(str(what), KINDS)
            return
        index = described()
    if what == STUDY:
        typer.echo(told_studies(index["studies"]))
        return
    for kind in index["kinds"] if what is None else [what]:
        _print_rows(kind, index["kinds"][kind])
    if what in KEYS:
        keys = KEYS[what], KEYS[what].replace("generator", "discriminator")
        flows = f"; a flow: -s {what}=NAME" if what in index["flow"]["names"]["rows"] else ""
        typer.echo(f"Each player has one: {' and '.join(f'-s {key}=NAME' for key in keys)}{flows}")
    if what is None:
        _print_recipes()
        _print_rows(STUDY, index["studies"])
        _print_general(index["general"])


def index_of(own: Sequence[Path] | None) -> dict[str, Any]:
    """What `described` returns; without PyTorch where all methods are the package's own."""
    index = shipped_index(own)
    if index is None:
        load_all(own)
        index = described()
    return index


def _print_recipes() -> None:
    """Each recipe with its kind of data, and what it reached where it was raced."""
    from nashpath.run.settings.recipe import reached, recipe_race, recipes

    rows = []
    for one in recipes().values():
        best = [data for data, raced in recipe_race().items() if raced["best"] == one.name]
        told = [*reached(one.name), *(f"begun with on data like {data}" for data in best)]
        rows.append([one.name, f"{one.kind}: {one.about}" + (f" ({'; '.join(told)})" if told else "")])
    _print_rows(RECIPE, rows)
    if recipe_race():
        raced = ", ".join(f"{data} in features {one['features']}" for data, one in recipe_race().items())
        typer.echo(f"  Fréchet distances [95 % interval] at equal time on one core: {raced} (docs/choose.md)")


def _print_recipe(name: str) -> None:
    """The file of one."""
    from nashpath.run.settings.recipe import file_of, recipe_named

    typer.echo(file_of(recipe_named(name)).read_text(encoding="utf-8"), nl=False)


def described() -> dict[str, Any]:
    """What the lists say, rows ``[name, line]``: ``"kinds"`` of each table, ``"general"`` of settings, ``"studies"``.

    Below the two verbs that take settings, ``"train"`` and ``"flow"``, the `Names` of these and what values they take.

    The file `INDEX` holds it for the tables as the package ships them (``make index`` writes it, a test compares).
    """
    from nashpath.run.settings.flow import flow_model, flow_names
    from nashpath.run.settings.model import General, setting_names, settings_model
    from nashpath.run.settings.register import KINDS
    from nashpath.run.settings.schema import values_of

    general = [
        [name, f"{field.description} (default: {field.default})"] for name, field in General.model_fields.items()
    ]
    kinds = {kind: _rows(table, list(table)) for kind, table in KINDS.items()}
    verbs = {"train": (settings_model(), setting_names()), "flow": (flow_model(), flow_names())}
    said = {verb: {"names": asdict(names), "values": values_of(model, names)} for verb, (model, names) in verbs.items()}
    return {"kinds": kinds, "general": general, "studies": study_rows(), **said}


def _rows(table: "Table", names: list[str]) -> list[list[str]]:
    return [[name, f"{table.summary(name)}{_year(table, name)}"] for name in names]


def print_named(what: str, kinds: "dict[str, Table]") -> None:
    """One method, by its name alone or after its kind; several of one name with a line each."""
    rows = {f"{kind}.{name}": (kind, name) for kind, table in kinds.items() for name in table}
    found = [row for full, row in rows.items() if what in (full, row[1])]
    if not found:
        raise ValueError(f"{_unknown(what, kinds)}{_meant(what, list(kinds), list(rows))}{_known(what, kinds)}")
    if len(found) > 1:
        for kind, name in found:
            _print_rows(kind, _rows(kinds[kind], [name]))
        typer.echo(f"One of them: nashpath list {'.'.join(found[0])}")
        return
    ((kind, name),) = found
    if name == what:
        typer.secho(f"{kind}.{name}", bold=True)
    from nashpath.run.settings.register import BY_NAME

    if kind in BY_NAME:
        _print_asked(BY_NAME[kind], kind, kinds[kind], name)
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


def _print_rows(kind: str, rows: list[list[str]]) -> None:
    typer.secho(kind, bold=True)
    width = max(len(name) for name, _ in rows)
    for name, line in rows:
        typer.echo(f"  {name:<{width}}  {line}")
    typer.echo()


def _year(table: "Table", name: str) -> str:
    """The year of the method's first reference, in brackets; empty for the rows that do nothing, and without one."""
    found = re.search(r"\b(?:18|19|20)\d\d\b", table.reference(name))
    return f" [{found.group()}]" if found and name != "none" else ""


def _print_general(settings: list[list[str]]) -> None:
    typer.secho("settings of every run", bold=True)
    for name, line in settings:
        typer.echo(f"  {name:<20}  {line}")


def _print_method(key: str, method: Callable[..., Any]) -> None:
    from nashpath.games.toys import KnownGame
    from nashpath.run.settings.names import SHARED
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


def _print_asked(key: str, kind: str, table: "Table", name: str) -> None:
    """A diagnostic, metric or tracker, which runs ask for by name, as many as they like."""
    from nashpath.run.settings.diagnostics import runnable_by_name
    from nashpath.run.settings.schema import arguments

    taken = runnable_by_name() if kind == "diagnostic" else list(table)
    typer.echo(inspect.getdoc(table[name]))
    typer.echo()
    typer.echo(f"  -s {key}={name}" if name in taken else "  from Python only: it needs more than the game")
    for argument, (_, default) in arguments(table[name]).items():
        typer.echo(f"  {argument}={default}  (in Python)")
