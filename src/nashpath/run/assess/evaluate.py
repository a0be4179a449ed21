"""Measures a run's generators at its last checkpoint, or images made elsewhere, and writes down how it was done."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

import numpy as np
from torch import Tensor

from nashpath.core import Key, Source
from nashpath.core.cache import check_replaceable
from nashpath.core.columns import TableUnits
from nashpath.core.source import Finite, Rereads, class_names
from nashpath.data import SOURCES
from nashpath.data.cells import delimiter_of
from nashpath.games import GAMES
from nashpath.metrics import (
    METRICS,
    Measurement,
    MetricError,
    Sample,
    TooFewSamplesError,
    evaluate_samples,
    metric_and_features,
    metric_names,
)
from nashpath.metrics.evaluate import as_samples
from nashpath.run.assess.evaluate_groups import check_any, group_of, grouped
from nashpath.run.assess.image_folders import load_pair
from nashpath.run.engine.device import find_device
from nashpath.run.engine.step import TrainState, Trial, outcome
from nashpath.run.errors import SettingError, kept_if_unwritten
from nashpath.run.folder.checkpoint import read_meta, restore_members
from nashpath.run.folder.outputs import check_output
from nashpath.run.folder.run_folder import RunFolder, made_by, named_infinities, plain_json, write_atomic
from nashpath.run.observe.metrics import ReferenceSet, data_name, standard
from nashpath.run.observe.snapshot import has_samples, keeps_average, place, units_from
from nashpath.run.settings.build import build_source, make
from nashpath.run.settings.members import Member
from nashpath.run.settings.sizes import check_fits
from nashpath.spelling import as_argument

RUN_SAMPLES = 10_000
FEW_EXAMPLES = 10_000
"""Number of training samples up to which every evaluation measures memorisation; with more it is on request."""

Notify = Callable[[str], None]


@dataclass(frozen=True)
class EvaluationOptions:
    """Options of an evaluation, on ``count`` generated samples (0: 10,000 of a run, all that were made elsewhere).

    At most ``most`` real ones (0: as many as are usual, see `ReferenceSet`).
    """

    metrics: tuple[str, ...] = ()
    features: str = "auto"
    count: int = 0
    most: int = 0
    seed: int = 0
    device: str = "cpu"


@overload
def evaluate(
    real: str | Path,
    fake: str | Path | None = None,
    metrics: Sequence[str] = (),
    features: Any = None,
    *,
    members: Sequence[int] | None = None,
    count: int = 0,
    split: str = "",
    seed: int = 0,
    device: str = "cpu",
) -> dict[str, Any]: ...


@overload
def evaluate(
    real: Tensor | np.ndarray | Sample,
    fake: Tensor | np.ndarray | Sample,
    metrics: Sequence[str] = (),
    features: Any = None,
    *,
    split: str = "",
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    known: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> list[Measurement]: ...


def evaluate(
    real: Any, fake: Any = None, metrics: Sequence[str] = (), features: Any = None, **options: Any
) -> dict[str, Any] | list[Measurement]:
    """Measures generated samples against real ones: a run's, those in files, or tensors.

    - ``evaluate(RUN)``, a run folder: `evaluate_run`. Options are ``members`` (default: all), ``count`` of samples
      (10,000), ``split``, ``seed`` and ``device``. Returns what it writes to ``RUN/evaluation.json``: in ``groups`` of
      members that differ by their seeds alone, each number with its values, mean, interval and protocol.
    - ``evaluate(REAL, FAKE)``, two paths (folders of images, ``.npy`` or ``.npz`` files): `evaluate_images`, with
      ``count``, ``seed`` and ``device``. Returns the same form, and writes nothing.
    - ``evaluate(real, fake)``, tensors or arrays ``[n, ...]``: `nashpath.metrics.evaluate_samples`, with ``settings``,
      ``known``, ``split`` and ``seed``. Returns a list with a `Measurement` (name, value, protocol) for each number.

    ``metrics`` are names; without any, paths are measured by what fits their data, tensors by ``fid``. ``features`` are
    a name, a file or an extractor; the default is what fits the data of a path, and the values of tensors themselves
    (``pixels``).

    Raises `SettingError`, `CheckpointError` or `MetricError`, and `TypeError` for a path beside a tensor.
    """
    metrics = metrics.split(",") if isinstance(metrics, str) else metrics
    of_paths = isinstance(real, str | Path)
    if isinstance(fake, Tensor | np.ndarray | Sample) and isinstance(real, Tensor | np.ndarray | Sample):
        real, fake = as_samples(real, "real"), as_samples(fake, "fake")
        return evaluate_samples(real, fake, metrics or ("fid",), features or "pixels", **options)
    if not of_paths or not isinstance(fake, str | Path | None):
        given = f"{type(real).__name__} and {type(fake).__name__}"
        raise TypeError(f"expected a run folder, two paths, or two tensors or arrays; got {given}")
    members, split = options.pop("members", None), options.pop("split", "")
    wanted = EvaluationOptions(tuple(metrics), features or "auto", **options)
    if fake is None:
        return evaluate_run(Path(real), wanted, members, split)
    if members is not None or split:
        raise SettingError("members and split are for runs; leave them out, or give a run folder alone")
    return evaluate_images(Path(real), Path(fake), wanted)


def evaluate_run(
    folder: str | Path,
    wish: EvaluationOptions,
    members: Sequence[int] | None = None,
    split: str = "",
    out: str | Path | None = None,
    notify: Notify = lambda text: None,
    data_path: str | Path | None = None,
    real: str | Path | None = None,
) -> dict[str, Any]:
    """Measures members (default: all) and writes ``evaluation.json`` into the run's folder, or to ``out``.

    Samples are those of ``nashpath sample`` with the same seed. A member whose samples cannot be measured is
    named with the reason; the others go on. ``data_path`` says where the data are now, ``real`` names others of the
    same kind to compare with, such as rows that were kept from training.
    Raises `SettingError`, `CheckpointError`, or a `MetricError` where none can be; `OSError` at once where what is
    found could not be written, and an `UnwrittenError` that holds it where that fails at the end (a full disk).
    """
    folder = Path(folder)
    out = None if out is None else Path(out)
    data_path = None if data_path is None else Path(data_path)
    real = None if real is None else Path(real)
    usual = folder / "evaluation.json"
    if out is not None and out.absolute() != usual.absolute():
        check_output(out)
    elif RunFolder(folder).exists():
        check_replaceable(usual)
    found = measure_run(folder, wish, members, split, notify, data_path, real)
    check_any(found)
    _write(out or usual, found)
    return found


def measure_run(
    folder: Path,
    wish: EvaluationOptions,
    members: Sequence[int] | None = None,
    split: str = "",
    notify: Notify = lambda text: None,
    data_path: Path | None = None,
    real: Path | None = None,
) -> dict[str, Any]:
    """As `evaluate_run`; writes nothing, and it is no error where no member can be measured."""
    wish = replace(wish, count=wish.count or RUN_SAMPLES)
    device = str(find_device(wish.device))
    restored = restore_members(folder, members, device, data_path, needs_data=real is None)
    if not has_samples(restored[0][1]):
        kind = type(restored[0][1].game).__name__
        raise SettingError(f"{folder}: a {kind} has no samples to measure; see nashpath diagnose {as_argument(folder)}")
    check_fits("--samples", wish.count, restored[0][1].game.data.shape)  # type: ignore[union-attr, arg-type]
    groups: list[dict[str, Any]] = []
    reference_sets: dict[Any, ReferenceSet | MetricError] = {}
    for settings, some in _alike(restored):
        member, trial, train_state = some[0]
        data: Any = build_source(member.settings) if real is None else member.settings.data.model_dump_json()  # type: ignore[attr-defined]
        if data not in reference_sets:
            others = None if real is None else _others(member, real, read_meta(RunFolder(folder)), trial)
            try:
                held = _held_against(member.settings, split, wish) if others is None else _of_others(others, real, wish)
                reference_sets[data] = held.to(train_state.steps.device)
            except TooFewSamplesError as error:
                reference_sets[data] = _with_option(error, wish)
        reference_set = reference_sets[data]
        told = {str(m.index): outcome(trial, train_state) for m, trial, train_state in some}
        diverged = {index: said for index, said in told.items() if said != "finished"}
        measured = _of_each(some, reference_set, wish, notify)
        groups.append(group_of(settings, [m for m, *_ in some], reference_set, measured, diverged))
        groups[-1]["steps"] = [int(train_state.steps) for *_, train_state in some]
        groups[-1]["averaged"] = keeps_average(*some[0][1:])
    return {"format": 1, "run": folder.resolve().name, "samples": wish.count, "seed": wish.seed, "groups": groups}


def evaluate_images(
    real: str | Path,
    fake: str | Path,
    wish: EvaluationOptions,
    size: int | None = None,
    out: str | Path | None = None,
    notify: Notify = lambda text: None,
) -> dict[str, Any]:
    """Measures samples made elsewhere: folders of images, or .npy and .npz files. Writes to ``out`` if given.

    Raises what reading them raises, `SettingError` for samples of two shapes, a `MetricError`, and an `UnwrittenError`
    that holds what was found where it cannot be written.
    """
    real = Path(real)
    fake = Path(fake)
    out = None if out is None else Path(out)
    if out is not None:
        check_output(out)
    source, samples = load_pair(real, fake, size)
    notify(f"reading {real} and {fake}")
    device = find_device(wish.device)
    try:
        reference_set = ReferenceSet(source, wish.metrics, wish.features, str(real), wish.most).to(device)
        notify("measuring")
        measured = reference_set(samples.examples(wish.count or None), wish.seed)
    except MetricError as error:
        raise _with_option(error, wish) from error
    group = group_of({}, [], reference_set, [measured])
    found = {"format": 1, "real": str(real), "fake": str(fake), "seed": wish.seed, "groups": [group]}
    if out is not None:
        _write(out, found)
    return found


Restored = tuple[Member, Trial, TrainState]


def _alike(restored: list[Restored]) -> list[tuple[dict[str, Any], list[Restored]]]:
    """Members that differ by their seeds alone, together: an interval over others would mean nothing."""
    return grouped(restored, lambda entry: named_infinities(entry[0].swept))


def _held_against(settings: Any, split: str, wish: EvaluationOptions) -> ReferenceSet:
    """The reference set of these data; memorisation compares with the samples trained on only."""
    source: Any = build_source(settings)
    name, metrics = data_name(settings), wish.metrics
    if split and split != getattr(settings.data, "split", None):
        if not hasattr(settings.data, "split"):
            raise SettingError(f"--split {split}: the data {settings.data.kind!r} have no splits; leave it out")
        of_training = [name for name in metric_names(metrics) if METRICS[metric_and_features(name)[0]].of_training]
        if of_training:
            raise SettingError(f"--split {split}: {of_training[0]} compares with the samples trained on; leave one out")
        chosen = settings.data.model_copy(update={"split": split})
        source, name = make(SOURCES, chosen), f"{chosen.kind}, {split}"
    elif not metrics and isinstance(source, Finite) and len(source) <= FEW_EXAMPLES:
        metrics = (*standard(source), "memorisation")
    if not wish.metrics and GAMES[settings.game.kind].of_classes:
        metrics = (*(metrics or standard(source)), "per_class")
    return ReferenceSet(source, metrics, wish.features, name, wish.most, named=bool(wish.metrics))


def _others(member: Member, real: Path, known: dict[str, Any], trial: Trial) -> Source:
    """Data of the kind that the member was trained on, from another place, in the units that it was trained in.

    Raises `SettingError` where these cannot be had.
    """
    settings: Any = member.settings.data  # type: ignore[attr-defined]
    if not hasattr(settings, "path"):
        raise SettingError(f"--real {real}: the data {settings.kind!r} are no file; leave it out, or say --split")
    own = {"delimiter": delimiter_of(real)} if hasattr(settings, "delimiter") and real.is_file() else {}
    source = make(SOURCES, settings.model_copy(update={"path": str(real), **own}))
    units = units_from(known, member.index)
    trained: Any = trial.game.data
    if isinstance(units, TableUnits) and isinstance(source, Rereads):
        source = source.in_units(units, class_names(trained))
    elif units is not None:
        raise SettingError(
            f"--real {real}: data.{settings.kind} of another file would be scaled by itself, not as the run's; put the "
            "samples into a CSV file (data=csv), or train with data.scale=none"
        )
    if source.shape != trained.shape:
        raise SettingError(f"--real {real}: samples of shape {source.shape}, and the run's are of {trained.shape}")
    return source


def _of_others(source: Source, real: Path | None, wish: EvaluationOptions) -> ReferenceSet:
    """The reference set of data from another place. Raises `SettingError` for a metric of the samples trained on."""
    names = wish.metrics or standard(source)
    of_training = [name for name in metric_names(names) if METRICS[metric_and_features(name)[0]].of_training]
    if wish.metrics and of_training:
        raise SettingError(f"--real: {of_training[0]} compares with the samples trained on; leave one out")
    left = tuple(name for name in metric_names(names) if name not in of_training)
    return ReferenceSet(source, left, wish.features, str(real), wish.most, named=bool(wish.metrics))


def _of_each(
    some: list[Restored], reference_set: ReferenceSet | MetricError, wish: EvaluationOptions, notify: Notify
) -> list[list[Measurement] | MetricError]:
    """The measurements of each member, or why there are none."""
    if isinstance(reference_set, MetricError):
        return [reference_set for _ in some]
    results: list[list[Measurement] | MetricError] = []
    for at, (member, trial, train_state) in enumerate(some, 1):
        notify(f"measuring member {member.index}" + (f" ({at} of {len(some)})" if len(some) > 1 else ""))
        try:
            asked = _asked(trial, train_state, wish)
            found = reference_set(_samples(trial, train_state, wish), wish.seed, asked)
            if keeps_average(trial, train_state):
                raw = reference_set(_samples(trial, train_state, wish, averaged=False), wish.seed, asked)
                found += [replace(m, name=f"{m.name} (raw weights)") for m in raw]
            results.append(found)
        except MetricError as error:
            results.append(_with_option(error, wish))
    return results


def _with_option(error: MetricError, wish: EvaluationOptions) -> MetricError:
    """The error; that of too few samples with the option that asks for more."""
    if not isinstance(error, TooFewSamplesError):
        return error
    options = {"fake": ("--samples", wish.count), "real": ("--real-samples", wish.most)}
    option, count = options.get(error.whose, ("", None))
    return TooFewSamplesError(f"{option} {count}: {error}", error.whose) if count else error


def _samples(trial: Trial, train_state: TrainState, wish: EvaluationOptions, averaged: bool = True) -> Tensor:
    """Samples of the (averaged) generator, as `nashpath sample` draws them."""
    place(trial, train_state, averaged)
    game: Any = trial.game
    return game.sample(Key(wish.seed, "sampled", train_state.steps.device), wish.count)


def _asked(trial: Trial, train_state: TrainState, wish: EvaluationOptions) -> Tensor | None:
    """The classes of `_samples`, where they have any."""
    game: Any = trial.game
    if not game.of_classes:
        return None
    return game.classes_of_samples(Key(wish.seed, "sampled", train_state.steps.device), wish.count)


def _write(path: Path, found: dict[str, Any]) -> None:
    store = RunFolder(path.parent)
    with kept_if_unwritten(found), made_by("the same nashpath evaluate again"):
        if store.exists():  # which keeps a digest of the file
            store.write_json(path.name, found)
        else:
            write_atomic(path, (plain_json(found, indent=1) + "\n").encode())
