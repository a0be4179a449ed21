"""The groups of an evaluation: members of the same settings together, with their numbers and the means over them."""

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

    Those count that were measured and did not diverge; where none is left, all three are None.
    """
    counted = [value for value, counts in zip(entry["values"], entry["counted"]) if counts]
    if not counted:
        return dict.fromkeys(("mean", "low", "high"))
    within = METRICS[entry["metric"]].limits(metric_and_features(entry["name"].split(" ")[0])[0])
    return dict(zip(("mean", "low", "high"), interval(counted, within=within)))


def group_of(
    settings: dict[str, Any],
    members: list[Member],
    reference_set: ReferenceSet,
    results: Sequence[list[Measurement] | MetricError],
    diverged: dict[str, str] | None = None,
) -> dict[str, Any]:
    """One entry of ``groups``: protocols, and each number with its values by member and their mean's interval.

    Members that ``diverged`` are measured where they stopped, and do not count in the mean.
    """
    gone = diverged or {}
    sound = [one for one in results if not isinstance(one, MetricError)]
    by_name = [{m.name: m.value for m in one} if not isinstance(one, MetricError) else {} for one in results]
    of_real = reference_set.against_itself(sound[0][0].protocol.fake) if sound else {}
    numbers: list[dict[str, Any]] = []
    notes: list[str] = []
    for m in sound[0] if sound else []:
        values = [one.get(m.name) for one in by_name]
        better = METRICS[m.protocol.metric].better.get(metric_and_features(m.name.split(" ")[0])[0], 0)
        numbers.append({"name": m.name, "metric": m.protocol.metric, "values": values, "better": better})
        numbers[-1]["real"] = of_real.get(m.name.split(" ")[0])
        if (number := class_of(m.name)) is not None:
            numbers[-1]["class"] = reference_set.class_names[number]
        going = [str(member.index) not in gone for member in members] or [True]
        numbers[-1]["counted"] = [value is not None and moves for value, moves in zip(values, going)]
        numbers[-1] |= over_members(numbers[-1])
    failed = {str(m.index): str(one) for m, one in zip(members, results) if isinstance(one, MetricError)}
    for one in by_name:
        if one.get("precision", 0) > 0.99 and one.get("recall", 1) < 0.01:
            notes.append("precision near 1 with recall near 0: the samples are good and all alike, a mode collapse")
    told = {"members": [m.index for m in members], "seeds": [m.seed for m in members], "settings": settings}
    told |= {"failed": failed, "diverged": gone, "notes": list(dict.fromkeys(notes))}
    if any(METRICS[m.protocol.metric].by_class for m in (sound[0] if sound else [])):
        told["class_names"] = reference_set.class_names
    return {**told, "numbers": numbers, "protocols": protocols(sound[0]) if sound else []}


def check_any(found: dict[str, Any]) -> None:
    """Raises a `MetricError` where no member could be measured."""
    if not any(group["numbers"] for group in found["groups"]):
        raise MetricError(next(iter(found["groups"][0]["failed"].values())))
