"""Errors of measurements, and the checks that raise them."""

import torch
from torch import Tensor

from nashpath.core.plain import why_not_plain


class MetricError(ValueError):
    """Base of every refusal to return a number; catch this one around a measurement."""


class NotFiniteError(MetricError):
    """NaN or infinity among samples or features."""


class TooFewSamplesError(MetricError):
    """Fewer samples than the metric is defined for; ``whose`` says which, real or fake ones, where that is known."""

    def __init__(self, said: str, whose: str = ""):
        super().__init__(said)
        self.whose = whose


class TooManySamplesError(MetricError):
    """More samples than an exact computation can hold."""


class ShapeError(MetricError):
    """Samples or features of a shape that the metric cannot use, or of two shapes that do not fit together."""


class ProtocolError(MetricError):
    """Numbers measured under different protocols, asked to be compared."""


class FeaturesError(MetricError):
    """A feature extractor that is missing, has the wrong weights, or lacks what the metric needs."""


def validate_numbers(samples: object, name: str) -> Tensor:
    """A tensor of real numbers, as it is; raises a `MetricError` that says what else ``name`` is, and what to give."""
    if not isinstance(samples, Tensor):
        raise MetricError(f"{name}: a {type(samples).__name__} is no tensor; give torch.as_tensor({name})")
    if said := why_not_plain(samples, name):
        raise MetricError(said)
    if samples.is_complex():
        raise MetricError(f"{name} holds complex numbers ({samples.dtype}); give torch.view_as_real({name}).flatten(1)")
    if samples.dtype == torch.bool:
        raise MetricError(f"{name} holds truth values; give numbers: {name}.float()")
    return samples


def validate_kinds(real: Tensor, fake: Tensor) -> None:
    """Raises `MetricError` for images of which one half are whole numbers: they are in two units."""
    if real.dim() == fake.dim() == 4 and real.is_floating_point() != fake.is_floating_point():
        raise MetricError(
            f"real samples are {real.dtype}, generated ones {fake.dtype}: give both in the same units, such as from -1 "
            "to 1 (bytes as x / 127.5 - 1), or two files, whose units are found out"
        )


def validate_samples(samples: Tensor, name: str, least: int = 1) -> Tensor:
    """``[n, ...] -> [n, d]``, detached and finite; raises a `MetricError` that says what is wrong with ``name``."""
    validate_numbers(samples, name)
    if samples.dim() < 2:
        raise ShapeError(f"{name} has shape {tuple(samples.shape)}; give [samples, dimensions] or images")
    if len(samples) < least:
        raise TooFewSamplesError(f"{name} has {len(samples)} samples; this needs at least {least}", name)
    flat = samples.detach().flatten(1)
    if flat.shape[1] == 0:
        raise ShapeError(f"{name} has shape {tuple(samples.shape)}: no numbers in a sample")
    if not torch.isfinite(flat).all():
        bad = int((~torch.isfinite(flat)).any(1).sum())
        raise NotFiniteError(f"{bad} of {len(flat)} rows of {name} contain NaN or infinity; did the run diverge?")
    return flat


def validate_labels(labels: Tensor, count: int, classes: int, name: str = "labels", of: str = "examples") -> Tensor:
    """Labels ``[count]`` in 0..classes-1 as int64; raises a `ShapeError` or a `MetricError` that names them."""
    if labels.shape != (count,):
        raise ShapeError(f"{count} {of} but {name} of shape {tuple(labels.shape)}; give one label each")
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise MetricError(f"{name} are {labels.dtype}; give whole numbers, the class of each: {name}.long()")
    least, most = (int(end) for end in labels.aminmax())
    if least < 0 or most >= classes:
        raise MetricError(f"{name} reach from {least} to {most}; {classes} classes are counted from 0 to {classes - 1}")
    return labels.long()


def validate_pair(
    x: Tensor, y: Tensor, names: tuple[str, str] = ("real", "fake"), least: int = 1
) -> tuple[Tensor, Tensor]:
    """Both through `validate_samples`, on the device of ``x``, and of equal width."""
    a, b = validate_samples(x, names[0], least), validate_samples(y, names[1], least)
    validate_kinds(x, y)
    if a.shape[1] != b.shape[1]:
        raise ShapeError(f"{names[0]}: {a.shape[1]} numbers a sample, {names[1]}: {b.shape[1]}; they must be equal")
    return a, b.to(a.device)
