"""What people ask of a run first, answered from what its folder holds: is it good, is it collapsing, what next?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nashpath.core.math.trend import rise_chance
from nashpath.report.curves import strands
from nashpath.report.headline import run_headline
from nashpath.report.outcome import COVERED, covered, wanted, ways_gone
from nashpath.report.phrasing import amount, count, listed, phrase, sign_of, titled
from nashpath.report.present import AGAIN, at_present, outdated_diagnosis
from nashpath.report.read import SAMPLES, ReportMember, Run, drawable, read_frames

ALIKE = 0.5
"""Two samples that differ on average by less than this share of what two real ones do are said to be alike."""
GROWING = 1.1
"""Samples that differ more than halfway through training by this factor still spread."""
RECALLED = 0.5
"""The share of real samples' own recall from which on nothing is said to be missing."""
NOWHERE = (
    ", as samples have that are all alike, and such that lie elsewhere: nashpath diagnose says how far they spread"
)
STILL_BETTER = 0.05
"""The share of its range by which a number that improved so much in the last quarter says to train on."""
BY_CHANCE = 0.05
"""How seldom a number that has no trend may be said to improve still."""
LOOKS = 8
"""Fewer evaluations say nothing about the last quarter."""


@dataclass(frozen=True)
class Answer:
    """A question with its answer in a word, and what that stands on."""

    question: str
    word: str
    text: str


def questions(run: Run) -> list[Answer]:
    """The three questions, for a run whose members generate samples; a flow and a toy have their verdicts alone."""
    members = [m for m in run.members if "distance" not in m.metrics]
    if "flow" in run.config or not any(m.metrics or m.missing for m in members):
        return []
    before, run = outdated_diagnosis(run), at_present(run)
    moving = [m for m in members if not m.diverged]
    collapsing = _collapsing(run, moving)
    return [_good(run, moving), collapsing, _next(run, moving, collapsing.word == "yes", before)]


def _unseen(run: Run) -> list[int]:
    """The members that the diagnosis did not look at."""
    seen = {entry.get("member") for entry in run.diagnosis}
    return [m.member for m in run.members if m.member not in seen and not m.diverged]


def _by_whom(run: Run) -> str:
    """The diagnosis, with the members it looked at where these are not all."""
    if not _unseen(run):
        return "the diagnosis"
    seen = [str(entry.get("member")) for entry in run.diagnosis]
    return f"the diagnosis of member{'' if len(seen) == 1 else 's'} {listed(seen, 4)}"


def _good(run: Run, members: list[ReportMember]) -> Answer:
    """By how much of the way from the start to real samples each number has gone, and by the headline's tone."""
    question, tone = "Is it good?", run_headline(run).tone
    if len(strands(run)) > 1:
        return Answer(question, "undecided", "it has several settings: the line above holds them against each other")
    each = [ways_gone(run, member) for member in members]
    keys = list(dict.fromkeys(key for one in each for key in one))
    broken = [str(one.missing[SAMPLES]) for one in members if SAMPLES in one.missing]
    if broken and not keys:
        return Answer(question, "no", f"its samples cannot be measured: {broken[0]}")
    if not keys:
        return Answer(question, "undecided", "no number here compares its samples with real ones")
    gone = {key: [one[key] for one in each if key in one] for key in keys}
    told = [f"{100 * np.mean(ways):.0f} % by {titled(key, phrase)}" for key, ways in gone.items()]
    word = {"good": "yes", "bad": "no"}.get(tone, "not yet")
    known = sum(map(bool, each))
    of = f", mean of {known} of {len(members)} members, the others without a number"
    of = of if known < len(members) else "" if len(members) == 1 else f", mean of {len(members)} members"
    return Answer(question, word, f"of the way from the start to real samples it has gone {listed(told, 3)}{of}")


def _collapsing(run: Run, members: list[ReportMember]) -> Answer:
    """By the diagnosis, by what the samples cover, by recall, or by how much saved samples differ, in this order.

    That nothing collapses, a diagnosis of some members does not say of the others.
    """
    question = "Is it collapsing?"
    if not members:
        return Answer(question, "undecided", "every member left the finite numbers")
    said = _diagnosed(run)
    others = _unseen(run) and (said is None or said[0] == "no")
    found = (None if others else said) or _covered(run, members) or _recalled(run) or said or _alike(run, members)
    if found is None:
        return Answer(question, "undecided", "nothing here measures it: nashpath evaluate says how much is never made")
    return Answer(question, *found)


