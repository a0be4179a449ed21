"""``nashpath flow``: particles along a flow, with a report."""

from pathlib import Path
from typing import Annotated

import typer

from nashpath.cli.console import ProgressBar, With, check_given, load_all, user_errors
from nashpath.cli.places import given_place
from nashpath.cli.train import Config, Quiet, Setting, next_folder, stopping

Out = Annotated[
    Path | None, typer.Option("--out", parser=given_place, help="The run folder (default: the next free runs/flow-N).")
]


def flow(
    config: Config = None, settings: Setting = None, out: Out = None, own: With = None, quiet: Quiet = False
) -> None:
    """Let particles flow to the data, for any increasing h, and write a report.

    For example: nashpath flow -s data=ring -s h=arcsinh -s particles=2000 -s steps=500
    """
    with user_errors(), ProgressBar(quiet) as live, stopping() as stop:
        check_given(config, ("-s", settings))
        files = load_all(own)
        from nashpath.report import write_report
        from nashpath.run import resolve_flow, run_flow
        from nashpath.run.folder.run_folder import read_toml
        from nashpath.run.settings.overrides import parse_overrides

        chosen = resolve_flow(parse_overrides(settings or []), read_toml(config) if config else None)
        folder = run_flow(chosen, out or next_folder("flow"), live, stop, files)
        page = write_report(folder)
    typer.echo(str(page))
