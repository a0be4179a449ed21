"""From settings to a flow: each constructor is given the parts that it names."""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from nashpath.core import derive, generator, seeded
from nashpath.core.math.monotone import MonotoneFunction
from nashpath.core.source import HasDensity
from nashpath.data import SOURCES
from nashpath.flows import FLOWS, INTEGRATORS, RATIOS, Flow, Integrator, longest_step, score_of
from nashpath.networks import DISCRIMINATORS
from nashpath.run.errors import SettingError
from nashpath.run.settings.build import make
from nashpath.run.settings.schema import Method, accepts
from nashpath.solvers import RULES

PROBES = 500
"""Real samples at which the steepness of a score is measured."""


def build_flow(settings: Any, device: torch.device) -> tuple[Flow, Any]:
    """``(flow, source)``; the discriminator's weights follow from the seed."""
    source = make(SOURCES, settings.data)
    rng = generator(derive(settings.seed, "score"), device)
    score = cache(lambda: score_of(source, rng))
    parts: dict[str, Callable[[], Any]] = {
        "data": lambda: source,
        "h": lambda: MonotoneFunction(settings.h, settings.shift, settings.power),
        "ratio": lambda: _made(RATIOS, settings.ratio, parts),
        "discriminator": lambda: make(DISCRIMINATORS, settings.discriminator, shape=source.shape),
        "rule": lambda: make(RULES, settings.rule),
        "target": lambda: _density(source, settings.data.kind),
        "score": score,
    }
    with seeded(derive(settings.seed, "weights")):
        flow = _made(FLOWS, settings.flow, parts).to(device)
    if "score" in accepts(FLOWS[settings.flow.kind]):
        flow.longest_step = longest_step(score(), source.draw(rng, PROBES)["real"].flatten(1), rng)
    return flow, source


def build_integrator(settings: Any, device: torch.device) -> Integrator:
    """The integrator that the settings choose."""
    return make(INTEGRATORS, settings.integrator).to(device)


def start(settings: Any, shape: tuple[int, ...], device: torch.device) -> Tensor:
    """The particles at time 0: ``N(start_mean, start_deviation²)`` in every coordinate, [particles, *shape]."""
    rng = generator(derive(settings.seed, "start"), device)
    normal = torch.randn((settings.particles, *shape), generator=rng, device=device)
    return settings.start_mean + settings.start_deviation * normal


def _made(table: Any, chosen: Method, parts: dict[str, Callable[[], Any]]) -> Any:
    return make(table, chosen, **{name: parts[name]() for name in accepts(table[chosen.kind]) if name in parts})


def _density(source: Any, kind: str) -> Callable[[Tensor], Tensor]:
    if not isinstance(source, HasDensity):
        raise SettingError(f"ratio: density needs data of known density; {kind} has none. Use discriminator or kde")
    return source.log_density