def _diagnosed(run: Run) -> tuple[str, str] | None:
    said = [one["sentence"] for entry in run.diagnosis for one in entry["findings"] if one["code"] == "mode collapse"]
    if said:
        return "yes", said[0].split(", so most of the data")[0].removeprefix(
            "mode collapse: "
        ) + f" ({_by_whom(run).removeprefix('the ')})"
    spreads = [entry["numbers"].get("spread") for entry in run.diagnosis]
    known = [spread for spread in spreads if drawable(spread)]
    if not known or any(entry["numbers"].get("growing") for entry in run.diagnosis):
        return None
    return (
        "no",
        f"samples spread {100 * np.mean(known):.0f} % as far as the data ({_by_whom(run).removeprefix('the ')})",
    )


def _worst(run: Run, members: list[ReportMember]) -> int | None:
    """The member that covers least."""
    for key in COVERED:
        counted = [(m.metrics[key], m.member) for m in members if drawable(m.metrics.get(key))]
        if counted and run.real.get(key):
            return min(counted)[1]
    return None


def _covered(run: Run, members: list[ReportMember]) -> tuple[str, str] | None:
    """By what is counted: modes or classes."""
    found = [(covered(m.metrics, run.real), m) for m in members]
    said = [(text, tone, m) for (text, tone), m in found if text]
    if not said:
        return None
    key = next(key for key in COVERED if key in said[0][2].metrics and run.real.get(key))
    worst = min(said, key=lambda one: one[2].metrics[key])
    full, unknown = worst[2].metrics[key] >= run.real[key], len(members) - len(said)
    word = "yes" if worst[1] == "bad" else "partly" if not full else "undecided" if unknown else "no"
    short = f"; of {count(unknown, 'other')} it is not known" if unknown else ""
    return word, worst[0] + (f" in the worst of {count(len(said), 'member')}{short}" if len(members) > 1 else "")


def _recalled(run: Run) -> tuple[str, str] | None:
    """By the share of real samples that generated ones surround, beside what as many real ones get."""
    groups: Any = run.evaluation.get("groups", [])
    for number in (number for group in groups for number in group.get("numbers", [])):
        if number.get("name") == "recall" and drawable(number.get("mean")) and number.get("real"):
            share = number["mean"] / number["real"]
            word = "no" if share >= RECALLED else "undecided" if number["mean"] < 0.01 else "partly"
            beside = amount("recall", number["real"])
            said = f"recall {amount('recall', number['mean'])} (real against real {beside}; evaluation)"
            return word, f"{said}{NOWHERE if word == 'undecided' else ''}"
    return None


def _alike(run: Run, members: list[ReportMember]) -> tuple[str, str] | None:
    """By how much two saved samples differ, beside two real ones: it can show a collapse, not that there is none."""
    real = run.reference.get("real")
    between = [frame for frame in run.frames[1:-1] if frame[0] > run.data_since]
    middle = sorted(between, key=lambda frame: abs(frame[0] - run.frames[-1][0] / 2))
    half = middle[:1]
    frames = read_frames(run, [*half, *run.frames[-1:]]) if real is not None else []
    if not frames or real is None:
        return None
    earlier, now = (_share([saved.get(f"m{m.member}") for m in members], real) for _, saved in (frames[0], frames[-1]))
    if now is None:
        return None
    told = f"two samples differ {100 * now:.0f} % as much as two real ones"
    if now < ALIKE and half and earlier is not None and now > GROWING * earlier:
        return "undecided", f"{told}, more than at step {frames[0][0]:,} ({100 * earlier:.0f} %)"
    if now < ALIKE and half:
        return "yes", told
    if now < ALIKE:
        return "undecided", f"{told}; samples from half of the way would tell whether they still spread (sample_every)"
    return "undecided", f"{told}, which rules out the grossest alone; nashpath evaluate measures recall"


def _share(saved: list[np.ndarray | None], real: np.ndarray) -> float | None:
    """How much two samples differ, as a share of what two real ones do: of the member where it is least."""
    known = [own for own in saved if own is not None and len(own) > 1]
    if not known or not all(np.isfinite(own).all() for own in (*known, real)):
        return None
    return min(_apart(own) / max(_apart(real), 1e-12) for own in known)


