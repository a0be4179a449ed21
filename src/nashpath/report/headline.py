"""What became of a run, in one line, and which of several settings is better: by one number, over the same members."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from nashpath.core.math.bootstrap import alike_needed, grouped_needed, interval, student, values_needed
from nashpath.report.curves import Strand, strands
from nashpath.report.outcome import COVERED, Outcome, member_outcome, together, wanted
from nashpath.report.phrasing import amount, by_how_much, count, listed, phrase, setting, sign_of, titled, with_ends
from nashpath.report.read import ReportMember, Run, drawable, without

ALIKE = ", all alike: seeds change nothing here"
"""Said of members that end at one number whatever their seeds, as those of a game without randomness do."""
ROUNDING = 1e-6
"""Numbers that are apart by no more than this share of them are equal: they are measured in single precision."""
ENOUGH = 4
"""So many members tell a deviation well enough to plan with; of two, it may be ten times as large."""

TRIED = 4
"""So many settings that are not told from the best one are held against the rest of them."""


def run_headline(run: Run, sought: Mapping[str, int] | None = None) -> Outcome:
    """What became of a run: the better setting where it has several, else its members together.

    ``sought`` names the only numbers by which settings are compared, each with the sign of its better side.
    """
    status = run.info.get("status")
    parts = [part for part in strands(run) if part.members]
    if not parts:
        return Outcome("nothing has been reported yet", "open")
    members = [[member_outcome(run, m) for m in part.members] for part in parts]
    ends = [together(own) for own in members]
    found = ranking(parts, ends, wanted(run.config), sought) if len(parts) > 1 else None
    found = found or _by_setting(parts, ends, together([one for own in members for one in own]))
    if status == "failed":
        return Outcome(f"failed before its last step; {found.text}", "bad")
    if status in ("running", "stopped", "halted"):
        lost = any(member.diverged for part in parts for member in part.members)
        return Outcome(f"not at its last step; so far {found.text}", found.tone if lost else "open")
    return found


def _by_setting(parts: Sequence[Strand], ends: Sequence[Outcome], all_together: Outcome) -> Outcome:
    """What became of each setting where no number compares them; of all members at once where all ended alike."""
    if len({end.text for end in ends}) == 1:
        return all_together
    return Outcome("; ".join(f"{part.label}: {end.text}" for part, end in zip(parts, ends)), all_together.tone)


@dataclass(frozen=True)
class _Arm:
    """The members of one setting, and the last number of those that have one, by seed.

    Lost are members that ``diverged``, and those that went on but whose samples have no such number.
    """

    label: str
    outcome: Outcome
    values: dict[int | None, float]
    members: int
    diverged: int
    unmeasured: int = 0
    tops: Mapping[str, float] = field(default_factory=dict)
    """The most that its numbers can be (`Strand.tops`)."""

    @property
    def lost(self) -> int:
        return self.diverged + self.unmeasured

    @property
    def told(self) -> str:
        said = [f"{self.diverged} of {count(self.members, 'member')} diverged"] * bool(self.diverged)
        of = "" if said else f" of {count(self.members, 'member')}"
        said += [f"{self.unmeasured}{of} without a number"] * bool(self.unmeasured)
        return f"{self.label} ({', '.join(said)})" if said else self.label

    def over(self, seeds: Sequence[int | None] = ()) -> np.ndarray:
        """The numbers of these seeds; of none, all."""
        return np.array([self.values[seed] for seed in seeds or self.values])


@dataclass(frozen=True)
class _Gap:
    """How far two settings are apart over the same members: their means, and the difference with its interval."""

    other: _Arm
    means: tuple[float, float]
    found: tuple[float, float, float]
    members: int
    how: str
    alike: bool = False
    sign: int = 0
    """1 where more is decidedly reached by the first, −1 where less is, 0 where nothing is decided."""
    needed: int = 0
    """So many members would decide, where the interval is on one side of 0 and of too few."""


def ranking(
    parts: Sequence[Strand],
    outcomes: Sequence[Outcome],
    named: Sequence[str],
    sought: Mapping[str, int] | None = None,
) -> Outcome | None:
    """Which of several settings is better, by one number fixed beforehand; None where no number compares them.

    ``outcomes`` are those of the settings: what became of the best one is said, too, and is the tone. ``sought`` are
    the only numbers that are asked, if given, with the signs of their better sides. Else it is the first that the
    settings name, else the distance to real samples (or to the equilibrium), else the first that has a better side.

    A member that diverged is worse than any number, and so is one whose samples cannot be measured. So the best is one
    of the settings that lost the least share of their members, however good the survivors of others are; a setting that
    lost all of them is named as such.

    The best mean is held against every other by the interval of the differences: over pairs of members that share a
    seed where there are such, at 95 % for all pairs of settings together (Bonferroni), since which is the best is known
    from the same numbers. Differences that are the same in every pair have no interval; their signs decide. So few
    pairs that outcomes in two groups make intervals without 0 too often decide nothing (`grouped_needed`: 3 pairs
    decide between two settings, 5 between six).

    Of equal settings one was called better in at most this share of studies (two settings of 3, 4, 6 and 10 pairs, 600
    studies each, ± 0.9 %; three of 4 and six of 5 and 8, 300 each, ± 1.3 %): normal outcomes 6.0 %, exponential 4.3 %,
    log-normal (of deviation 2) 1.5 %, Cauchy 1.8 %, two groups of equal size 5.7 %, of 7 to 3 4.8 %, of 9 to 1 2.5 %,
    three groups 6.0 %.
    """
    keys = dict.fromkeys(key for part in parts for m in part.members for key in m.metrics)
    signs = {key: sign_of(key) or 0 for key in keys} if sought is None else dict(sought)
    order = [key for key in dict.fromkeys([*named, "distance", "sliced_wasserstein", *keys]) if signs.get(key)]
    found: list[list[_Arm]] = []
    for key in (key for key in order if key in keys):
        arms = [_arm(part, end, key) for part, end in zip(parts, outcomes)]
        found.append(arms)
        if sum(bool(arm.values) for arm in arms) > 1:
            if other := _ground_apart(parts):
                name = titled(key, phrase)
                return Outcome(f"not compared: they differ in {other}, so {name} does not say which is better", "open")
            return _best(arms, key, signs[key])
    for arms in found:
        left = [arm for arm in arms if arm.lost < arm.members]
        if len(left) == 1 and left[0].values:
            measured = " with a number" if any(arm.unmeasured for arm in arms) else ""
            said = f"only {left[0].told} reached the end{measured}{_absent(arms, '')}; with it {left[0].outcome.text}"
            return Outcome(said, left[0].outcome.tone)
    return None


def _ground_apart(parts: Sequence[Strand]) -> str:
    """In which settings the grounds of numbers differ, and how, in words; empty where they do not."""
    grounds = [part.ground for part in parts]
    found = list(dict.fromkeys(key for part in parts[1:] for key in parts[0].apart(part)))
    kinds = [key for key in found if key.endswith(".kind")]
    told = []
    for key in kinds or found:  # another kind has other settings, too
        values = dict.fromkeys(setting(one[key]) for one in grounds if key in one)
        told.append("the files of the data" if key == "data.files" else f"{key} ({listed(list(values))})")
    return listed(told) if told else ""


def _arm(part: Strand, end: Outcome, key: str) -> _Arm:
    diverged, unmeasured = sum(m.diverged for m in part.members), len(without(part.members, key))
    return _Arm(part.label, end, by_seed(part.members, key), len(part.members), diverged, unmeasured, part.tops)


def by_seed(members: Sequence[ReportMember], key: str) -> dict[int | None, float]:
    """The last finite number of the members that did not diverge, by their seeds."""
    return {m.seed: float(m.metrics[key]) for m in members if not m.diverged and drawable(m.metrics.get(key))}


def _absent(arms: Sequence[_Arm], name: str) -> str:
    """The settings that have no number to compare, and why."""
    gone = [arm for arm in arms if not arm.values]
    said = [f"{arm.label} {_lost_all(arm)}" for arm in gone if arm.lost == arm.members]
    said += [f"{arm.told} has no {name}" for arm in gone if arm.lost < arm.members]
    return f"; {listed(said)}" if said else ""


def _lost_all(arm: _Arm) -> str:
    """What became of a setting without any number: ``"diverged in all 8 members"``."""
    how = ["diverged"] * bool(arm.diverged) + ["could not be measured"] * bool(arm.unmeasured)
    return f"{' or '.join(how)} in {_all_of(arm.members)}"


def _all_of(members: int) -> str:
    return {1: "its only member", 2: "both members"}.get(members, f"all {members:,} members")


def _best(given: Sequence[_Arm], key: str, sign: int) -> Outcome:
    """The best of several settings of which two have numbers or more, held against every other of them."""
    arms = [arm for arm in given if arm.values]
    least = min(arm.lost / arm.members for arm in arms)
    sound = [arm for arm in arms if arm.lost / arm.members == least]
    common = _shared(sound)
    best = max(sound, key=lambda arm: sign * arm.over(common).mean())
    error = 0.05 / math.comb(len(arms), 2)
    others = sorted((arm for arm in arms if arm is not best), key=lambda arm: -sign * arm.over().mean())
    gaps = [_apart(best, one, common if one in sound else _shared([best, one]), error, key) for one in others]
    unclear = [gap for gap in gaps if gap.sign != sign]
    name, absent = titled(key, phrase), _absent(given, phrase(key))
    gap = (unclear or gaps)[0]
    which = f" of {gap.other.label}" if len(unclear) > 1 else ""
    values = f"{name} {amount(key, gap.means[0])} against {amount(key, gap.means[1])}{which}"
    span = f"difference {with_ends(key, gap.found, by_how_much, gap.other.tops)} over {gap.how}"
    if not unclear:
        rest = f" and {len(others) - 1} more" if len(others) > 1 else ""
        said = f"{best.told} is better than {gap.other.told}{rest}: {values}, {span}{absent}"
        return Outcome(f"{said}; with it {best.outcome.text}", best.outcome.tone)
    between = listed([arm.told for arm in (best, *(one.other for one in unclear))], 4)
    ahead = f" (ahead of {len(others) - len(unclear)} more)" if len(unclear) < len(others) else ""
    span = f"of {gap.how}" if gap.members < 2 or gap.alike else span
    said = f"undecided between {between}{ahead}: {values}, {span}{_why(gap, sign, error, key)}"
    return Outcome(f"{said}{_among([one.other for one in unclear], key, sign, error)}{absent}", "open")


def _among(arms: Sequence[_Arm], key: str, sign: int, error: float) -> str:
    """What is decided among settings that are not told from the best one, the better of them first."""
    for arm in arms[:TRIED]:
        others = [one for one in arms if one is not arm and arm.lost * one.members <= one.lost * arm.members]
        gaps = [_apart(arm, one, _shared([arm, one]), error, key) for one in others]
        worse = [gap for gap in gaps if gap.sign == sign]
        if worse:
            gap, rest = worse[0], f" and {len(worse) - 1} more" if len(worse) > 1 else ""
            values = f"{amount(key, gap.means[0])} against {amount(key, gap.means[1])}"
            span = f"difference {with_ends(key, gap.found, by_how_much, gap.other.tops)} over {gap.how}"
            return f"; decided is that {arm.told} is better than {gap.other.told}{rest}: {values}, {span}"
    return ""


def _shared(arms: Sequence[_Arm]) -> list[int | None]:
    """The seeds of which all of these settings have a number; none where there are no two."""
    seeds = [seed for seed in arms[0].values if all(seed in arm.values for arm in arms)]
    return seeds if len(seeds) > 1 else []


def _apart(best: _Arm, other: _Arm, seeds: Sequence[int | None], error: float, key: str) -> _Gap:
    """The difference over pairs that share one of ``seeds``, or, of no seeds, of all members against all."""
    a, b = best.over(seeds), other.over(seeds)
    middle, members = float(a.mean() - b.mean()), min(len(a), len(b))
    means, nothing = (float(a.mean()), float(b.mean())), (middle, math.nan, math.nan)
    how = f"{len(seeds)} paired seeds" if seeds else f"{len(a)} against {count(len(b), 'member')}"
    equal = ROUNDING * max(np.abs(a).max(), np.abs(b).max())
    if key not in COVERED and len(a) > 1 and max(np.ptp(a), np.ptp(b)) <= equal:
        return _Gap(other, means, nothing, members, f"{count(len(a), 'member')} against {len(b)}{ALIKE}", alike=True)
    if members < 2:
        return _Gap(other, means, nothing, members, how)
    side = int(np.sign(middle)) if abs(middle) > equal else 0
    if (np.ptp(a - b) if seeds else max(np.ptp(a), np.ptp(b))) <= equal:
        how = f"{how}, the same in each"
        return _Gap(other, means, nothing, members, how, sign=side if members >= alike_needed(error) else 0)
    found = interval((a - b).tolist(), error=error) if seeds else _unpaired(a, b, error)
    away, needed = found[1] > 0 or found[2] < 0, grouped_needed(error)
    if away and members < needed:
        return _Gap(other, means, found, members, how, needed=needed)
    return _Gap(other, means, found, members, how, sign=side if away else 0)


def _unpaired(a: np.ndarray, b: np.ndarray, error: float) -> tuple[float, float, float]:
    """The difference of two means with the interval that their two intervals make.

    Reference: Zou & Donner 2008, "Construction of confidence limits about effect measures".
    """
    (one, low, high), (two, least, most) = interval(a.tolist(), error=error), interval(b.tolist(), error=error)
    middle = one - two
    return middle, middle - math.hypot(one - low, most - two), middle + math.hypot(high - one, two - least)


def _why(gap: _Gap, sign: int, error: float, key: str) -> str:
    """What keeps a difference from being decided, and how much more would decide it."""
    (middle, low, high), starts = gap.found, "other starts"
    if gap.sign == -sign:
        if gap.other.unmeasured or not gap.other.diverged:
            return f"; {gap.other.label} has the better number where it has one, and has none more often"
        return f"; {gap.other.label} has the better number where it did not diverge, and diverged more often"
    if gap.alike:
        return f"; {starts} would decide"
    if gap.needed:
        return f": of so few members no interval decides; {gap.needed} seeds that differ as these do would"
    if gap.members > 1 and abs(middle) <= ROUNDING * max(map(abs, gap.means)) and (middle or math.isnan(low)):
        return ": equal up to rounding" if middle else ""
    if gap.members < ENOUGH or math.isnan(low):
        return f"; more seeds{f' or {starts}' if key == 'distance' and gap.members < 2 else ''} would decide"
    deviation = (high - low) / 2 / student(gap.members, error)
    need = values_needed(deviation, abs(middle), error, gap.members + 1) if math.isfinite(deviation) else None
    return f"; about {need:,} seeds would decide a difference of this size" if need else ""
