"""The page of one run: a single HTML file that needs no network and escapes everything it prints."""

import base64
import hashlib
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from nashpath.report.animation import animation
from nashpath.report.curves import axes, charts, strands
from nashpath.report.diagnosis import diagnoses
from nashpath.report.equal_cost import equal_cost
from nashpath.report.phrasing import duration, number
from nashpath.report.read import Run, load_run
from nashpath.report.tables import evaluated, member_table, settings_table
from nashpath.report.verdict import run_facts, verdict
from nashpath.run.folder.run_folder import write_atomic

SCRIPTS = ("dom", "player", "axes", "scale", "images", "contours", "points", "trajectory", "curves", "table", "main")


def write_report(run: Path | str) -> Path:
    """Writes ``report.html`` into a run folder, from what the folder holds now, and returns its path."""
    loaded = load_run(run)
    return write_page(loaded.folder / "report.html", "report.html.j2", _context(loaded))


def write_page(path: Path, template: str, context: dict[str, Any]) -> Path:
    """Renders a template of this package to ``path``, replacing the file in one step."""
    styles = [_text("vendor/uPlot.min.css"), _text("templates/page.css")]
    script = "\n".join([_text("vendor/uPlot.iife.min.js"), *(_text(f"templates/{name}.js") for name in SCRIPTS)])
    page = _environment().get_template(template)
    text = page.render(style=Markup("\n".join(styles)), script=Markup(script), script_hash=_hash(script), **context)
    write_atomic(path, text.encode())
    return path


def curves_data(parts: list[Any]) -> dict[str, Any]:
    """What the page's script needs to draw the curves of some strands."""
    return {"strands": [part.label for part in parts], "charts": charts(parts), "axes": axes(parts)}


def _context(run: Run) -> dict[str, Any]:
    tone, sentences = verdict(run)
    headers, rows = member_table(run)
    return {
        "name": run.name,
        "averaged": averaged(run.config),
        "info": run.info,
        "tone": tone,
        "sentences": sentences,
        "diagnoses": diagnoses(run),
        "facts": run_facts(run.info),
        "headers": headers,
        "rows": rows,
        "settings": settings_table(run.config),
        "evaluated": evaluated(run.evaluation),
        "equal_cost": equal_cost(strands(run)),
        "data": {"film": animation(run), "curves": curves_data(strands(run))},
    }


def averaged(config: dict[str, Any]) -> str:
    """The kind of average whose weights the samples are of; empty where the run keeps none."""
    chosen = config.get("average", "none")
    kind = chosen.get("kind", "none") if isinstance(chosen, dict) else str(chosen)
    return "" if kind == "none" else kind


@cache
def _environment() -> Environment:
    environment = Environment(loader=PackageLoader("nashpath.report"), autoescape=True, trim_blocks=True)
    environment.filters.update(number=number, duration=duration)
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    return environment


@cache
def _text(name: str) -> str:
    return resources.files("nashpath.report").joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _hash(script: str) -> str:
    """The script's digest for the content security policy: no other script may run in the page."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
