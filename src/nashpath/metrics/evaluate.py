"""The front door: real and fake samples in, measurements with their protocols out."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nashpath.core.own import is_named, refused_method
from nashpath.core.plain import tensor_of, why_not_plain
from nashpath.core.rng import derive, generator
from nashpath.core.table import did_you_mean
from nashpath.metrics.base import Metric, Sample
from nashpath.metrics.errors import MetricError, TooFewSamplesError
from nashpath.metrics.features import Extractor, as_extractor
from nashpath.metrics.protocol import Measurement, Protocol
from nashpath.metrics.table import GROUPS, METRICS
from nashpath.metrics.units import check_units


def evaluate_samples(
    real: Tensor | Sample,
    fake: Tensor | Sample,
    metrics: Sequence[str] = ("fid",),
    features: str | Extractor | nn.Module | Callable = "pixels",
    *,
    split: str = "",
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    known: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> list[Measurement]:
    """Every metric named, on the same features or on its own, each a `Measurement` per number.

    ``real`` and ``fake`` are ``[n, ...]`` (images in [-1, 1]). To measure often against the same reals, make
    ``real_sample(real, features, split)`` once and give it instead of the tensor: its features are kept; ``fake`` may
    be a `Sample` in the same features. ``settings`` are constructor arguments by metric
    (``{"precision_recall": {"neighbours": 5}}``); ``known`` is what some metrics need to know of the data
    (``centres``, ``deviation``, ``labels``, ``classes``, ``digits``, ``digit_labels``) or of the samples (``asked``,
    the class that each was asked for).
    The same seed gives the same numbers, whatever other metrics are measured. A name may say in which features:
    ``["fid", "fid@pixels"]`` measures two Fréchet distances, side by side. A metric with a `Metric.space` of its own
    (``sliced_wasserstein``) is in other features only where its name says so.

    Raises a `MetricError` for an unknown metric, for an unknown name in ``settings`` or ``known``, and for samples that
    cannot be measured, such as images in two units, or in others than their features are of (`check_units`).
    """
    options = {"settings": settings, "known": known, "seed": seed}
    return compare_samples(real, fake, metrics, features, split=split, check=check_units, **options)


def compare_samples(
    real: Tensor | Sample,
    fake: Tensor | Sample,
    metrics: Sequence[str],
    features: str | Extractor | nn.Module | Callable = "pixels",
    *,
    split: str = "",
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    known: Mapping[str, Any] | None = None,
    seed: int = 0,
    check: Callable[[Sample, Sample], None] = lambda real, fake: None,
    left_out: dict[str, str] | None = None,
) -> list[Measurement]:
    """As `evaluate_samples`, for samples whose units are known; ``check`` sees them once in each feature space.

    A metric that needs more samples is put into ``left_out`` with the reason, where such a dict is given.
    """
    own, chosen, names = settings or {}, dict[str, Metric](), metric_names(metrics)
    _check_names("settings", own, list(dict.fromkeys([*names, *(metric_and_features(name)[0] for name in names)])))
    facts = sorted({need for kind in METRICS for need in _needs(kind)})
    _check_names("known", known or {}, facts)
    for name in names:
        kind, _ = metric_and_features(name)
        chosen[name] = built_metric(kind, own.get(name, own.get(kind, {})), known or {})
    if left_out is None:
        check_enough(chosen, len(real))
    seen = set[str]()
    reference = real if isinstance(real, Sample) else real_sample(real, features, split)
    measured = fake if isinstance(fake, Sample) else Sample(fake, reference.extractor)
    results = []
    for name, metric in chosen.items():
        kind, where = metric_and_features(name)
        space = where or metric.space
        a, b = reference, measured
        if space:
            a = reference.seen_by(as_extractor(space))
            b = measured.seen_by(a.extractor)
        if space not in seen:
            check(a, b)
            seen.add(space)
        try:
            values = metric.compute(a, b, generator(derive(seed, kind)))
        except TooFewSamplesError as error:
            if left_out is None:
                raise TooFewSamplesError(f"{name}: {error}", error.whose) from error
            left_out[name] = str(error)
            continue
        _check_own(kind, values)
        results += _measurements(values, protocol_of(kind, metric, a, b), metric.tops(a), where)
    return results


def _measurements(
    values: Mapping[str, float], protocol: Protocol, tops: Mapping[str, float], where: str
) -> list[Measurement]:
    """The numbers of one metric, by the names that they have in the features ``where``."""
    named = {key: f"{key}@{where}" if where else key for key in values}
    return [Measurement(named[key], value, protocol, tops.get(key, math.inf)) for key, value in values.items()]


def check_enough(metrics: Mapping[str, Metric], real: int, others: Sequence[str] = ()) -> None:
    """Raises a `TooFewSamplesError` where one of these metrics by name needs more than so many ``real`` samples.

    It names all that do, and those that can be measured: of these, or else the ``others``.
    """
    lacking = {name: metric.least for name, metric in metrics.items() if metric.least > real}
    if not lacking:
        return
    told = ", ".join(f"{name} needs at least {least} real samples" for name, least in lacking.items())
    able = [name for name in metrics if name not in lacking] or list(others)
    ways = f"give more, or measure {', '.join(able)} alone" if able else "give more"
    raise TooFewSamplesError(f"{told}, and there {'is' if real == 1 else 'are'} {real}: {ways}", "real")


def _check_own(kind: str, values: Mapping[str, float]) -> None:
    """Refuses a number of a metric of one's own that has the name of another metric's: it would take its place."""
    if not is_named(METRICS[kind]):
        return
    for name, other in METRICS.items():
        taken = next((key for key in values if key == name or key in other.numbers), "") if name != kind else ""
        if taken:
            raise refused_method(
                METRICS[kind], "compute", f"its number {taken!r} has the name of one of {name}: give it another name"
            )


def real_sample(
    real: Tensor, features: str | Extractor | nn.Module | Callable = "pixels", split: str = "", cached: bool = True
) -> Sample:
    """The real side of many evaluations; features and moments are computed once, and kept on disk if ``cached``."""
    return Sample(real, as_extractor(features), split, cached)


def metric_and_features(name: str) -> tuple[str, str]:
    """``"fid@pixels"`` as ``("fid", "pixels")``; without features of its own, ``("fid", "")``."""
    kind, _, where = name.partition("@")
    return kind, where


def class_of(number: str) -> int | None:
    """The class that a number is of alone: 3 of ``intra_fid.3@pixels``; None of what is of all samples."""
    key, _, which = metric_and_features(number.split(" ")[0])[0].partition(".")
    owned = any(key in kind.by_class for kind in METRICS.values())
    return int(which) if owned and which.isdecimal() else None


def metric_names(metrics: Sequence[str]) -> list[str]:
    """The metrics' names, with groups (``prdc``) spelt out, without repetition; a `MetricError` for unknown ones."""
    known, found = [*METRICS, *GROUPS], list[str]()
    for name in metrics:
        kind, where = metric_and_features(name)
        if kind not in known:
            raise MetricError(f"no metric is called {kind!r}.{did_you_mean(kind, known)} Known: {', '.join(known)}")
        found += [f"{part}@{where}" if where else part for part in GROUPS.get(kind, (kind,))]
    return list(dict.fromkeys(found))


