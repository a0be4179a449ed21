"""The results of several reproductions as one page of Markdown: every claim with its verdict, and the figures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nashpath.report.draw import as_png
from nashpath.report.phrasing import count, duration, listed
from nashpath.report.pictures import Pictures
from nashpath.report.reproduction import (
    KINDS,
    by_kind,
    counts,
    drawn,
    experiments_of,
    found_text,
    has_moved_on,
    recorded_sizes,
    rows_of,
    tally,
    warnings_of,
)
from nashpath.run.folder.outputs import check_output
from nashpath.run.folder.run_folder import write_atomic
from nashpath.studies import NAMES, read_study

ALL = """\
What the {} papers claim, measured again by `nashpath reproduce all` at its default scale: small games and small data
that two cores can train, not the papers' own (those are `--full`)."""
_RULES = """\
The criteria stood in the code before the run. A claim is *supported* where the whole interval of its mean over seeds
meets the criterion, *refuted* where none of it does, and *inconclusive* otherwise. An interval is the wider of a
bootstrap over (paired) seeds and Student's; all claims of a study that have seeds share an error of 5 % (by Holm's
steps). What the paper found by experiment, theorems that are checked numerically and claims of our own are told apart;
identities, which cannot fail but for a bug, are counted as tests.
"""


def write_results(folders: Sequence[str | Path], out: str | Path) -> Path:
    """Writes ``out`` (a ``.md`` file) about reproductions, and their figures into the folder ``figures`` beside it.

    A figure that another page there shows, and that is another one, stays: this page's has its name before its own.
    """
    folders = [Path(one) for one in folders]
    out = Path(out)
    check_output(out)
    pictures = Pictures(out)
    found = [(folder, read_study(folder)) for folder in folders]
    parts = [_introduction([study for _, study in found]), summary([study for _, study in found])]
    parts += [_study(folder, study, pictures) for folder, study in found]
    write_atomic(out, "\n".join(parts).encode())
    return out


def _introduction(studies: list[dict[str, Any]]) -> str:
    """What was measured, at which scale, and how it was judged."""
    scales = sorted({study["scale"] for study in studies})
    usual = scales == ["default"] and not any(study["options"] for study in studies)
    opening = f"What `nashpath reproduce` measured at {listed(scales)} scale."
    if "quick" in scales:
        opening += " At quick scale everything is far too short to say anything about a paper."
    whole = usual and {study["study"] for study in studies} == set(NAMES)
    if whole:
        return f"# Results\n\n{ALL.format(_spelt(len(NAMES)))} {_RULES}"
    return f"# Results at {listed(scales)} scale\n\n{opening}\n{_RULES}"


def _spelt(number: int) -> str:
    words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    return words[number] if number < len(words) else str(number)


def summary(studies: list[dict[str, Any]]) -> str:
    """A table of studies: how many claims of which kind got which verdict."""
    heads = [short for _, short in KINDS.values()]
    lines = ["| study | paper | " + " | ".join(heads) + " | identities |", "|---" * (len(heads) + 3) + "|"]
    for study in studies:
        of_kind = by_kind(study["claims"])
        told = [", ".join(counts(of_kind[kind])) or "–" for kind in (*KINDS, "identity")]
        when = f" (claims of {study['started'][:10]})" if has_moved_on(study) else ""
        lines.append(f"| {study['study']}{when} | {study['paper']} | {' | '.join(told)} |")
    return "\n".join(lines) + "\n"


def _study(folder: Path, study: dict[str, Any], pictures: Pictures) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in study["versions"].items())
    took = f"{duration(study['seconds'])} with {count(study['workers'], 'worker')}"
    moved_on = has_moved_on(study)
    lines = [
        f"## {study['study']}: {study['title']}\n",
        f"{study['paper']}. {tally(study['claims']).capitalize()}. Measured {study['started'][:10]} in "
        f"{took}; source {study['source']}; {versions}.\n",
        *([f"*{moved_on}*\n"] if moved_on else []),
        *(f"*Warning: {said}.*\n" for said in warnings_of(study)),
        *_tables(study["claims"]),
        *_reasons(study["claims"]),
        *_experiments(folder, study, pictures),
    ]
    return "\n".join(lines)


def _tables(claims: list[dict[str, Any]]) -> list[str]:
    """A table for each kind of claim, and the identities in a fold."""
    lines, of_kind = [], by_kind(claims)
    for kind, own in of_kind.items():
        if not own:
            continue
        table = ["| verdict | claim | measured | criterion |", "|---|---|---|---|", *map(_line, own), ""]
        if kind == "identity":
            lines += [f"<details><summary>Identities: {listed(counts(own))}</summary>\n", *table, "</details>\n"]
        else:
            lines += [f"### {KINDS[kind][0]}\n", *table]
    return lines


def _line(claim: dict[str, Any]) -> str:
    says = f"{claim['says']} ({claim['source']})"
    measured = f"{claim['quantity']}: {found_text(claim)}"
    cells = [f"**{claim['verdict']}**", says, measured, claim["criterion"]]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _reasons(claims: list[dict[str, Any]]) -> list[str]:
    known = [c for c in claims if (c["reason"] or c["note"]) and c["verdict"] in ("refuted", "inconclusive")]
    lines = [f"- {c['says']} *{c['verdict'].capitalize()}.* {_why(c)}" for c in known]
    return ["What did not hold, or did not decide:\n", *lines, ""] if lines else []


def _why(claim: dict[str, Any]) -> str:
    """The likely reason, and what would decide."""
    reason = f"Our explanation, which no claim tests: {claim['reason']}." if claim["reason"] else ""
    note = f"{claim['note'][:1].upper()}{claim['note'][1:]}." if claim["note"] else ""
    return " ".join(part for part in (reason, note) if part)


def _experiments(folder: Path, study: dict[str, Any], pictures: Pictures) -> list[str]:
    lines = []
    if has_moved_on(study):
        return [
            f"**{e['name']}** ({e['seeds']} seeds, {e['steps']} steps). {e['about']}\n" for e in study["experiments"]
        ]
    for experiment in experiments_of(study):
        size, rows = recorded_sizes(study, experiment), list(rows_of(folder, study, experiment))
        lines.append(f"**{experiment.name}** ({size['seeds']} seeds, {size['steps']} steps). {experiment.about}\n")
        for place, figure, canvas in drawn(experiment, rows):
            name = pictures.write(f"{study['study']}-{experiment.name}-{place}", as_png(canvas, 80))
            lines.append(f"![{figure.title}](figures/{name})\n\n*{figure.title}. {figure.caption}*\n")
    return lines
