"""``nashpath features``: what samples are measured in, and the weights that some of it needs."""

import inspect

import typer

from nashpath.cli.console import guarded, leaving_at_once

features = typer.Typer(name="features", no_args_is_help=True, help="Feature extractors, and the weights they need.")


@features.command("list")
@guarded
def list_features() -> None:
    """Show every feature extractor with one line, and whether Inception's weights are here."""
    with leaving_at_once():
        from nashpath.metrics import FEATURES
        from nashpath.metrics.features.inception import kept_file

    for name, kind in FEATURES.items():
        typer.echo(f"{name:12}{(inspect.getdoc(kind) or '').splitlines()[0]}")
    there = kept_file().is_file()
    typer.echo(f"\nInception's weights: {kept_file() if there else 'not here; nashpath features fetch'}")


@features.command("fetch")
@guarded
def fetch() -> None:
    """Download Inception's weights (95 MB, once) into the cache folder, and check their SHA-256."""
    with leaving_at_once():
        from nashpath.core.cache import check_replaceable
        from nashpath.metrics import download_inception
        from nashpath.metrics.features.inception import SHA256, URL, check_weights, kept_file

    if kept_file().is_file():
        check_weights(kept_file())
    else:
        check_replaceable(kept_file())
        typer.echo(f"fetching {URL}", err=True)
    typer.echo(f"{download_inception()}\nSHA-256 {SHA256}")