def _apart(x: np.ndarray) -> float:
    """The root of the mean squared distance of two samples: twice their variance."""
    return float(np.sqrt(2 * np.var(x.reshape(len(x), -1).astype(np.float64), axis=0, ddof=1).sum()))


def _next(run: Run, members: list[ReportMember], collapsing: bool, before: str) -> Answer:
    """One suggestion, with what it stands on; ``before`` says of a diagnosis that it is of an earlier step."""
    question = "What next?"
    if run.info.get("status") == "halted":
        return Answer(question, "train anew, more slowly", "it ended where a member diverged (on_divergence=stop)")
    if run.info.get("status") in ("running", "stopped"):
        return Answer(question, "train on", "it is not at its last step: nashpath train --resume")
    for entry in run.diagnosis:
        helped = [one["change"] for one in entry["numbers"].get("tried", []) if one.get("motion") == "closes in"]
        if helped:
            return Answer(question, helped[0], f"tried from here by {_by_whom(run)}, and play closed in with it")
        if entry["findings"]:
            return Answer(
                question, "see the diagnosis", f"it found: {entry['findings'][0]['code']}, and says what to change"
            )
    if collapsing and run.diagnosis and _unseen(run):
        worst = _worst(run, members)
        which = f" --member {worst}" if worst in _unseen(run) else ""
        why = f"{_by_whom(run)} found nothing wrong, and others collapse: nashpath diagnose{which}"
        return Answer(question, "diagnose the others", why)
    better = _still_better(run, members)
    if any(entry["play"] == "still moving" for entry in run.diagnosis) and not better:
        return Answer(question, "train on", f"{_by_whom(run)} found nothing wrong, and play is still moving")
    if better:
        steps = 2 * int(run.info.get("steps") or run.config.get("steps") or 0)
        return Answer(question, "train on", f"{better}: nashpath train --resume -s steps={steps}")
    if before:
        word = "diagnose it again" if AGAIN["diagnosis"] in before else "see the diagnosis"
        return Answer(question, word, f"the diagnosis is outdated. {before}".removesuffix("."))
    if not run.diagnosis:
        why = "nothing was tried yet: nashpath diagnose says what is wrong, and tries changes of the play"
        return Answer(question, "diagnose it", why)
    still = "the numbers stand still, or move as they would without a trend"
    still = "too few evaluations to say whether it improves" if better is None else still
    return Answer(question, "undecided", f"{_by_whom(run)} found nothing wrong, and {still}")


def _still_better(run: Run, members: Sequence[ReportMember]) -> str | None:
    """By how much the leading number improved in the last quarter, if by much of its range; None where that is unknown.

    It is the least of all members, from the median of the quarter before to that of the last. And it is no noise: the
    last two quarters of every member improve more steadily than values without a trend do in 5 % of runs
    (`rise_chance`; of k members in the k-th root of it each, so that all together do in 5 %). Of white noise, from the
    start or after a fall, one member was said to improve in 3.2 to 4.4 % of 1,000 runs of 8 to 100 looks, three in at
    most 2.7 %. Of noise that wanders it is said more often: of one AR(1) of coefficient 0.3 in 5 to 10 %, 0.5 in 7 to
    15 %, 0.8 in 10 to 25 %. A number that falls by 20 deviations of its noise is said to in 89 % of runs of 8 looks.
    """
    keys = dict.fromkeys(key for member in members for key in member.metrics if sign_of(key) and key not in COVERED)
    key = next((key for key in [*wanted(run.config), *keys] if key in keys), None)
    if key is None:
        return None
    gains, sign = list[float](), sign_of(key) or 0
    for member in members:
        values = [float(row[key]) for row in run.rows_now.get(member.member, []) if drawable(row.get(key))]
        if len(values) < LOOKS:
            return None
        part = len(values) // 4
        late, before = np.median(values[-part:]), np.median(values[-2 * part : -part])
        gains.append(sign * float(late - before) / max(np.ptp(values), 1e-12))
        if rise_chance([sign * value for value in values[-2 * part :]]) > BY_CHANCE ** (1 / len(members)):
            return ""
    least = min(gains, default=0.0)
    if least < STILL_BETTER:
        return ""
    return f"{titled(key, phrase)} was still improving, by {100 * least:.0f} % of its range in the last quarter"
