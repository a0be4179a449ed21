"""Tables as cells (what is shown, and the value by which a column sorts): of members, settings and evaluations."""

import json
from dataclasses import dataclass
from functools import partial
from typing import Any

from nashpath.core.errors import first_names
from nashpath.report.phrasing import amount, meaning, number, numbered, setting, settings_label, title, titled
from nashpath.report.read import ReportMember, Run, drawable
from nashpath.run.settings.changed import not_default
from nashpath.run.settings.model import dotted

MOST_CLASSES = 100
"""Classes that are named; of more it is said how many there are."""


@dataclass(frozen=True)
class TableCell:
    """A table cell: text, its sorting value (a number, or None to sort as text), a link, and what the text means."""

    text: str
    value: float | None = None
    link: str | None = None
    meaning: str = ""


@dataclass(frozen=True)
class Heading:
    """The heading of a column of numbers: its name, and what it means in words."""

    text: str
    meaning: str = ""


def measured_cell(key: str, value: Any) -> TableCell:
    """The cell of a number by its key: shares as percentages."""
    return TableCell(amount(key, value), float(value)) if drawable(value) else cell(value)


def cell(value: Any) -> TableCell:
    """A cell for any value of a run folder."""
    if drawable(value):
        return TableCell(number(value), float(value))
    return TableCell(json.dumps(value) if isinstance(value, list | dict) else number(value))


def member_table(run: Run) -> tuple[list["str | Heading"], list[list[TableCell]]]:
    """``(headers, rows)``: every member with its seed, its own settings, outcome, steps, costs and metrics."""
    named = partial(title, classes=run.class_names)
    settings, costs, metrics = (_union(run.members, part) for part in ("settings", "costs", "metrics"))
    headers: list[str | Heading] = ["Member", "Seed", *settings, "Outcome", "Steps"]
    headers += [Heading(title(key), meaning(key)) for key in (f"cost.{c}" for c in costs)]
    rows = [
        [
            cell(m.member),
            cell(m.seed),
            *(_setting(m.settings.get(key)) for key in settings),
            cell(m.outcome),
            cell(m.steps),
            *(cell(m.costs.get(key)) for key in costs),
            *(measured_cell(key, m.metrics.get(key)) for key in metrics),
        ]
        for m in run.members
    ]
    real = [measured_cell(key, run.real.get(key)) for key in metrics]
    if any(key in run.real for key in metrics):
        blank = [TableCell("")] * (len(headers) - 1)
        rows.append([TableCell("real against real"), *blank, *real])
    return headers + [Heading(titled(key, named), meaning(key)) for key in metrics], rows


@dataclass(frozen=True)
class SettingsTable:
    """Dotted key and text of the settings that are not the defaults, and of the others."""

    changed: list[tuple[str, str]]
    usual: list[tuple[str, str]]


def settings_table(config: dict[str, Any]) -> SettingsTable:
    """The settings, and where methods that are not the package's came from (with those that are changed)."""
    flat = {key: value for key, value in dotted(config).items() if key != "with"}
    own = [("with", origin(entry)) for entry in config.get("with", ())]
    first = set(not_default({key: value for key, value in config.items() if key != "with"}))
    shown = [(key, setting(value)) for key, value in flat.items()]
    return SettingsTable([row for row in shown if row[0] in first] + own, [row for row in shown if row[0] not in first])


def origin(entry: dict[str, Any]) -> str:
    """An entry of the methods that a run remembers: what, and from where."""
    place = next((f"{kind} {entry[kind]}" for kind in ("file", "package", "module") if kind in entry), "")
    known = f" (sha256 {entry['sha256'][:12]})" if "sha256" in entry else f" {entry.get('version', '')}".rstrip()
    return f"{', '.join(entry['registers'])}: {place}{known}"


def _setting(value: Any) -> TableCell:
    return TableCell(setting(value) if value is not None else "–", cell(value).value)


def _union(members: list[ReportMember], part: str) -> list[str]:
    return list(dict.fromkeys(key for member in members for key in getattr(member, part)))


@dataclass(frozen=True)
class Evaluated:
    """The members that differ by their seeds alone: a row for each number, and how they were measured."""

    caption: str
    headers: list[str]
    rows: list[list[TableCell]]
    protocol: list[str]


def evaluated(evaluation: dict[str, Any], note: str = "") -> list[Evaluated]:
    """One table for each group of ``evaluation.json``, with a note beside its step."""
    return [_table(group, note) for group in evaluation.get("groups", [])]


