"""The ``nashpath`` command. Each verb is one file; this one joins them."""

from typing import Annotated

import typer

import nashpath as package
from nashpath.cli.console import WARNED, guarded
from nashpath.cli.diagnose import diagnose
from nashpath.cli.evaluate import evaluate
from nashpath.cli.examples import examples
from nashpath.cli.explain import explain
from nashpath.cli.export import export
from nashpath.cli.features import features
from nashpath.cli.flow import flow
from nashpath.cli.gather import gather
from nashpath.cli.list_methods import list_methods
from nashpath.cli.plan import plan
from nashpath.cli.printing import flush, print_anything
from nashpath.cli.report import report
from nashpath.cli.reproduce import reproduce
from nashpath.cli.sample import sample
from nashpath.cli.search import search
from nashpath.cli.train import train

app = typer.Typer(
    name="nashpath",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> bool:
    if asked:
        typer.echo(f"nashpath {package.__version__}")
        raise typer.Exit
    return asked


@app.callback()
def nashpath(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Train GANs as the games they are, and see where they ended up."""
    WARNED.clear()


app.command()(guarded(train))
app.command()(guarded(search))
app.command()(guarded(flow))
app.command("list")(guarded(list_methods))
app.command()(guarded(explain))
app.command()(guarded(examples))
app.command()(guarded(sample))
app.command()(guarded(export))
app.command()(guarded(report))
app.command()(guarded(reproduce))
app.command()(guarded(plan))
app.command()(guarded(gather))
app.command()(guarded(diagnose))
app.command()(guarded(evaluate))
app.add_typer(features)


def main() -> None:
    """The console entry point."""
    print_anything()
    try:
        app()
    finally:
        flush()


__all__ = ["app", "main"]
