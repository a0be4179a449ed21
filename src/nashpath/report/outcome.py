"""What became of a game, in one line: of one member, and of members that differ by seed.

Said of the run's own rows and paths alone; `nashpath diagnose` plays on and says more.
"""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from nashpath.diagnostics import judge_way
from nashpath.diagnostics.behaviour import STILL
from nashpath.metrics import GROUPS, METRICS, metric_and_features, metric_names
from nashpath.report.phrasing import amount, listed, number, phrase, sign_of, titled
from nashpath.report.read import SAMPLES, ReportMember, Run, drawable

Tone = Literal["good", "open", "bad"]

COVERED = {"modes": "modes", "classes": "classes", "stacked_modes": "modes"}
"""Numbers that count what the samples cover, and what they count."""
WHOLE_WAY = 0.9
"""The share of the way from the start to real samples from which on a number is said to have arrived."""
FINE = 4
"""Rounds between two points of a path up to which its turns are counted: fewer points could hide whole turns."""
LATER = 3
"""Looks after the best one, all of them worse, from which on a number is said to have been better before."""
QUARTER = math.pi / 4
"""Angle between two points of a path up to which its turns are counted."""


@dataclass(frozen=True)
class Outcome:
    """What became of something: a line, how good it is, and the few words by which members are counted."""

    text: str
    tone: Tone
    short: str = ""


def wanted(config: dict[str, Any]) -> list[str]:
    """The numbers that the settings of a run name, in their order; of metrics that are not known here none."""
    found: list[str] = []
    known = [one for one in config.get("metrics") or [] if metric_and_features(one)[0] in (*METRICS, *GROUPS)]
    for name in metric_names(known):
        kind, where = metric_and_features(name)
        numbers = getattr(METRICS[kind], "better", {})
        found += [f"{key}@{where}" if where else key for key in numbers]
    return found


def tops(run: Run) -> dict[str, float]:
    """The most that a number can be, where it counts what the data have."""
    return {key: run.real[key] for key in COVERED if run.real.get(key)}


def member_outcome(run: Run, member: ReportMember) -> Outcome:
    """What became of one member."""
    if member.diverged:
        return Outcome(member.outcome, "bad", "diverged")
    if "distance" in member.metrics:
        return _of_strategies(run, member)
    return _of_samples(run, member)


def together(members: list[Outcome]) -> Outcome:
    """What became of members that differ by their seeds: how many of which, the worst tone of any."""
    if len(members) == 1:
        return members[0]
    tones: tuple[Tone, ...] = ("bad", "open", "good")
    tone: Tone = next(filter({one.tone for one in members}.__contains__, tones))
    counted = Counter(one.short or one.text for one in members)
    if len(counted) == 1:
        return Outcome(f"all {len(members)} members: {next(iter(counted))}", tone)
    said = [f"{short} in {many:,} of {len(members):,} members" for short, many in counted.most_common()]
    return Outcome(listed(said, 3), tone)


NAMED = {
    "local Nash": "the equilibrium",
    "local minimax": "the local minimax point, which is no Nash equilibrium",
    "neither": "a stationary point that is no equilibrium",
    "": "the known point, which is not known to be an equilibrium",
    None: "the known point",  # runs of earlier versions do not say of which kind it is
}
"""What the point is called that a toy's distance is measured from, by its kind."""


