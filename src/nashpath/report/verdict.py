"""The verdict: what the run's own data say, in plain sentences, and nothing they do not say."""

from collections import defaultdict
from typing import Any

import numpy as np

from nashpath.report.curves import strands
from nashpath.report.headline import run_headline
from nashpath.report.phrasing import amount, count, listed, number, phrase, title
from nashpath.report.read import SAMPLES, ReportMember, Run, drawable, without

STATUS = {
    "running": "The run was still going when this page was written.",
    "stopped": "The run was stopped before its last step; it can be resumed.",
    "halted": "The run ended where a member diverged, as on_divergence=stop asks; to resume it takes no step.",
    "failed": "The run failed before its last step.",
}
STILL = 0.01
"""A cost that, over the last quarter, moves less than this share of its whole range is said to stand still."""
MOST_SETTINGS = 6
"""Of so many settings the numbers are said in words."""
ENOUGH = 12
"""Fewer logged values than this say nothing about standing still."""


def verdict(run: Run) -> tuple[str, list[str]]:
    """``(tone, sentences)``: the headline and its tone ("good", "open" or "bad"), then what else the data say."""
    first = run_headline(run)
    ended = "" if "flow" in run.config else _ended(run.members)  # one flow has no members to count
    gone = [*_diverged(run.members), *_unmeasured(run)]
    said = [ended, STATUS.get(str(run.info.get("status"))), *gone, *_metrics(run)]
    title = first.text[:1].upper() + first.text[1:] + "."
    return first.tone, [title, *(s for s in [*said, *_still(run)] if s)]


def measured(members: list[ReportMember]) -> dict[str, list[float]]:
    """The last finite value of each evaluated metric, over the members that did not diverge."""
    found: dict[str, list[float]] = defaultdict(list)
    for member in (one for one in members if not one.diverged):
        for key, value in member.metrics.items():
            if drawable(value):
                found[key].append(float(value))
    return found


def _ended(members: list[ReportMember]) -> str:
    if not members:
        return "No member of this run has reported yet."
    done = [m for m in members if m.outcome == "finished"]
    waiting = any(m.outcome in ("running", "unknown") for m in members)
    steps = sorted({m.steps for m in (done or members) if m.steps is not None})
    span = f" {number(steps[0])}" + (f" to {number(steps[-1])}" if len(steps) > 1 else "") + " steps" if steps else ""
    if done:
        return f"{len(done):,} of {count(len(members), 'member')} finished{span}."
    return f"0 of {count(len(members), 'member')} finished{' so far' * waiting}" + (f", after{span}." if span else ".")


def _diverged(members: list[ReportMember]) -> list[str]:
    gone = [lost(m) for m in members if m.diverged]
    if not gone:
        return []
    return [f"{count(len(gone), 'member')} left the finite numbers and stopped there: {listed(gone, 6)}."]


def _unmeasured(run: Run) -> list[str]:
    """The members that went on and lack numbers, with the first that each lacks, and why."""
    found: dict[int, str] = {}
    for part in strands(run):
        keys = dict.fromkeys([SAMPLES, *(key for one in part.members for key in one.metrics)])
        for key in keys:
            for one in without(part.members, key):
                why = one.why_missing(key) or "why was not recorded"
                what = "" if SAMPLES in one.missing else f"{phrase(key)}: "
                found.setdefault(one.member, f"member {one.member} (seed {one.seed}; {what}{why})")
    if not found:
        return []
    several = "member lacks" if len(found) == 1 else "members lack"
    return [f"{len(found):,} {several} numbers without having diverged: {listed(list(found.values()), 6)}."]


def lost(member: ReportMember) -> str:
    """A member that diverged, by number, seed, player and step."""
    return f"member {member.member} (seed {member.seed}; {member.outcome.removeprefix('diverged').strip(': ')})"


def _metrics(run: Run) -> list[str]:
    """Each number over members; of each setting for itself, since a mean over settings is a mean of nothing."""
    parts = strands(run)
    if len(parts) == 1:
        return [_metric(key, values, run) for key, values in measured(run.members).items()]
    found = [(part.label, measured(part.members)) for part in parts[:MOST_SETTINGS]]
    told = [f"{label}: {' '.join(_metric(k, v, run) for k, v in values.items())}" for label, values in found if values]
    rest = (
        [f"{count(len(parts) - MOST_SETTINGS, 'more setting')}: see the tables."] if len(parts) > MOST_SETTINGS else []
    )
    return told + rest


def _metric(key: str, values: list[float], run: Run) -> str:
    centres = run.reference.get("centres")
    modes = key == "modes"
    of = f" of {len(centres)}" if modes and centres is not None else ""
    name = "Modes covered" if modes else title(key)
    if len(values) == 1:
        return f"{name}: {amount(key, values[0])}{of}."
    ends = f"worst {number(min(values))}" if modes else f"{amount(key, min(values))} to {amount(key, max(values))}"
    return f"{name}: {amount(key, float(np.mean(values)))}{of} on average ({ends})."


def _still(run: Run) -> list[str]:
    series: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for member, rows in run.rows_now.items():
        for row in rows:
            for key in [key for key, value in row.items() if key.startswith("cost.") and drawable(value)]:
                series[key][member].append(float(row[key]))
    return [sentence for key, members in sorted(series.items()) if (sentence := _standing(key, members))]


def _standing(key: str, members: dict[int, list[float]]) -> str | None:
    long = [values for values in members.values() if len(values) >= ENOUGH]
    still = [v for v in long if np.ptp(v[-(len(v) // 4) :]) <= STILL * np.ptp(v)]
    if not still:
        return None
    where = "" if len(members) == 1 else f" in {len(still):,} of {len(members):,} members"
    return f"{title(key)} stood still at the end{where}: over the last quarter it moved less than 1 % of its range."


def run_facts(info: dict[str, Any]) -> list[tuple[str, Any]]:
    """Name and value of what is worth knowing about how numbers were made, in reading order."""
    rows = [(key.replace("_", " "), info.get(key)) for key in ("device", "gpu", "processor", "platform", "threads")]
    rows += [("started from", _start(info["start"]))] if isinstance(info.get("start"), dict) else []
    return [(key, value) for key, value in [*rows, *dict(info.get("versions") or {}).items()] if value is not None]


def _start(start: dict[str, Any]) -> str:
    """The run whose weights a run started from, in words."""
    kinds = {"averages": "averaged weights", "memory": "weights and solver memory"}
    what, of = kinds.get(start.get("with", ""), "weights"), f" of member {start['member']}" if "member" in start else ""
    digest = f"checkpoint {str(start.get('sha256'))[:12]}"
    return f"{start.get('run')} at step {number(start.get('step'))}: its {what}{of} ({digest})"
