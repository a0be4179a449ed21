"""``nashpath train``: from settings to a trained game and a report."""

import itertools
import json
import os
import signal
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nashpath.cli.begun import settings_or_recipe
from nashpath.cli.console import ProgressBar, With, check_given, load_all, repeated
from nashpath.cli.index import check_known
from nashpath.cli.parts import On, Parts, Slurm, all_done, check_ways, many_parts
from nashpath.cli.places import DataPath, given_place, reserved
from nashpath.cli.stopping import Page, stopping, written_page
from nashpath.spelling import as_argument

if TYPE_CHECKING:
    from nashpath.run import Session
    from nashpath.run.engine.data_parallel import Ranks

Config = Annotated[Path | None, typer.Argument(help="A TOML file of settings; -s overrides it.", show_default=False)]
ConfigOrData = Annotated[
    Path | None,
    typer.Argument(
        metavar="[CONFIG|DATA]",
        help="A TOML file of settings, or data: a folder of pictures, a .csv, .npy or .npz file. -s overrides either.",
        show_default=False,
    ),
]
RecipeName = Annotated[
    str,
    typer.Option("--recipe", metavar="NAME", help="What to begin with for DATA (`nashpath list recipe` shows all)."),
]
Setting = Annotated[
    list[str] | None,
    typer.Option(
        "-s", "--set", metavar="KEY=VALUE", help="One setting, such as -s penalty=dragan -s penalty.weight=1."
    ),
]
Sweep = Annotated[
    list[str] | None,
    typer.Option("--sweep", metavar="KEY=A,B,C", help="Train every value; several sweeps are crossed."),
]
Seeds = Annotated[str | None, typer.Option("--seeds", metavar="RANGE", help="0:16, or 0,1,2; crossed with sweeps.")]
Out = Annotated[
    Path | None, typer.Option("--out", parser=given_place, help="The run folder (default: the next free runs/NAME-N).")
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the run in --out from its last checkpoint.")]
Accept = Annotated[
    bool,
    typer.Option(
        "--accept-changes",
        help="Resume with other settings (by -s, or in config.toml) or data than before, from this step on; the run "
        "records what was changed.",
    ),
]
StartFrom = Annotated[
    Path | None,
    typer.Option("--start-from", metavar="RUN", help="Start from the weights of this run."),
]
Part = Annotated[
    str, typer.Option("--part", metavar="I/N", help="Train the I-th of N parts of the members, below OUT/parts.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one line of JSON last.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress; what came of it, and warnings, are still said.")]


def train(
    config: ConfigOrData = None,
    recipe: RecipeName = "",
    settings: Setting = None,
    sweep: Sweep = None,
    seeds: Seeds = None,
    out: Out = None,
    resume: Resume = False,
    accept_changes: Accept = False,
    data_path: DataPath = None,
    start_from: StartFrom = None,
    part: Part = "",
    on: On = "",
    parts: Parts = 0,
    sbatch: Slurm = None,
    own: With = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a GAN, or a population of them side by side, and write a report.

    Given data alone it chooses a recipe for them, and says which and why. Ctrl-C stops cleanly after writing a
    checkpoint; --resume goes on from there, bit for bit. `nashpath list` shows all methods, and `nashpath list
    penalty.dragan` the settings of one.
    """
    with stopping() as stop, ExitStack() as stack:
        check_given(None if resume else config, ("-s", settings), ("--sweep", sweep))
        start = [] if start_from is None else [f"start_from={json.dumps(str(start_from), ensure_ascii=False)}"]
        settings = [*(settings or []), *start]
        texts = [*settings, *([] if seeds is None else [f"seeds={seeds}"])]
        if not (resume or recipe):
            check_known("train", config, texts, sweep or [], own)
        load_all(own)
        ranks = stack.enter_context(_beside()) if "WORLD_SIZE" in os.environ else None
        if _followed(ranks):
            return
        live = stack.enter_context(ProgressBar(quiet))  # not before: leaving at once would leave no cursor
        from nashpath.run import SettingError, open_session, resume_session
        from nashpath.run.settings.overrides import parse_overrides
        from nashpath.run.training.parts import part_folder

        asked: tuple[dict[str, Any], dict[str, list[Any]]] = {}, {}
        if on or parts or sbatch:
            if ranks is not None:
                raise SettingError("--on starts processes of its own; leave out torchrun, or train one --part with it")
            check_ways(on, sbatch or [], out, part or ("--resume" if resume else ""))
            asked = _asked(config, recipe, texts, sweep or [], own or [], live)
            given = [*([str(config)] if config else []), *([f"--recipe={recipe}"] if recipe else [])]
            given += repeated(set=settings, sweep=sweep, seeds=[] if seeds is None else [seeds], **{"with": own})
            _train_parts(on, parts, asked, out or Path(), given, sbatch or [], live, stop, as_json)
            return
        if part and out is None:
            raise SettingError("--part needs the folder of the whole run: --out")
        if resume:
            if recipe:
                raise SettingError("--recipe is for a new run; a resumed one keeps its settings")
            folder = folder_to_resume(config, out, "train", sweep)
            folder = part_folder(folder, part) if part else folder
            session = resume_session(folder, parse_overrides(texts), live, stop, accept_changes, data_path, ranks)
        elif accept_changes or data_path:
            raise SettingError("--accept-changes and --data-path are for --resume; a new run has -s data.path=…")
        else:
            asked = _asked(config, recipe, texts, sweep or [], own or [], live)
            if part and out is not None:
                session = _open_part(out, part, asked, live, stop, ranks)
            else:
                session = open_session(
                    *asked, out or stack.enter_context(next_folder(_name(asked[0]))), live, stop, ranks
                )
        _tell_ways(session, None if resume else asked[0], live)
        status = session.train()
        page = written_page(session.store.folder, live)
    _conclude(session, status, page, as_json, live)


def _tell_ways(session: "Session", asked: dict[str, Any] | None, live: ProgressBar) -> None:
    """Says how members are run, and, of what was ``asked`` of a new run, which rates follow from it."""
    from nashpath.run.settings.changed import rates_that_follow

    for count, reason in session.ways():
        live.say(f"{count} member{'s' * (count > 1)}, {reason}")
    members = [member for group in session.groups for member in group.members]
    for one in [] if asked is None else rates_that_follow(asked, members):
        live.say(one)


def _open_part(
    whole: Path,
    part: str,
    asked: tuple[dict[str, Any], dict[str, list[Any]]],
    live: ProgressBar,
    stop: Any,
    ranks: "Ranks | None",
) -> "Session":
    """The session of a new part, with what was chosen once for all parts."""
    from nashpath.run import open_session
    from nashpath.run.training.parts import part_folder, planned_once

    raw, sweeps = asked
    folder = part_folder(whole, part)  # first, since it says which option is no part
    with planned_once(whole, {**raw, "part": part}, sweeps, live.say, stop) as (raw, settled):
        session = open_session(raw, sweeps, folder, live, stop, ranks)
        settled(session)
        return session


def _beside() -> "AbstractContextManager[Ranks | None]":
    """The processes that ``torchrun`` started beside this one; those that follow leave signals to the leader."""
    from nashpath.run.engine.data_parallel import joined, several

    if several() and os.environ["RANK"] != "0":
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
    return joined()


def _followed(ranks: "Ranks | None") -> bool:
    """Where another process leads: takes its steps, to the end."""
    if ranks is None or ranks.leads:
        return False
    from nashpath.run.training.follower import follow

    follow(ranks)
    return True


def _train_parts(
    on: str,
    parts: int,
    asked: tuple[dict[str, Any], dict[str, list[Any]]],
    out: Path,
    given: list[str],
    sbatch: list[str],
    live: ProgressBar,
    stop: Any,
    as_json: bool,
) -> None:
    """Trains all parts at once, and gathers them; or hands them to the queue of a cluster."""
    from nashpath.run import gather_run
    from nashpath.run.assess.gather import check_gatherable
    from nashpath.run.folder.run_folder import plain_json
    from nashpath.run.settings.members import plan
    from nashpath.run.training.jobs import PartedJob

    check_gatherable(out)  # before anything is trained
    raw, sweeps = asked
    members = len(plan({key: value for key, value in raw.items() if key != "with"}, sweeps))
    job = PartedJob(out, many_parts(parts, members), tuple(given))
    if not all_done(job, on, sbatch, [f"nashpath gather {as_argument(out)}"], live.say, stop):
        return
    gather_run(out)
    page = written_page(out, live)
    if not as_json:
        page.told(live)
        return
    typer.echo(plain_json({"run": str(out), "headline": page.found.text, "quality": page.found.tone}))
    page.check()


def _asked(
    config: Path | None, recipe: str, texts: list[str], sweep: list[str], own: list[Path], live: ProgressBar
) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """The settings and sweeps of a new run; says which settings only some of the swept methods use."""
    from nashpath.run.settings.model import setting_names
    from nashpath.run.settings.overrides import asked
    from nashpath.run.settings.points import partly_used

    raw = settings_or_recipe(config, recipe, texts, sweep, live)
    if own:
        raw["with"] = [*raw.get("with", []), *map(str, own)]
    raw, sweeps = asked(raw, texts, sweep)
    for key, lacking in partly_used(raw, sweeps, setting_names()).items():
        where = f"{key.rpartition('.')[0]} is {' or '.join(lacking)}"
        live.say(f"{key} is not used where {where}, which has no such setting")
    return raw, sweeps


def folder_to_resume(config: Path | None, out: Path | None, verb: str, sweep: list[str] | None = None) -> Path:
    """The folder to resume: --out, or the argument where it is a run folder (or the settings inside one)."""
    from nashpath.run import RunFolder, SettingError
    from nashpath.run.settings.overrides import parse_sweeps

    folder = out or (config.parent if config and config.name == "config.toml" else config)
    if folder is None:
        raise SettingError(f"--resume needs the run folder: nashpath {verb} --resume --out runs/NAME")
    if out and config and config.resolve() != (out / "config.toml").resolve():
        raise SettingError(f"--resume takes its settings from {out / 'config.toml'}; leave out {config}")
    if sweep and (not RunFolder(folder).exists() or parse_sweeps(sweep) != _swept(folder)):
        raise SettingError("--sweep: a resumed run keeps its members; leave it out, or start anew in another --out")
    return folder


def _swept(folder: Path) -> dict[str, list[Any]]:
    """What the run in a folder sweeps."""
    from nashpath.run import RunFolder
    from nashpath.run.settings.overrides import flatten_sweeps

    return flatten_sweeps(RunFolder(folder).read_config().get("sweep", {}))


def next_folder(name: str) -> AbstractContextManager[Path]:
    """The first free ``runs/NAME-N``, this process's own from now on; taken away again if nothing is written there."""
    return reserved(Path("runs") / f"{name}-{n}" for n in itertools.count(1))


def _name(raw: dict[str, Any]) -> str:
    """What a run folder is named after: the data or the game."""
    from nashpath.run.settings.names import DEFAULTS

    game, data = (_kind(raw.get(key), DEFAULTS[key]) for key in ("game", "data"))
    return data if game == "gan" else game


def _kind(chosen: Any, standard: str) -> str:
    return str(chosen.get("kind", standard) if isinstance(chosen, dict) else chosen or standard)


def _conclude(session: "Session", status: str, page: Page, as_json: bool, live: ProgressBar) -> None:
    from nashpath.run.folder.run_folder import plain_json

    for member in session.summary():
        if member["outcome"].startswith("diverged"):
            live.tell(f"member {member['member']} (seed {member['seed']}) {member['outcome']}")
    if status == "halted":
        live.tell(
            f"ended at step {session.taken}, since a member diverged (on_divergence=stop); train anew, more slowly, or "
            "with another on_divergence"
        )
    if status == "stopped":
        live.tell(
            f"stopped at step {session.taken}; continue with: nashpath train --resume --out "
            f"{as_argument(session.store.folder)}"
        )
    if not as_json:
        page.told(live)
        return
    rate = round(session.recorder.steps_per_second(), 3)
    members = [{k: v for k, v in member.items() if k != "member"} for member in session.summary()]
    told = {"headline": page.found.text, "quality": page.found.tone, "members": members}
    typer.echo(plain_json({"run": str(session.store.folder), "steps_per_second": rate, **told}))
    page.check()