def _of_strategies(run: Run, member: ReportMember) -> Outcome:
    """A toy of which a point is known: what the path about it shows, or else the distance from it."""
    rows = [row for row in run.rows_of.get(member.member, []) if drawable(row.get("distance"))]
    now = member.metrics["distance"]
    there = NAMED.get(member.known_point, NAMED[None])
    if not rows or not drawable(now):
        return Outcome(f"the distance from {there} is not known", "open")
    sought = member.known_point not in ("neither", "")
    seen = _path(run, member.member)
    first = float(rows[0]["distance"])
    span = f"{number(now)} from it ({number(first)} at the start)"
    last = max(float(row["distance"]) for row in rows[-max(1, len(rows) // 5) :])
    if last == first == 0:
        return Outcome(f"stayed at {there}, where it began", "open", f"stayed at {there}")
    if seen is not None and seen.motion in ("goes round", "spirals out"):
        bad: bool = seen.motion == "spirals out"
        what = f"spirals out from {there}" if bad else f"goes round {there}"
        return Outcome(f"{what}: {_turning(seen)}; {span}", "bad" if bad and sought else "open", what)
    if last <= (1 - WHOLE_WAY) * first:
        return Outcome(f"closed in on {there}: {span}", "good" if sought else "bad", f"closed in on {there}")
    if now > 2 * first:
        return Outcome(f"went away from {there}: {span}", "bad" if sought else "open", f"went away from {there}")
    if _rests(run, member.member, first):
        what = f"came to rest away from {there}"
        return Outcome(f"{what}, where no gradient moves it: {span}", "open", what)
    if seen is not None and seen.motion == "closes in" and math.isfinite(seen.turn):
        what = f"is closing in on {there}"
        return Outcome(f"{what}: {_turning(seen)}; {span}", "open", what)
    said = f"{number(now)} from {there} ({number(first)} at the start)"
    seldom = _every(run) > FINE
    why = (
        f" by a path of every {_every(run)}th round, which may hide turns: nashpath diagnose plays on" if seldom else ""
    )
    return Outcome(f"{said}; whether it closes in is undecided{why}", "open", "undecided")


def _turning(seen: Any) -> str:
    if round(seen.a_turn, 4) == 1:
        return f"the radius unchanged over turns of {seen.turn:.3g} rounds"
    less = ", and more slowly all the while" if seen.slowing else ""
    change = "growing" if seen.a_turn > 1 else "changing"
    return f"the radius {change} {seen.a_turn:.4g} times a turn of {seen.turn:.3g} rounds{less}"


def _every(run: Run) -> int:
    """The most steps between two points of the recorded path."""
    return int(max(np.diff([step for step, _ in run.frames]), default=0))


def _rests(run: Run, member: int, first: float) -> bool:
    """Whether the last fifth of a path is one point, and no player had a gradient there that moves it."""
    points = run.paths.get(member, [])
    late = np.asarray(points[-max(2, len(points) // 5) :], dtype=float)
    if len(points) < 10 or not np.isfinite(late).all() or np.abs(late - late[-1]).max() > STILL * first:
        return False
    rows = [row for row in run.rows_of.get(member, []) if any(key.startswith("gradient_norm.") for key in row)]
    norms = {key for row in rows for key in row if key.startswith("gradient_norm.")}
    return bool(norms) and all(
        drawable(now := rows[-1].get(key)) and now <= STILL * max(row[key] for row in rows if drawable(row.get(key)))
        for key in norms
    )


def _path(run: Run, member: int) -> Any:
    """What the recorded path of two strategies shows; None where it is too coarse to count turns."""
    known = run.reference.get("equilibrium")
    steps, every = [step for step, _ in run.frames], _every(run)
    if known is None or len(steps) < 8 or not 0 < every <= FINE:
        return None
    points = [spot for spot in run.paths.get(member, []) if spot.shape == np.shape(known)]
    if len(points) < len(steps) - 1 or np.shape(known) != (2,):
        return None
    away = np.asarray(points, dtype=float) - np.asarray(known, dtype=float)
    angles = np.diff(np.unwrap(np.arctan2(away[:, 1], away[:, 0])))
    if not np.isfinite(away).all() or np.abs(angles).max() > QUARTER:
        return None
    seen = judge_way(torch.from_numpy(away), torch.zeros(2, dtype=torch.float64), "the known equilibrium", final=True)
    if seen is not None:  # from points to rounds
        seen.rate, seen.turn = seen.rate ** (1 / every), seen.turn * float(every)
    return seen


def _of_samples(run: Run, member: ReportMember) -> Outcome:
    """A generator: what its samples cover, and the numbers beside those of real samples and of the start."""
    real = run.real
    keys = [key for key, value in member.metrics.items() if drawable(value) and sign_of(key)]
    if SAMPLES in member.missing:
        said = f"its samples cannot be measured: {member.missing[SAMPLES]}"
        return Outcome(said, "bad", "cannot be measured")
    if not keys:
        why = next(iter(member.missing.values()), "")
        said = f"finished; no number says how good the samples are{f': {why}' if why else ''}"
        return Outcome(said, "open", "finished")
    first = _first(run, member, keys)
    said, tone = covered(member.metrics, real)
    lead = next((key for key in [*wanted(run.config), *keys] if key in keys and key not in COVERED), None)
    ways = list(ways_gone(run, member).values())
    short = said
    if lead is not None:
        beside = [f"real against real {amount(lead, real[lead])}"] if lead in real else []
        began = drawable(first.get(lead)) and first["step"] == 0
        beside += [f"{amount(lead, first[lead])} at the start"] if began else []
        beside += ["other data at the start"] if run.data_since else []
        beside += _better_before(run, member, lead)
        text = f"{titled(lead, phrase)} {amount(lead, member.metrics[lead])}"
        text += f" ({'; '.join(beside)})" if beside else ""
        none = [f"no {phrase(key)}: {why}" for key in wanted(run.config) if (why := member.why_missing(key))]
        said = "; ".join(part for part in (said, text, *none[:1]) if part)
    if tone != "bad" and ways and min(ways) >= WHOLE_WAY:
        return Outcome(said, "good", short or "arrived at real samples")
    if tone != "bad" and ways and max(ways) <= 0:
        return Outcome(f"no better than at the start: {said}", "bad", "no better than at the start")
    return Outcome(said, tone, short or "between the start and real samples")


def _better_before(run: Run, member: ReportMember, key: str) -> list[str]:
    """``["0.058 at step 100, and worse by a quarter or more ever since"]``, where that is so of the last looks."""
    rows = run.rows_now.get(member.member, [])
    looks = [(row["step"], float(row[key])) for row in rows if drawable(row.get(key))]
    sign = sign_of(key) or 0
    step, best = max(looks, key=lambda look: sign * look[1], default=(0, 0.0))
    since = [value for later, value in looks if later > step]
    if (
        len(since) < LATER
        or best <= 0
        or any(sign * value > sign * best * (0.8 if sign > 0 else 1.25) for value in since)
    ):
        return []
    return [f"{amount(key, best)} at step {step:,}, and worse by a quarter or more ever since"]


def ways_gone(run: Run, member: ReportMember) -> dict[str, float]:
    """By number, how much of the way from the start to real samples a member has gone, where that is known."""
    signs = {key: sign for key, value in member.metrics.items() if drawable(value) and (sign := sign_of(key))}
    first = _first(run, member, list(signs))
    found = {key: _way(member.metrics[key], first.get(key), run.real.get(key), sign) for key, sign in signs.items()}
    return {key: way for key, way in found.items() if way is not None}


def _first(run: Run, member: ReportMember, keys: list[str]) -> dict[str, Any]:
    """The first row of a member with any of these numbers; empty where the run began on other data."""
    if run.data_since:
        return {}
    return next((row for row in run.rows_of.get(member.member, []) if any(k in row for k in keys)), {})


def covered(metrics: dict[str, Any], real: dict[str, float]) -> tuple[str, Tone]:
    """``"7 of 8 modes"`` and how good that is; empty where nothing is counted."""
    for key, what in COVERED.items():
        of = real.get(key)
        if key not in metrics or not drawable(metrics[key]) or not of:
            continue
        found = f"{number(metrics[key])} of {number(of)} {what}"
        if metrics[key] == 0:
            return f"{found}: the generator has not found the data", "bad"
        if 2 * metrics[key] <= of:
            return f"{found}: most of the data is never generated", "bad"
        return found, "open"
    return "", "open"


def _way(now: float, first: Any, real: float | None, sign: int) -> float | None:
    """How much of the way from the start to real samples was gone; 1 where real samples are no better."""
    if real is None or not drawable(first):
        return None
    left, whole = sign * (real - now), sign * (real - first)
    return 1.0 if left <= 0 else 1 - left / max(whole, 0.1 * abs(real), 1e-12)
