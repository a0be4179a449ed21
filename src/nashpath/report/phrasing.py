"""Numbers, times and settings in words a person reads."""

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from nashpath.core.table import rebuilt
from nashpath.diagnostics import DIAGNOSTICS
from nashpath.metrics import METRICS, class_of

INITIALS = ("fid", "kid", "ms", "ssim", "kl", "js", "mmd")
"""Words of keys that are written in capitals."""
PEOPLE = {"wasserstein": "Wasserstein"}
"""Words of keys that are the names of people."""


def number(value: Any) -> str:
    """Four significant digits, thousands separated; a dash for what is missing or not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–" if value is None else str(value)
    if not math.isfinite(value):
        return "–"
    if float(value).is_integer() and abs(value) < 1e12:
        return f"{int(value):,}"
    rounded = float(f"{value:.4g}")
    return f"{value:,.1f}" if abs(rounded) >= 1e4 and abs(value) < 1e12 else f"{value:,.4g}"


def duration(seconds: Any) -> str:
    """Seconds as ``"2 h 5 min"``, ``"2 min 31 s"`` or ``"4.2 s"``."""
    if not isinstance(seconds, int | float) or not math.isfinite(seconds):
        return "–"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def setting(value: Any) -> str:
    """A setting as text; a run of whole numbers as ``"0:16"``."""
    if isinstance(value, list):
        whole = len(value) > 2 and all(type(v) is int for v in value)
        if whole and value == list(range(value[0], value[0] + len(value))):
            return f"{value[0]}:{value[-1] + 1}"
        return ", ".join(setting(v) for v in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def settings_label(settings: dict[str, Any]) -> str:
    """``"penalty.weight = 0.1, steps = 10"``; empty when nothing is set."""
    return ", ".join(f"{key} = {setting(value)}" for key, value in settings.items())


def count(many: int, noun: str) -> str:
    """``"1 member"``, ``"2 members"``."""
    return f"{many:,} {noun}" if many == 1 else f"{many:,} {noun}s"


def listed(words: list[str], most: int = 4) -> str:
    """``"a, b and c"``; beyond ``most`` the rest is counted."""
    if len(words) > most:
        words = [*words[:most], f"{len(words) - most} more"]
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def title(key: str, classes: Sequence[str] = ()) -> str:
    """``"gradient_norm.generator"`` as ``"Gradient norm of the generator"``; ``"fid"`` as ``"FID"``.

    Of one class by its name, ``"Intra FID of class cat"``, where the names of the ``classes`` are known.
    """
    number = class_of(key)
    key, _, features = key.partition("@")
    what, _, whose = key.replace("_", " ").partition(".")
    what = " ".join(word.upper() if word in INITIALS else PEOPLE.get(word, word) for word in what.split(" "))
    of = f" of the {whose}" if whose else ""
    if number is not None:
        of = f" of class {classes[number]}" if number < len(classes) else f" of class number {number}"
    return what[:1].upper() + what[1:] + of + (f" ({features})" if features else "")


def numbered(names: Sequence[str]) -> list[str]:
    """The names of classes, each after its number where it is not called by that: ``0 (cat)``."""
    return [name if name == str(k) else f"{k} ({name})" for k, name in enumerate(names)]


def phrase(key: str) -> str:
    """The `title` as it stands within a sentence: ``"sliced Wasserstein"``."""
    named = title(key)
    return named if key.split("_")[0] in (*INITIALS, *PEOPLE) else named[:1].lower() + named[1:]


MEANINGS = {
    "cost": "what the player minimises, on the batch of one step; costs say little about samples",
    "gradient_norm": "Euclidean length of the gradient of the player's own cost by its own parameters",
    "distance": "Euclidean distance of the players' strategies from the known point, in units of the strategies",
    "test_error": "share of held-out labelled samples that the discriminator classifies wrongly",
    "kl": "Kullback-Leibler divergence of the particles' estimated density from the data's, in nats",
    "time": "the flow's own time: the sum of the lengths of its steps",
    "step_size": "length of the integrator's step, in the flow's time",
    "divergence": "what the flow must decrease, as it sees it: estimated from its own density ratio",
    "dissipation": "rate at which the divergence fell since the last row, per unit of the flow's time",
    "dissipation_theory": "the rate of fall that theory gives, averaged over the same steps",
    "held": "share of particles whose move was cut",
    "overshoots": "steps so far after which the divergence had risen",
    "w2": "Wasserstein distance of order 2 between particles and data, in units of the samples",
}
"""What the numbers mean that no metric and no diagnostic owns: of every run, and of flows (`nashpath.run.run_flow`)."""


def _of_best_responses() -> dict[str, str]:
    """What the readings mean that a search for best responses finds, whose budget makes them lower bounds."""
    found: dict[str, str] = {}
    begins = {"duality_gap": "", "perturbed_duality_gap": " that starts beside the present point"}
    for name, where in begins.items():
        search: Any = DIAGNOSTICS[name]()
        bound = (
            f"a lower bound by {search.steps} steps of Adam at rate {search.rate:g}, which falls short where a best "
            f"response is further away than {search.steps * search.rate:g} in a parameter"
        )
        regret = name.replace("duality_gap", "regret")
        found[regret] = f"what a player gains by a best response{where}, found by search: {bound}"
        whose = "players' regrets" + (" from beside the point" if where else "")
        found[name] = f"sum of the {whose}, in a zero-sum game the duality gap: {bound}"
    for name in (*begins, "proximal_duality_gap"):
        found[f"{name}_error"] = (
            "standard error of the gap over restarts on other batches, 0 where all batches are alike: it does not say "
            "how far a search of so many steps falls short"
        )
    return found


@rebuilt(METRICS, DIAGNOSTICS)
def meanings() -> dict[str, str]:
    """What every number of a page means, by its key, without its better side."""
    owners = {reading: DIAGNOSTICS.summary(name) for name, row in DIAGNOSTICS.items() for reading in row.readings}
    measured = {key: said for row in METRICS.values() for key, said in getattr(row, "numbers", {}).items()}
    return {**{key: said.rstrip(".") for key, said in owners.items()}, **_of_best_responses(), **measured, **MEANINGS}


def meaning(key: str) -> str:
    """What a number means, in words, with its unit and its better side; empty where nobody said."""
    said = meanings().get(key.partition("@")[0].partition(".")[0], "")
    better = {1: "more is better", -1: "less is better"}.get(sign_of(key) or 0)
    return "; ".join(part for part in (said, better) if part) if said else ""


@rebuilt(METRICS)
def _shares() -> frozenset[str]:
    return frozenset({"test_error"}.union(*(getattr(row, "shares", ()) for row in METRICS.values())))


def is_share(key: str) -> bool:
    """Whether a number is a share, from 0 to 1, and shown as a percentage."""
    return key.partition("@")[0] in _shares()


@rebuilt(METRICS)
def _limits() -> dict[str, tuple[float, float]]:
    """Where the numbers can lie that metrics own."""
    return {number: row.limits(number) for row in METRICS.values() for number in row.numbers}


def limits(key: str) -> tuple[float, float]:
    """Where a number can lie, by its key."""
    return _limits().get(key.partition("@")[0], (0.0, 1.0) if is_share(key) else (-math.inf, math.inf))


def amount(key: str, value: Any) -> str:
    """A number by its key: a share in percent, everything else as `number`."""
    known = is_share(key) and isinstance(value, int | float) and math.isfinite(value)
    return f"{number(float(f'{100 * value:.10g}'))} %" if known else number(value)


def by_how_much(key: str, value: float) -> str:
    """A difference of two numbers by their key: of shares, in percentage points."""
    said = amount(key, value)
    return said.replace(" %", " point" if said in ("1 %", "-1 %") else " points")


def with_ends(
    key: str,
    found: tuple[float, float, float],
    say: Callable[[str, float], str] = amount,
    tops: Mapping[str, float] = MappingProxyType({}),
) -> str:
    """A mean and the ends of its interval, by their key: ``0.3 [0.2, 0.4]``; of ends that are NaN nothing.

    Nor of ends that are both the mean: what was alike in all members has shown no spread, and no interval. No end lies
    where the number cannot, nor, of a difference (``say`` is `by_how_much`), where none of two such numbers can.
    ``tops`` are the most that numbers can be of these data.
    """
    mean, low, high = found
    if math.isnan(low) or low == high:
        return say(key, mean)
    least, most = limits(key)
    most = min(most, tops.get(key, math.inf))
    if say is by_how_much:
        least, most = least - most, most - least
    low, high = max(low, least), min(high, most)
    mean, low, high = (say(key, value) for value in (mean, low, high))
    return f"{mean} [{low}, {high}]"


@rebuilt(METRICS)
def directions() -> dict[str, int]:
    """1 for the numbers of which more is better, −1 for those of which less is."""
    measured = {key: sign for row in METRICS.values() for key, sign in getattr(row, "better", {}).items()}
    return {**measured, "distance": -1, "test_error": -1, "kl": -1, "mmd": -1, "w2": -1}


def sign_of(key: str) -> int | None:
    """`directions` of a number, whatever features it was measured in (``fid@pixels``)."""
    return directions().get(key.partition("@")[0])


def titled(key: str, name: Callable[[str], str] = title) -> str:
    """The name of a number, with an arrow to its better side where it has one."""
    return name(key) + {1: " ↑", -1: " ↓"}.get(sign_of(key) or 0, "")