def _table(group: dict[str, Any], note: str) -> Evaluated:
    several = len(group["members"]) > 1
    members = [f"Member {member}" for member in group["members"]]
    rows = []
    real = any(entry.get("real") is not None for entry in group["numbers"])
    for entry in group["numbers"]:
        found = ends_of(entry)
        ends = [cell(entry["mean"]), TableCell(found, entry["low"]) if found else TableCell("–")]
        rows.append(
            [
                TableCell(directed(entry), meaning=meaning(entry["name"])),
                *(ends if several else []),
                *map(cell, entry["values"]),
            ]
        )
        rows[-1] += [cell(entry.get("real"))] if real else []
    headers = ["Number", *(["Mean", "95 % interval"] if several else []), *members, *(["Real halves"] if real else [])]
    failed = [f"Member {member}: {reason}" for member, reason in group["failed"].items()] + lines_of_diverged(group)
    steps = sorted(set(group.get("steps", [])))
    when = f"At step {number(steps[0])}" + (f" to {number(steps[-1])}" if len(steps) > 1 else "") if steps else ""
    caption = "; ".join(filter(None, [when, settings_label(group["settings"])])) or "At the last checkpoint"
    return Evaluated(" ".join(filter(None, [f"{caption}.", note])), headers, rows, [*protocol_lines(group), *failed])


def directed(entry: dict[str, Any]) -> str:
    """The name of a number, with that of its class, and with an arrow to the better side where there is one."""
    of = f" (class {entry['class']})" if "class" in entry else ""
    return entry["name"] + of + {1: " ↑", -1: " ↓"}.get(entry.get("better", 0), "")


def ends_of(entry: dict[str, Any]) -> str:
    """``"0.2 to 0.4"``, the interval; empty where fewer than two members were measured, or all of them alike."""
    if len(set(values_that_count(entry))) < 2:
        return ""
    return f"{number(entry['low'])} to {number(entry['high'])}"


def values_that_count(entry: dict[str, Any]) -> list[float]:
    """The values of a number that its mean is of: those that were measured, of members that did not diverge."""
    counts = entry.get("counted") or [True] * len(entry["values"])
    return [value for value, some in zip(entry["values"], counts) if some and value is not None]


def lines_of_diverged(group: dict[str, Any]) -> list[str]:
    """A line for each member that diverged: its numbers are of where it stopped, which is no end of its method."""
    return [
        f"Member {member} {said}: measured where it stopped, and left out of the mean"
        for member, said in group.get("diverged", {}).items()
    ]


def is_of_class(name: str) -> bool:
    """Whether a number is of one class alone: ``intra_fid.3``, also in features that have a dot in their name."""
    return "." in name.partition("@")[0]


def protocol_lines(group: dict[str, Any]) -> list[str]:
    """How the numbers of a group were measured: samples and features, which all share, then what each depends on."""
    if not group["protocols"]:
        return []
    plain = [one for one in group["protocols"] if one["features"] != "pixels"]
    shared = next((one for one in plain if not any("@" in name for name in one["numbers"])), group["protocols"][0])
    digest = f", hash {shared['digest'][:8]}" if shared["digest"] else ""
    resized = f", images resized to {shared['resize']}" if shared["resize"] != "none" else ""
    weights = " of averaged weights (raw: those of the last step)" if group.get("averaged") else ""
    halves = ["real halves: what one half of the real samples (at most as many as generated) gets against the other"]
    lines = [
        *group.get("notes", []),
        f"{number(shared['fake'])} generated{weights} against {number(shared['real'])} real samples "
        f"({shared['split']}, hash {shared['reference'][:8]})",
        f"features: {shared['features']}{digest}{resized}",
    ]
    for entry in group["protocols"]:
        own = entry["features"] != shared["features"] and not any("@" in name for name in entry["numbers"])
        said = [entry["settings"]] * bool(entry["settings"]) + [f"of {entry['features']}"] * own
        settings = f" ({'; '.join(said)})" if said else ""
        numbers = [one for one in entry["numbers"] if not is_of_class(one)]  # they are measured as their mean
        lines.append(f"{', '.join(numbers)}{settings}: {entry['bias'] or 'no bias is known'}")
    if names := group.get("class_names"):
        lines.append(f"classes: {first_names(numbered(names), MOST_CLASSES)}")
    return [*lines, *(halves if any(entry.get("real") is not None for entry in group.get("numbers", [])) else [])]
