"""Results of ``nashpath evaluate`` as a table with its protocol."""

from dataclasses import dataclass
from typing import Any

from nashpath.report.phrasing import number, settings_label
from nashpath.report.tables import TableCell, cell


@dataclass(frozen=True)
class Evaluated:
    """The members that differ by their seeds alone: a row for each number, and how they were measured."""

    caption: str
    headers: list[str]
    rows: list[list[TableCell]]
    protocol: list[str]


def evaluated(evaluation: dict[str, Any]) -> list[Evaluated]:
    """One table for each group of ``evaluation.json``."""
    return [_table(group) for group in evaluation.get("groups", [])]


def _table(group: dict[str, Any]) -> Evaluated:
    several = len(group["members"]) > 1
    members = [f"Member {member}" for member in group["members"]]
    rows = []
    real = any(entry.get("real") is not None for entry in group["numbers"])
    for entry in group["numbers"]:
        ends = [cell(entry["mean"]), _ends(entry)]
        rows.append([TableCell(directed(entry)), *(ends if several else []), *map(cell, entry["values"])])
        rows[-1] += [cell(entry.get("real"))] if real else []
    headers = ["Number", *(["Mean", "95 % interval"] if several else []), *members, *(["Real halves"] if real else [])]
    failed = [f"Member {member}: {reason}" for member, reason in group["failed"].items()]
    steps = sorted(set(group.get("steps", [])))
    when = f"At step {number(steps[0])}" + (f" to {number(steps[-1])}" if len(steps) > 1 else "") if steps else ""
    caption = "; ".join(filter(None, [when, settings_label(group["settings"])])) or "At the last checkpoint"
    return Evaluated(f"{caption}.", headers, rows, [*protocol_lines(group), *failed])


def directed(entry: dict[str, Any]) -> str:
    """The name of a number, with an arrow to the better side where there is one."""
    return entry["name"] + {1: " ↑", -1: " ↓"}.get(entry.get("better", 0), "")


def _ends(entry: dict[str, Any]) -> TableCell:
    """The interval; none where fewer than two members were measured."""
    if sum(value is not None for value in entry["values"]) < 2:
        return TableCell("–")
    return TableCell(f"{number(entry['low'])} to {number(entry['high'])}", entry["low"])


def protocol_lines(group: dict[str, Any]) -> list[str]:
    """How the numbers of a group were measured: samples and features, which all share, then what each depends on."""
    if not group["protocols"]:
        return []
    shared = group["protocols"][0]
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
        settings = f" ({entry['settings']})" if entry["settings"] else ""
        lines.append(f"{', '.join(entry['numbers'])}{settings}: {entry['bias'] or 'no bias is known'}")
    return [*lines, *(halves if any(entry.get("real") is not None for entry in group.get("numbers", [])) else [])]
