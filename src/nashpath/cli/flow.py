"""``nashpath flow``: particles along a flow, with a report."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from nashpath.cli.begun import settings_in
from nashpath.cli.console import ProgressBar, With, check_given, load_all
from nashpath.cli.index import check_known
from nashpath.cli.places import DataPath, given_place
from nashpath.cli.stopping import stopping, written_page
from nashpath.cli.train import Accept, Config, Quiet, Resume, folder_to_resume, next_folder
from nashpath.spelling import as_argument

_Setting = Annotated[
    list[str] | None,
    typer.Option("-s", "--set", metavar="KEY=VALUE", help="One setting, such as -s flow=mmd -s particles=500."),
]
Out = Annotated[
    Path | None, typer.Option("--out", parser=given_place, help="The run folder (default: the next free runs/flow-N).")
]


def flow(
    config: Config = None,
    settings: _Setting = None,
    out: Out = None,
    resume: Resume = False,
    accept_changes: Accept = False,
    data_path: DataPath = None,
    own: With = None,
    quiet: Quiet = False,
) -> None:
    """Let particles flow to the data, for any increasing h, and write a report.

    For example: nashpath flow -s data=ring -s h=arcsinh -s particles=2000 -s steps=500. Ctrl-C stops after writing a
    checkpoint; --resume goes on from there, bit for bit.
    """
    with stopping() as stop, ExitStack() as stack:
        check_given(None if resume else config, ("-s", settings))
        if not resume:
            check_known("flow", config, settings or [], [], own)
        files = load_all(own)
        live = stack.enter_context(ProgressBar(quiet))  # not before: leaving at once would leave no cursor
        from nashpath.report import load_run
        from nashpath.run import SettingError, resolve_flow, resume_flow, run_flow
        from nashpath.run.settings.overrides import parse_overrides

        changes = parse_overrides(settings or [])
        if resume:
            folder = folder_to_resume(config, out, "flow")
            resume_flow(folder, changes, live, stop, accept_changes, data_path)
        elif accept_changes or data_path:
            raise SettingError("--accept-changes and --data-path are for --resume; a new flow has -s data.path=…")
        else:
            chosen = resolve_flow(changes, settings_in(config))
            folder = run_flow(chosen, out or stack.enter_context(next_folder("flow")), live, stop, files)
        page = written_page(folder, live)
        member = load_run(folder).members[0]
        if member.outcome == "stopped":
            live.tell(
                f"stopped at step {member.steps}; continue with: nashpath flow --resume --out {as_argument(folder)}"
            )
    page.told(live)
