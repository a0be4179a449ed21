"""Metrics of generators, through training and after it: against which real samples, in which features, which numbers.

A `ReferenceSet` measures samples; the rest is what a run makes of the settings that name metrics.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from nashpath.core import Key, Source, derive, generator
from nashpath.core.own import MethodError, is_named, refused_method
from nashpath.core.source import Finite, HasExamples, class_names, fitting_features
from nashpath.metrics import (
    METRICS,
    FeaturesError,
    Measurement,
    MetricError,
    Sample,
    TooFewSamplesError,
    as_extractor,
    facts_of,
    metric_and_features,
    metric_names,
    real_sample,
)
from nashpath.metrics.evaluate import built_metric, check_enough, compare_samples
from nashpath.metrics.features import Extractor, Outputs, Pixels
from nashpath.run.engine.step import TrainState, Trial
from nashpath.run.errors import SettingError
from nashpath.run.observe.snapshot import asked_classes, has_samples
from nashpath.run.settings.build import build_source
from nashpath.run.settings.members import Member
from nashpath.run.settings.model import General
from nashpath.run.settings.schema import Method

HELD = 50_000
"""Real samples at most, of data that hold a number of them: what FIDs are usually measured against."""
DRAWN = 10_000
"""Real samples of data that have no end of them."""
BYTES = 2 << 30


class ReferenceSet:
    """Measures samples of one data set; its real samples, features and statistics are made once and kept.

    Without ``metrics`` those that fit the data, with ``features`` "auto" those that do. At
    most ``most`` real samples (0: 50,000 held ones or 10,000 draws, within 2 GiB). ``split`` says what they are.

    Metrics that nobody named (``named`` False, or no ``metrics``), and that need more samples, are left out.

    Raises `SettingError` for features that cannot be had, and a `MetricError` for unknown metrics, for those that need
    to know what these data do not say, and for those that need more real samples than there are.
    """

    def __init__(
        self,
        source: Source,
        metrics: Sequence[str] = (),
        features: str = "auto",
        split: str = "",
        most: int = 0,
        named: bool = True,
    ):
        self.metrics = metric_names(metrics or standard(source))
        self.named = named and bool(metrics)
        self.left_out: dict[str, str] = {}
        """The metrics that were left out so far, and why."""
        of_training = [name for name in self.metrics if METRICS[metric_and_features(name)[0]].of_training]
        if of_training and not isinstance(source, Finite):
            raise SettingError(
                f"metrics: {of_training[0]} compares with the training samples, and these data draw new ones"
            )
        extractor = extractor_of(source, features)
        count = most or _most(source)
        self.real = real_sample(_real(source, count), extractor, split)
        self.known = facts_of(source, count)
        self.class_names = class_names(source)
        self._check_enough(source)
        spaces = dict.fromkeys(where for name in self.metrics if (where := metric_and_features(name)[1]))
        elsewhere = {where: self.real.seen_by(extractor_of(source, where)) for where in spaces}
        self.seen = {features: self.real, **elsewhere}
        """The real samples in each feature space, by the name that the settings have for it."""
        self.dry_run_results: list[Measurement] = []

    def __call__(
        self, fake: Tensor, seed: int = 0, asked: Tensor | None = None, seen: Mapping[str, Outputs] | None = None
    ) -> list[Measurement]:
        """Every number of ``fake [n, *shape]``, with its protocol; ``asked`` [n] are the classes they were asked for.

        ``seen`` are features of them that are known, by the name of their space. Raises a `MetricError`.
        """
        known = self.known if asked is None else {**self.known, "asked": asked.cpu()}
        sample = Sample(fake.cpu(), self.real.extractor)
        for name, outputs in (seen or {}).items():
            space = self.seen[name]
            (sample if space is self.real else sample.seen_by(space.extractor)).known(outputs)
        left_out = None if self.named else dict[str, str]()
        found = compare_samples(self.real, sample, self.metrics, known=known, seed=seed, left_out=left_out)
        self.left_out |= left_out or {}
        if not found:
            raise TooFewSamplesError("; ".join(f"{name}: {why}" for name, why in self.left_out.items()))
        return found

    def _check_enough(self, source: Source) -> None:
        """Raises a `TooFewSamplesError` where metrics need more real samples than there are (`check_enough`)."""
        known = {"asked": torch.zeros(0), **self.known}
        built = {name: built_metric(metric_and_features(name)[0], {}, known) for name in self.metrics}
        usual = {name: built_metric(name, {}, known) for name in standard(source)}
        able = [name for name, metric in usual.items() if metric.least <= len(self.real)]
        enough = any(metric.least <= len(self.real) for metric in built.values())
        if self.named or not enough:
            check_enough(built, len(self.real), able)

    def dry_run(self, source: Source, count: int, by_class: bool = False) -> "ReferenceSet":
        """Measures ``count`` new real samples: says early what cannot be measured, and makes what does not change.

        ``by_class``: as if their labels had been asked for.
        """
        drawn = source.draw(Key(0, "trial"), count)
        self.dry_run_results = self(drawn["real"], asked=drawn.get("label") if by_class else None)
        for one in self.dry_run_results:
            kind = METRICS[one.protocol.metric]
            if one.name in ROW or (is_named(kind) and not math.isfinite(one.value)):
                told = "is no number of its own in a row" if one.name in ROW else f"is {one.value}, of real samples"
                raise refused_method(kind, "compute", f"its number {one.name!r} {told}")
        return self

    def against_itself(self, count: int) -> dict[str, float]:
        """Every number of one half of the real samples (``count`` of it at most) against as many of the other.

        It is what perfect samples would get of so many; empty where it cannot be measured.
        """
        values = self.real.values
        order = torch.randperm(len(values), generator=generator(derive(0, "halves")))
        half = min(count, len(values) // 2)
        a, b = order[:half], order[half : 2 * half]
        known = {k: v[a] if k == "labels" and isinstance(v, Tensor) else v for k, v in self.known.items()}
        labels = self.known.get("labels")
        known |= {"asked": labels[b]} if isinstance(labels, Tensor) else {}
        names = [name for name in self.metrics if not METRICS[metric_and_features(name)[0]].of_training]
        try:
            reals = real_sample(values[a], self.real.extractor, self.real.split)
            return {m.name: m.value for m in compare_samples(reals, values[b], names, known=known, left_out={})}
        except MetricError:
            return {}

    @property
    def numbers(self) -> list[str]:
        """The names of all numbers, once tried."""
        return [m.name for m in self.dry_run_results]

    def to(self, device: torch.device) -> "ReferenceSet":
        """Computes features on ``device`` from now on."""
        for sample in self.seen.values():
            sample.extractor.to(device)
        return self

    @property
    def spaces(self) -> list[str]:
        """The feature spaces that take work to see samples in."""
        return [name for name, sample in self.seen.items() if not isinstance(sample.extractor, Pixels)]


def standard(source: Source) -> list[str]:
    """The metrics that fit these data."""
    return [name for name, metric in METRICS.items() if metric.is_standard(source)]


def extractor_of(source: Source, features: str) -> Extractor:
    """The features asked for, or those that fit; a `SettingError` says what to choose where there are none."""
    fitting = features == "auto"
    try:
        return as_extractor(fitting_features(source) if fitting else features)
    except FeaturesError as error:
        data = f"for samples of {'x'.join(map(str, source.shape))} " if fitting else ""
        raise SettingError(f"features: {data}{error}") from None


def _most(source: Any) -> int:
    """Number of real samples: as many as published protocols use, within a bound on memory."""
    wanted = HELD if isinstance(source, Finite) else DRAWN
    return max(2, min(wanted, BYTES // (4 * torch.Size(source.shape).numel())))


def _real(source: Any, most: int) -> Tensor:
    """The real samples: those that are held (in the order of their labels), or draws from a seed of their own."""
    if isinstance(source, HasExamples):
        return source.examples(most)
    return source.draw(Key(0, "reference"), most)["real"]


ROW = frozenset({"step", "member", "seconds", "train_seconds", "gradients"})
"""What a row of ``metrics.jsonl`` has beside what was measured."""

MetricRow = dict[str, float | None]


def reference_set_of(
    settings: General, trial: Trial, say: Callable[[str], None] = lambda doing: None
) -> ReferenceSet | None:
    """The reference set of a run with these settings; None where they name no metrics.

    It is tried on real samples, so that what cannot be measured is refused before training; ``say`` is told that it is.
    Raises `SettingError`.
    """
    if not settings.metrics:
        return None
    if not has_samples(trial):
        raise SettingError(
            f"metrics: a {type(trial.game).__name__} has no samples to measure; name diagnostics instead"
        )
    named = (tuple(settings.metrics), settings.features, data_name(settings), settings.real_samples)
    device = next(trial.parameters()).device
    try:
        return _tried(build_source(settings), *named, settings.evaluation_samples, device, trial.game.of_classes, say)
    except MetricError as error:
        raise SettingError(f"metrics: {error}") from None
    except MethodError as error:
        raise SettingError(str(error)) from error


_TRIED: WeakKeyDictionary[Source, dict[tuple[Any, ...], ReferenceSet]] = WeakKeyDictionary()
"""What data sets in use are measured by; a `ReferenceSet` holds samples, not their source."""


def _tried(
    source: Source,
    metrics: tuple[str, ...],
    features: str,
    name: str,
    most: int,
    count: int,
    device: torch.device,
    by_class: bool,
    say: Callable[[str], None],
) -> ReferenceSet:
    """Programs whose members have one data set share its real samples and their features."""
    known, wish = _TRIED.setdefault(source, {}), (metrics, features, name, most, count, device, by_class)
    if wish not in known:
        held = min(most or _most(source), len(source) if isinstance(source, Finite) else math.inf)
        say(f"measuring {held:,} real samples for {', '.join(metrics)} (fewer: real_samples)")
        known[wish] = ReferenceSet(source, metrics, features, name, most).to(device).dry_run(source, count, by_class)
    return known[wish]


def data_name(settings: Any) -> str:
    """The data as a protocol names them: their kind, and their split where they have one."""
    chosen: Method = settings.data
    split = getattr(chosen, "split", None)
    return f"{chosen.kind}, {split}" if split else chosen.kind


def measure_member(
    reference_set: ReferenceSet,
    member: Member,
    trial: Trial,
    train_state: TrainState,
    found: Tensor,
    seen: Mapping[str, Outputs] | None = None,
) -> tuple[MetricRow, str]:
    """The numbers of one member's samples ``found``; None for all where they cannot be measured, and why.

    ``seen`` are their features, as far as they are known.
    """
    try:
        asked = asked_classes(trial, member.seed, len(found), train_state.steps.device)
        measured = reference_set(found, member.seed, asked, seen)
    except MetricError as error:
        return dict.fromkeys(reference_set.numbers), str(error)
    return {m.name: m.value for m in measured}, ""


def protocols(measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    """The protocol of each metric in each feature space, once, with the names of its numbers."""
    found: dict[str, dict[str, Any]] = {}
    for m in measurements:
        entry = found.setdefault(
            f"{m.protocol.metric} {m.protocol.features}", {**m.as_dict()["protocol"], "numbers": []}
        )
        entry["numbers"].append(m.name)
    return list(found.values())
