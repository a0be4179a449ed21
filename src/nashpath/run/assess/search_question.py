"""What a search is asked: what to choose among, for how long and on which seeds; checked before anything is trained."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nashpath.metrics import METRICS, metric_and_features
from nashpath.run.errors import SettingError
from nashpath.run.settings.members import chosen_rows, plan
from nashpath.run.settings.model import TABLES
from nashpath.run.settings.overrides import (
    MOST_MEMBERS,
    TOGETHER,
    Raw,
    assign,
    parse_assignment,
    parse_value,
    parse_values,
)
from nashpath.run.settings.schema import arguments

Chosen = dict[str, Any]
"""What a candidate sets, by dotted key."""

_LAST_SEED = 2**63 - 1
"""The largest that the settings take (`nashpath.core.hyperparameters.Whole`)."""


@dataclass(frozen=True)
class Question:
    """What is searched for, and how; two searches of equal questions find the same.

    ``space`` holds for each key the values to choose from, or ``{"low", "high", "log"}`` of a range (of whole numbers
    where both ends are). ``better`` is 1 where more of the ``objective`` is better and −1 where less is. Of each batch
    one candidate in ``keep`` goes on to the next of ``rungs``.
    """

    settings: Raw
    space: dict[str, Any]
    objective: str
    better: int
    candidates: int = 32
    batch: int = 16
    rungs: int = 3
    keep: int = 3
    seeds: list[int] = field(default_factory=lambda: list(range(8)))
    steps: int = 2000
    confirm: int = 8
    finalists: int = 3
    sampler_seed: int = 0

    def share(self, rung: int) -> int:
        """By how much a rung's steps and seeds are divided."""
        return self.keep ** (self.rungs - 1 - rung)

    def steps_of(self, rung: int) -> int:
        return max(1, self.steps // self.share(rung))

    def seeds_of(self, rung: int) -> list[int]:
        return self.seeds[: max(1, len(self.seeds) // self.share(rung))]

    @property
    def fresh(self) -> list[int]:
        """Seeds that no round has seen."""
        first = max(self.seeds) + 1
        return list(range(first, first + self.confirm))


def parse_space(texts: Sequence[str]) -> dict[str, Any]:
    """``key=0.1:10`` (a range; ``1:8`` of whole numbers), ``key=log:1:10``, ``key=a,b,c``. Raises `SettingError`."""
    space: dict[str, Any] = {}
    for text in texts:
        key, value = parse_assignment(text, "--space")
        if key in space:
            raise SettingError(f"--space {key} is given twice")
        space[key] = _range(key, value) if ":" in value and not value.startswith("[") else _choices(key, value)
    return space


def _range(key: str, text: str) -> dict[str, Any]:
    log = text.startswith("log:")
    parts = [parse_value(part.strip()) for part in text.removeprefix("log:").split(":")]
    numbers = [part for part in parts if isinstance(part, int | float) and not isinstance(part, bool)]
    if len(parts) != 2 or len(numbers) != 2 or not all(map(math.isfinite, numbers)) or not numbers[0] < numbers[1]:
        raise SettingError(f"--space {key}={text}: expected two numbers, such as 0.1:10 or log:1e-4:1e-1")
    if log and numbers[0] <= 0:
        raise SettingError(f"--space {key}={text}: a logarithmic range begins above 0")
    return {"low": numbers[0], "high": numbers[1], "log": log}


def _choices(key: str, text: str) -> list[Any]:
    value = parse_values(text)
    plain = isinstance(value, list) and all(isinstance(one, str | int | float | bool) and one != "" for one in value)
    if not plain or len(set(map(str, value))) < len(value):
        raise SettingError(f"--space {key}={text}: expected different values, such as {key}=a,b,c, or a range 0.1:10")
    return value


def check_question(question: Question) -> set[str]:
    """Refuses a question before anything is trained; the methods that it chooses among, as ``kind.name``."""
    if not question.space:
        raise SettingError(
            "--space: nothing is searched; give at least one, such as --space penalty.weight=log:0.01:10"
        )
    if "seeds" in question.space or "steps" in question.space:
        raise SettingError("--space: seeds and steps grow by themselves; give --seeds, and -s steps=")
    if question.batch * len(question.seeds) > MOST_MEMBERS:
        raise SettingError(f"--batch, --seeds: a round may have {MOST_MEMBERS} members at most")
    if question.steps < 1:
        raise SettingError(f"steps: {question.steps}: a search trains its candidates; give at least 1")
    _check_confirmation(question)
    ends = list(dict.fromkeys([min(question.seeds), max(question.seeds)]))
    found: set[str] = set()
    for corner in _corners(question.space):
        raw = round_settings(question, question.steps, ends)
        found |= chosen_rows(plan(raw, {TOGETHER: [fitting(question, corner)]}))
    return found


def _corners(space: dict[str, Any]) -> list[Chosen]:
    """Points in which each choice, and each end of a range, stands at least once."""
    each = {key: own if isinstance(own, list) else [own["low"], own["high"]] for key, own in space.items()}
    most = max(map(len, each.values()))
    return [{key: own[min(at, len(own) - 1)] for key, own in each.items()} for at in range(most)]


def _check_confirmation(question: Question) -> None:
    """Refuses what would stand in the way of the end, when all rounds have been trained."""
    best = min(question.finalists, question.candidates)
    if (best + 1) * question.confirm > MOST_MEMBERS:
        raise SettingError(
            f"--confirm {question.confirm}, --finalists {question.finalists}: the best {best} and the settings as "
            f"given, with {question.confirm} seeds each, are {(best + 1) * question.confirm} members; one run has at "
            f"most {MOST_MEMBERS}"
        )
    if max(question.seeds) + question.confirm > _LAST_SEED:
        raise SettingError(
            f"--seeds: {max(question.seeds)}, --confirm {question.confirm}: the best are confirmed with the seeds that "
            f"follow, and none is larger than {_LAST_SEED}; give smaller --seeds"
        )


def fitting(question: Question, point: Chosen) -> Chosen:
    """The point without settings that its methods do not have, where these are searched for as well."""
    found: Chosen = {}
    for key, value in point.items():
        path, _, name = key.rpartition(".")
        if path in question.space and path in TABLES and key not in TABLES:
            row = TABLES[path].get(point[path])
            if row is not None and name not in arguments(row):
                continue
        found[key] = value
    return found


def round_settings(question: Question, steps: int, seeds: list[int]) -> Raw:
    """The settings of a round, in which the objective is measured."""
    raw = assign(question.settings, [("steps", steps), ("seeds", seeds)])
    raw.setdefault("sample_every", steps)  # what counts is where members end
    kind = metric_and_features(question.objective)[0]
    if kind in METRICS and question.objective not in raw.get("metrics", []):
        raw["metrics"] = [*raw.get("metrics", []), question.objective]
    return raw
