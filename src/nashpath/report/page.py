"""The page of one run: a single HTML file that needs no network and escapes everything it prints."""

import base64
import hashlib
import json
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape

from nashpath.core.cache import check_replaceable
from nashpath.report.animation import animation
from nashpath.report.columns import column_tables
from nashpath.report.curves import axes, charts, strands
from nashpath.report.diagnosis import diagnoses
from nashpath.report.equal_cost import equal_cost
from nashpath.report.headline import run_headline
from nashpath.report.outcome import Outcome, tops
from nashpath.report.phrasing import duration, number, numbered, setting
from nashpath.report.present import note_of, of_group
from nashpath.report.questions import questions
from nashpath.report.read import Run, load_run
from nashpath.report.tables import SettingsTable, evaluated, member_table, settings_table
from nashpath.report.verdict import run_facts, verdict
from nashpath.run import FolderError, FolderWarning
from nashpath.run.errors import UnwrittenError, said_of
from nashpath.run.folder.run_folder import plain_json, sweep_run, write_atomic
from nashpath.run.settings.model import dotted
from nashpath.spelling import as_argument

PAGE = "report.html"
SCRIPTS = ("dom", "player", "axes", "scale", "images", "contours", "points", "trajectory", "curves", "table", "main")


def write_report(run: Path | str) -> Path:
    """Writes ``report.html`` into a run folder, from what the folder holds now, and returns its path.

    What cannot be read or drawn is left out; the page names it, and so does a `FolderWarning` for each.
    """
    return _write(_loaded(run))


def _loaded(run: Path | str) -> Run:
    """A run whose page can be written. Raises `RunFolderError`, or `OSError` where it cannot."""
    if Path(run).is_dir():
        check_replaceable(Path(run) / PAGE)
    return load_run(run)


def _write(loaded: Run) -> Path:
    context, path = _context(loaded), loaded.folder / PAGE
    sweep_run(loaded.folder)
    try:
        write_page(path, "report.html.j2", context)
    except (OSError, FolderError):
        raise
    except Exception as error:
        _left_out(loaded, "the facts of the run, its tables and its film", error)
        bare = {key: [] if isinstance(value, list) else value for key, value in context.items()}
        nothing = {"info": {}, "name": loaded.folder.name, "data": {"film": None, "curves": curves_data([])}}
        write_page(path, "report.html.j2", {**bare, **nothing, "notes": loaded.notes, "doubts": loaded.doubts})
    for said in (*loaded.doubts, *(f"left out of the report: {note}" for note in dict.fromkeys(loaded.notes))):
        warnings.warn(said, FolderWarning, stacklevel=3)
    return path


def report_and_headline(run: Path | str) -> tuple[Path, Outcome]:
    """As `write_report`, and what became of the game; numbers that cannot be understood are said to be such.

    Raises an `UnwrittenError` that holds what became of the game where the page cannot be written (a full disk).
    """
    loaded = load_run(run)
    unknown = Outcome("what became of the game cannot be told from the folder", "open")
    try:
        check_replaceable(loaded.folder / PAGE)
        page, refusal = _write(loaded), None
    except OSError as error:
        page, refusal = loaded.folder / PAGE, error
    found = _part(loaded, "what became of the game", lambda: run_headline(loaded), unknown)
    if refusal is not None:
        again = f"nashpath report {as_argument(loaded.folder)}"
        raise UnwrittenError(f"{said_of(refusal)}, then: {again}", found) from refusal
    return page, found


def write_page(path: Path, template: str, context: dict[str, Any]) -> Path:
    """Renders a template of this package to ``path``, replacing the file in one step."""
    styles = [_text("vendor/uPlot.min.css"), _text("templates/page.css")]
    script = "\n".join([_text("vendor/uPlot.iife.min.js"), *(_text(f"templates/{name}.js") for name in SCRIPTS)])
    page = _environment().get_template(template)
    text = page.render(style=Markup("\n".join(styles)), script=Markup(script), script_hash=_hash(script), **context)
    write_atomic(path, text.encode())
    return path


def curves_data(
    parts: list[Any], tops: Mapping[str, float] = MappingProxyType({}), classes: Sequence[str] = ()
) -> dict[str, Any]:
    """What the page's script needs to draw the curves of some strands; ``tops``: the most that a number can be.

    ``classes`` are the names of the data's classes.
    """
    drawn = [{**chart, "top": tops.get(chart["key"])} for chart in charts(parts, classes)]
    return {"strands": [part.label for part in parts], "charts": drawn, "axes": axes(parts)}


def _left_out(run: Run, what: str, error: Exception) -> None:
    said = " ".join(str(error).split())[:120]
    run.notes.append(f"{run.folder}: {what} ({type(error).__name__}: {said})")


def _part(run: Run, what: str, make: Callable[[], Any], otherwise: Any) -> Any:
    """A part of the page, or what stands in its place: no number of a run folder may cost the page."""
    try:
        return make()
    except Exception as error:
        _left_out(run, what, error)
        return otherwise