def built_metric(name: str, settings: Mapping[str, Any], known: Mapping[str, Any]) -> Metric:
    """The metric, with its settings and what it needs to know of the data; a `MetricError` names what is missing."""
    needs = _needs(name)
    missing = [need for need in needs if need not in known]
    if missing:
        if missing == ["asked"]:
            raise MetricError(f"{name} needs samples that were asked for by class: those of game=conditional")
        raise MetricError(
            f"{name} needs the data's {', '.join(missing)}, which this data set does not have (tensors: "
            f"known={{{missing[0]!r}: ...}})"
        )
    return METRICS[name](**{need: _as_tensor(known[need]) for need in needs}, **settings)


def _needs(name: str) -> list[str]:
    """What a metric must be told of the data."""
    parameters = inspect.signature(METRICS[name]).parameters.values()
    return [p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]


def _as_tensor(value: Any) -> Any:
    """An array or a list of numbers as a tensor; all else as it is."""
    if isinstance(value, np.ndarray):
        return as_samples(value, "known")
    return torch.as_tensor(value) if isinstance(value, list) else value


def as_samples(values: Tensor | np.ndarray | Sample, name: str) -> Tensor | Sample:
    """An array as a tensor; all else as it is. Raises `MetricError` for what holds no number in some place."""
    if isinstance(values, Sample):
        return values
    if said := why_not_plain(values, name):
        raise MetricError(said)
    try:
        return tensor_of(values, name) if isinstance(values, np.ndarray) else values
    except ValueError as error:
        raise MetricError(str(error)) from None


def _check_names(argument: str, given: Any, known: list[str]) -> None:
    """Raises `MetricError` for a mapping with a name that says nothing here."""
    if not isinstance(given, Mapping):
        raise MetricError(f"{argument} is a {type(given).__name__}; it must be a mapping by name, such as a dict")
    for name in given:
        if name not in known:
            near = did_you_mean(str(name), known)
            raise MetricError(f"{argument}: {name!r} is of no use here.{near} Known: {', '.join(known)}")


def protocol_of(name: str, metric: Metric, real: Sample, fake: Sample) -> Protocol:
    """The protocol of this metric on these samples."""
    extractor = real.extractor
    return Protocol(
        metric=name,
        settings=", ".join(f"{k}={v}" for k, v in sorted(metric.settings().items())),
        real=len(real),
        fake=len(fake),
        features=extractor.name,
        digest=extractor.digest,
        resize=extractor.resize,
        split=real.split,
        reference=real.content,
        bias=metric.caveat(real, fake),
    )
