"""``nashpath gather``: joins what was measured in several folders."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from nashpath.cli.console import ProgressBar, With, load_all
from nashpath.cli.places import given_place
from nashpath.cli.reproduce import StudyJson, conclude
from nashpath.cli.stopping import written_page

_Out = Annotated[Path, typer.Argument(help="The folder to gather into; it may be new.", parser=given_place)]
_Folders = Annotated[
    list[Path] | None,
    typer.Argument(help="The parts, wherever they were made (of a run, by default: those in OUT/parts)."),
]


def gather(out: _Out, folders: _Folders = None, own: With = None, as_json: StudyJson = False) -> None:
    """Join the parts of a run, of its evaluation, or of a reproduction, that were made elsewhere.

    The parts of a run (`nashpath train --part`) become a run like any other, those of RUN/evaluation (`evaluate
    --part`) the evaluation of the run. Those of a reproduction (`reproduce --part`, --experiment, --for; each folder
    is that of one study) are judged together.
    """
    load_all(own)
    from nashpath.report import is_reproduction, write_reproduction
    from nashpath.run import SettingError, gather_run, join_evaluations
    from nashpath.run.assess.evaluate_parts import is_evaluation
    from nashpath.run.folder.run_folder import plain_json
    from nashpath.studies import gather_cells, read_study

    for folder in folders or []:
        inside = [] if is_reproduction(folder) else sorted(one.parent for one in folder.glob("*/study.json"))
        if inside:
            raise SettingError(f"{folder} holds reproductions; name that of one study, such as {inside[0]}")
    if not folders or not all(map(is_reproduction, folders)):
        run = out.parent if is_evaluation(out) else out
        if run is out:
            gather_run(out, folders or [])
        else:
            join_evaluations(run)
        page = written_page(run, ProgressBar(quiet=True))
        pages = [str(page.path)] if page.path is not None else []
        told = {"run": str(run), "headline": page.found.text, "quality": page.found.tone, "pages": pages}
        typer.echo(plain_json(told) if as_json else "\n".join([page.found.text, *pages]))
        page.check()
        return
    _, said = gather_cells(out, folders)
    for line in said:
        typer.echo(f"warning: {line}", err=True)
    conclude([read_study(out)], [partial(write_reproduction, out)], as_json)
