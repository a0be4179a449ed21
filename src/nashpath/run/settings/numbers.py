"""Numbers of methods of one's own: those that are annotated as such must become buffers, else no sweep could share."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from nashpath.core.arguments import fault
from nashpath.core.likeness import state_differences
from nashpath.core.rng import seeded
from nashpath.run.settings.schema import arguments, is_swept
from nashpath.solvers import SGD, Simultaneous, Solver

OTHERS = (0.5, 0.25, 1.0, 2.0, 0.75)


def _rules() -> dict[str, Any]:
    return {"discriminator": SGD(0.1), "generator": SGD(0.1)}


def _inner() -> dict[str, Solver]:
    return {"solver": Simultaneous(**_rules())}


GIVEN: Mapping[str, Callable[[], dict[str, Any]]] = {
    **dict.fromkeys(("objective", "penalty", "rule", "schedule", "integrator"), dict),
    "solver": _rules,
    **dict.fromkeys(("average", "constraint"), _inner),
}
"""Kinds of which one is made when it is registered, to look at it, and what it is then given."""


def check_numbers(kind: str, what: str, method: Callable[..., Any]) -> None:
    """Raises `ValueError` for a number that is kept as it is, and in no buffer.

    Two are made that differ in the number; then they differ in tensors alone. What cannot be made without its other
    parts is found where it is used (`nashpath.core.passes.told_apart`).
    """
    for name, (annotation, default) in arguments(method).items() if kind in GIVEN else ():
        other = next((v for v in OTHERS if v != default and not fault(v, annotation)), None)
        if not is_swept(annotation) or other is None or not isinstance(default, int | float):
            continue
        try:
            with seeded(0):
                made = [method(**GIVEN[kind](), **{name: value}) for value in (default, other)]
        except Exception:  # whatever it needs, or refuses, is told where it is used
            continue
        modules = all(isinstance(one, nn.Module) for one in made)
        apart = state_differences(*made) if modules and not _told_by_tensors(*made) else []
        if apart:
            raise ValueError(
                f"{what}: the number {name!r} is kept as {apart[0]}, no buffer, so that members which differ in it "
                f"could not be trained together: hand it to super().__init__({name}={name}), and read self.{name}; "
                f"or annotate it as float, which makes it structure"
            )


def _told_by_tensors(one: nn.Module, other: nn.Module) -> bool:
    """Whether some parameter or buffer differs."""
    theirs = other.state_dict()
    return any(name not in theirs or not torch.equal(value, theirs[name]) for name, value in one.state_dict().items())