def _each(run: Run, what: str, make: Callable[[Any], list[Any]], entries: list[Any]) -> list[Any]:
    """Parts that are made one by one: one that cannot be made does not hide the others."""
    return [part for place, one in enumerate(entries) for part in _part(run, f"{what} {place}", lambda: make(one), [])]  # noqa: B023


def _context(run: Run) -> dict[str, Any]:
    tone, sentences = _part(run, "the verdict", lambda: verdict(run), ("open", []))
    headers, rows = _part(run, "the table of members", lambda: member_table(run), ([], []))
    parts = _part(run, "the curves", lambda: strands(run), [])
    film = _part(run, "the film, with reference.npz", lambda: json.loads(plain_json(animation(run))), None)
    if film is None and run.reference:
        alone = replace(run, reference={})
        film = _part(run, "the film", lambda: json.loads(plain_json(animation(alone))), None)
    curves = _part(run, "the curves", lambda: _curves(run, parts), curves_data([]))
    groups = run.evaluation.get("groups", [])
    context = {
        "name": run.name,
        "averaged": _of_averages(run.config, bool(film) and film["kind"] == "trajectory"),
        "flowing": "flow" in run.config,
        "info": run.info,
        "tone": tone,
        "sentences": sentences,
        "answers": _part(run, "the first questions", lambda: questions(run), []),
        "diagnoses": _each(
            run, "diagnosis.json, entry", lambda one: diagnoses(replace(run, diagnosis=[one])), run.diagnosis
        ),
        "facts": [
            *_part(run, "the facts", lambda: run_facts(run.info), []),
            *_part(run, "the classes", lambda: _classes(run), []),
            *_unchecked(run),
        ],
        "headers": headers,
        "rows": rows,
        "settings": _part(
            run,
            "which settings are usual",
            lambda: settings_table(run.config),
            SettingsTable([(key, setting(value)) for key, value in dotted(run.config).items()], []),
        ),
        "evaluated": _each(
            run,
            "evaluation.json, group",
            lambda one: evaluated({**run.evaluation, "groups": [one]}, note_of(run, of_group(run, one), "evaluation")),
            groups if isinstance(groups, list) else [],
        ),
        "columns": _part(run, "the columns", lambda: column_tables(run), []),
        "equal_cost": _part(run, "the tables at equal cost", lambda: equal_cost(parts), []),
        "data": {"film": film, "curves": curves, "flowing": "flow" in run.config},
    }
    return {**context, "notes": list(dict.fromkeys(run.notes)), "doubts": run.doubts}


def _curves(run: Run, parts: list[Any]) -> dict[str, Any]:
    """`curves_data` of a run, as JSON can hold it."""
    return json.loads(plain_json(curves_data(parts, tops(run), run.class_names)))


def _classes(run: Run) -> list[tuple[str, str]]:
    """The shares of the classes in labelled data; of many only the range."""
    shares = run.reference.get("class_balance")
    if shares is None or not run.class_names:
        return []
    told = [f"{name}: {100 * float(share):.3g} %" for name, share in zip(numbered(run.class_names), shares)]
    if len(told) > 20:
        told = [f"{len(told)}, from {told[int(shares.argmin())]} to {told[int(shares.argmax())]}"]
    return [("classes in the data", ", ".join(told))]


def _unchecked(run: Run) -> list[tuple[str, str]]:
    return [] if run.checked else [("digests", "none: its files were read unchecked")]


def averaged(config: dict[str, Any]) -> str:
    """The kind of average whose weights the samples are of; empty where the run keeps none."""
    chosen = config.get("average", "none")
    kind = chosen.get("kind", "none") if isinstance(chosen, dict) else str(chosen)
    return "" if kind == "none" else kind


def _of_averages(config: dict[str, Any], toy: bool) -> Markup:
    """Whether what is shown is of averaged weights; of a toy it is where all players are averaged, or not at all."""
    kind, chosen = averaged(config), config.get("average")
    if not kind:
        return Markup("")
    if not toy:
        return Markup(
            "Samples and metrics are those of averaged weights ({}); samples of the raw weights stand beside them, and "
            "<code>nashpath evaluate</code> measures both."
        ).format(kind)
    if isinstance(chosen, dict) and chosen.get("player") == "all":
        return Markup("The path and the distance are of the averages of all players ({}).").format(kind)
    return Markup(
        "The path and the distance are of the strategies that are played: one player alone is averaged ({}), and "
        "<code>average.player=all</code> shows averages."
    ).format(kind)


@cache
def _environment() -> Environment:
    environment = Environment(loader=PackageLoader("nashpath.report"), autoescape=True, trim_blocks=True)
    environment.filters.update(number=number, duration=duration, marked=marked)
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    return environment


def marked(text: object) -> Markup:
    """A text as a page shows it: what stands in backticks as code, and everything escaped."""
    parts = re.split(r"(`+)(.+?)\1", str(text))
    shown = [escape(parts[0])]
    for code, plain in zip(parts[2::3], parts[3::3]):
        shown += [Markup("<code>{}</code>").format(code), escape(plain)]
    return Markup("").join(shown)


@cache
def _text(name: str) -> str:
    return resources.files("nashpath.report").joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _hash(script: str) -> str:
    """The script's digest for the content security policy: no other script may run in the page."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
