"""The groups of an evaluation: members of the same settings together, with their numbers and the means over them."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from nashpath.core.math.bootstrap import interval
from nashpath.metrics import METRICS, Measurement, MetricError, class_of, metric_and_features
from nashpath.run.observe.metrics import ReferenceSet, protocols
from nashpath.run.settings.members import Member

T = TypeVar("T")


def grouped(entries: Iterable[T], by: Callable[[T], dict[str, Any]]) -> list[tuple[dict[str, Any], list[T]]]:
    """Entries of the same settings together, in the order in which their settings come first."""
    groups: list[tuple[dict[str, Any], list[T]]] = []
    for entry in entries:
        own = next((some for settings, some in groups if settings == by(entry)), None)
        if own is None:
            groups.append((by(entry), [entry]))
        else:
            own.append(entry)
    return groups


def over_members(entry: dict[str, Any]) -> dict[str, float | None]:
    """Mean over members of an entry of ``numbers``, with the ends of its interval, within the number's limits.

    ``top`` of the entry is the most that it can be of these data, where that is known.

    Those count that were measured and did not diverge; where none is left, all three are None.
    """
    counted = [value for value, counts in zip(entry["values"], entry["counted"]) if counts]
    if not counted:
        return dict.fromkeys(("mean", "low", "high"))
    low, high = METRICS[entry["metric"]].limits(_plain(entry["name"]))
    within = (low, min(high, entry.get("top", math.inf)))
    return dict(zip(("mean", "low", "high"), interval(counted, within=within)))


def _plain(name: str) -> str:
    """The name of a number whatever it was measured in, and of whichever weights."""
    return metric_and_features(name.split(" ")[0])[0]


NARROW = (
    "precision near 1 with recall near 0: nearly all samples lie in the neighbourhoods of real ones, and hardly any "
    "real one in theirs, so they are more alike than real ones; whether they are good these two do not show (one wide "
    "neighbourhood may hold them all)"
)


def _notes(found: dict[str, float]) -> list[str]:
    """What several numbers of a member say together that none says alone."""
    pairs = [
        (value, found.get(name.replace("precision", "recall", 1)))
        for name, value in found.items()
        if _plain(name) == "precision"
    ]
    return [NARROW] if any(value > 0.99 and recall is not None and recall < 0.01 for value, recall in pairs) else []


def group_of(
    settings: dict[str, Any],
    members: list[Member],
    reference_set: ReferenceSet | MetricError,
    results: Sequence[list[Measurement] | MetricError],
    diverged: dict[str, str] | None = None,
) -> dict[str, Any]:
    """One entry of ``groups``: protocols, and each number with its values by member and their mean's interval.

    Members that ``diverged`` are measured where they stopped, and do not count in the mean.
    """
    gone, known = diverged or {}, reference_set if isinstance(reference_set, ReferenceSet) else None
    sound = [one for one in results if not isinstance(one, MetricError)]
    by_name = [{m.name: m.value for m in one} if not isinstance(one, MetricError) else {} for one in results]
    of_real = known.against_itself(sound[0][0].protocol.fake) if sound and known else {}
    going = [str(member.index) not in gone for member in members] or [True]
    numbers: list[dict[str, Any]] = []
    for m in sound[0] if sound else []:
        values = [one.get(m.name) for one in by_name]
        own = _facts(m, known) | {"values": values, "real": of_real.get(m.name.split(" ")[0])}
        own["counted"] = [value is not None and moves for value, moves in zip(values, going)]
        numbers.append(own | over_members(own))
    failed = {str(m.index): str(one) for m, one in zip(members, results) if isinstance(one, MetricError)}
    notes = [note for one in by_name for note in _notes(one)]
    left_out = known.left_out if known else {}
    notes += [f"{name} is left out, since nobody named it: {why}" for name, why in left_out.items()]
    told = {"members": [m.index for m in members], "seeds": [m.seed for m in members], "settings": settings}
    told |= {"failed": failed, "diverged": gone, "notes": list(dict.fromkeys(notes))}
    if known and any(METRICS[m.protocol.metric].by_class for m in (sound[0] if sound else [])):
        told["class_names"] = known.class_names
    return {**told, "numbers": numbers, "protocols": protocols(sound[0]) if sound else []}


def _facts(m: Measurement, known: ReferenceSet | None) -> dict[str, Any]:
    """What is known of a number besides its values: metric, better side, where it ends, and the class it is of."""
    better = METRICS[m.protocol.metric].better.get(_plain(m.name), 0)
    found: dict[str, Any] = {"name": m.name, "metric": m.protocol.metric, "better": better}
    found |= {"top": m.top} if math.isfinite(m.top) else {}
    number = class_of(m.name)
    return found | ({"class": known.class_names[number]} if known and number is not None else {})


def check_any(found: dict[str, Any]) -> None:
    """Raises a `MetricError` where no member could be measured."""
    if not any(group["numbers"] for group in found["groups"]):
        raise MetricError(next(iter(found["groups"][0]["failed"].values())))
