"""Metrics during training: those that the settings name, on samples of the present generators."""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch

from nashpath.core import Source
from nashpath.metrics import Measurement, MetricError
from nashpath.run.engine.step import TrainState, Trial
from nashpath.run.errors import SettingError
from nashpath.run.observe.reference import ReferenceSet
from nashpath.run.observe.snapshot import has_samples, samples
from nashpath.run.settings.build import build_source
from nashpath.run.settings.members import Member
from nashpath.run.settings.model import General
from nashpath.run.settings.schema import Method

MetricRow = dict[str, float | None]


def reference_set_of(settings: General, trial: Trial) -> ReferenceSet | None:
    """The reference set of a run with these settings; None where they name no metrics.

    It is tried on real samples, so that what cannot be measured is refused before training. Raises `SettingError`.
    """
    if not settings.metrics:
        return None
    if not has_samples(trial):
        raise SettingError(
            f"metrics: a {type(trial.game).__name__} has no samples to measure; name diagnostics instead"
        )
    named = (tuple(settings.metrics), settings.features, data_name(settings))
    device = next(trial.parameters()).device
    try:
        return _tried(build_source(settings), *named, settings.evaluation_samples, device)
    except MetricError as error:
        raise SettingError(f"metrics: {error}") from None


_TRIED: WeakKeyDictionary[Source, dict[tuple[Any, ...], ReferenceSet]] = WeakKeyDictionary()
"""What data sets in use are measured by; a `ReferenceSet` holds samples, not their source."""


def _tried(
    source: Source, metrics: tuple[str, ...], features: str, name: str, count: int, device: torch.device
) -> ReferenceSet:
    """Programs whose members have one data set share its real samples and their features."""
    known, wish = _TRIED.setdefault(source, {}), (metrics, features, name, count, device)
    if wish not in known:
        known[wish] = ReferenceSet(source, metrics, features, name).to(device).dry_run(source, count)
    return known[wish]


def data_name(settings: Any) -> str:
    """The data as a protocol names them: their kind, and their split where they have one."""
    chosen: Method = settings.data
    split = getattr(chosen, "split", None)
    return f"{chosen.kind}, {split}" if split else chosen.kind


def measure_member(reference_set: ReferenceSet, member: Member, trial: Trial, train_state: TrainState) -> MetricRow:
    """The numbers of one member's (averaged) generator; None for all where its samples cannot be measured."""
    found = samples(trial, train_state, member.seed, member.settings.evaluation_samples)
    try:
        measured = reference_set(found, member.seed)
    except MetricError:
        return dict.fromkeys(reference_set.numbers)
    return {m.name: m.value for m in measured}


def protocols(measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    """The protocol of each metric, once, with the names of its numbers."""
    found: dict[str, dict[str, Any]] = {}
    for m in measurements:
        entry = found.setdefault(m.protocol.metric, {**m.as_dict()["protocol"], "numbers": []})
        entry["numbers"].append(m.name)
    return list(found.values())
