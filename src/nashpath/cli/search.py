"""``nashpath search``: which settings are best, among those of a space."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from nashpath.cli.begun import settings_or_recipe
from nashpath.cli.console import COLOURS, ProgressBar, With, check_given, load_all
from nashpath.cli.places import given_place
from nashpath.cli.stopping import stopping
from nashpath.cli.train import ConfigOrData, Quiet, RecipeName

_Setting = Annotated[list[str] | None, typer.Option("-s", "--set", metavar="KEY=VALUE", help="One setting.")]
_Json = Annotated[bool, typer.Option("--json", help="Print one line of JSON last.")]
_Space = Annotated[
    list[str] | None,
    typer.Option(
        "--space",
        metavar="KEY=RANGE",
        help="What to search: penalty.weight=log:0.01:10, discriminator.depth=1:4, penalty=r1,dragan; may be repeated.",
    ),
]
_Objective = Annotated[
    str, typer.Option("--objective", help="The number to better: any metric or diagnostic of a run.")
]
_Better = Annotated[str, typer.Option("--better", help="higher or lower, where the metric does not say it.")]
_Candidates = Annotated[int, typer.Option("--candidates", min=1, help="How many are tried in all.")]
_Batch = Annotated[
    int, typer.Option("--batch", min=1, help="How many are asked for, and trained side by side, at once.")
]
_Rungs = Annotated[int, typer.Option("--rungs", min=1, max=8, help="Rounds of a batch; the last is at full length.")]
_Keep = Annotated[int, typer.Option("--keep", min=2, help="One candidate in so many goes on to the next round.")]
_Seeds = Annotated[str, typer.Option("--seeds", metavar="RANGE", help="Of the last round; earlier ones take a share.")]
_Confirm = Annotated[int, typer.Option("--confirm", min=2, help="Fresh seeds with which the best are trained again.")]
_Finalists = Annotated[int, typer.Option("--finalists", min=1, help="How many of the best are.")]
_Out = Annotated[Path, typer.Option("--out", parser=given_place, help="The search's folder; the same command goes on.")]


def search(
    out: _Out,
    objective: _Objective,
    config: ConfigOrData = None,
    recipe: RecipeName = "",
    space: _Space = None,
    better: _Better = "",
    settings: _Setting = None,
    candidates: _Candidates = 32,
    batch: _Batch = 16,
    rungs: _Rungs = 3,
    keep: _Keep = 3,
    seeds: _Seeds = "0:8",
    confirm: _Confirm = 8,
    finalists: _Finalists = 3,
    own: With = None,
    as_json: _Json = False,
    quiet: Quiet = False,
) -> None:
    """Search settings: candidates in stacked batches, by successive halving; the best are confirmed on fresh seeds.

    Given data alone it begins with a recipe for them, as `nashpath train` does. Ctrl-C stops cleanly, and the same
    command goes on. Needs Optuna: pip install "nashpath[search]".
    """
    with stopping() as stop, ExitStack() as stack:
        check_given(config, ("-s", settings), ("--space", space))
        load_all(own)
        live = stack.enter_context(ProgressBar(quiet))
        from nashpath.report import write_search
        from nashpath.run import SettingError
        from nashpath.run.assess.search import methods_of
        from nashpath.run.assess.search import search as searched
        from nashpath.run.assess.search_question import Question, parse_space
        from nashpath.run.folder.run_folder import plain_json
        from nashpath.run.settings.overrides import override, parse_seeds
        from nashpath.run.settings.resolve import resolve

        sought = [f"{one.partition('=')[0]}=0" for one in space or []]  # what is searched, no recipe anneals
        raw = override(settings_or_recipe(config, recipe, settings or [], sought, live), settings or [])
        if "sweep" in raw or "seeds" in raw:
            raise SettingError("a search has its own --seeds and --space; leave out seeds and sweep")
        if own:
            raw["with"] = [*raw.get("with", []), *map(str, own)]
        methods_of(out, raw)  # before one of them is asked which way is better
        question = Question(
            settings=raw,
            space=parse_space(space or []),
            objective=objective,
            better=direction_of(objective, better),
            candidates=candidates,
            batch=min(batch, candidates),
            rungs=rungs,
            keep=keep,
            seeds=parse_seeds(seeds),
            steps=resolve({"steps": raw.pop("steps", 2000)}).steps,  # as train has it
            confirm=confirm,
            finalists=finalists,
        )
        found = searched(out, question, live, stop, live.say)
        if not found.finished:
            live.tell("stopped; the same command goes on")
        page, outcome = write_search(out, found)
    if as_json:
        typer.echo(plain_json({"search": str(out), "headline": outcome.text, "quality": outcome.tone}))
    else:
        live.tell(outcome.text, COLOURS[outcome.tone])
        typer.echo(str(page))


def direction_of(objective: str, named: str = "") -> int:
    """1 where more is better, −1 where less is, as ``named`` (higher, lower) or as the metric says.

    Raises `SettingError` where neither does.
    """
    from nashpath.report.phrasing import sign_of
    from nashpath.run import SettingError

    if named:
        if named not in ("higher", "lower"):
            raise SettingError(f"--better {named}: expected higher or lower")
        return 1 if named == "higher" else -1
    known = sign_of(objective)
    if known is None:
        raise SettingError(
            f"--objective {objective}: no metric says whether more of it is better: --better higher|lower"
        )
    return known
