"""The settings of a flow of particles (what ``nashpath flow -s key=value`` sets), validated, and the flow they mean."""

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any

import torch
from annotated_types import Ge, Le
from pydantic import BaseModel, Field, create_model, field_validator
from torch import Tensor

from nashpath.core import Count, Key, Number, Positive, Whole, derive, generator, rebuilt, seeded
from nashpath.core.hyperparameters import Length
from nashpath.core.math.monotone import MonotoneFunction, MonotoneName
from nashpath.core.source import HasDensity
from nashpath.data import SOURCES
from nashpath.flows import FLOWS, INTEGRATORS, RATIOS, Flow, Integrator, longest_step, score_of
from nashpath.networks import DISCRIMINATORS
from nashpath.run.errors import SettingError
from nashpath.run.settings.build import make
from nashpath.run.settings.method_files import begin_with, load_installed
from nashpath.run.settings.names import Names, check_names
from nashpath.run.settings.overrides import Changes, Raw, assign
from nashpath.run.settings.resolve import choose_method, validated
from nashpath.run.settings.schema import (
    Method,
    accepts,
    as_its_buffer_holds_it,
    choice,
    names_of,
)
from nashpath.run.settings.sizes import check_batch, within_memory
from nashpath.run.settings.values import STRICT, no_truth_value
from nashpath.solvers import RULES

FLOW_TABLES = {
    "data": (SOURCES, "ring"),
    "flow": (FLOWS, "monoflow"),
    "ratio": (RATIOS, "discriminator"),
    "discriminator": (DISCRIMINATORS, "mlp"),
    "rule": (RULES, "adam"),
    "integrator": (INTEGRATORS, "euler"),
}
"""By setting, the table that a method is chosen from, and the default."""


class FlowGeneral(BaseModel):
    """The settings of a flow that belong to no method."""

    model_config = STRICT
    h: Annotated[MonotoneName, Field(description="the increasing function of a monoflow")] = "logit"
    shift: Annotated[Number, Field(description="C of h=shifted_vanilla")] = 5.0
    power: Annotated[Positive, Field(description="exponent of h=exponential")] = 1.5
    particles: Annotated[Count, Field(description="how many particles flow")] = 2000
    steps: Annotated[Whole, Field(description="steps of the integrator")] = 500
    start_mean: Annotated[
        float, Ge(-1e9), Le(1e9), Field(description="every coordinate of the mean of the particles' start")
    ] = 0.0
    start_deviation: Annotated[Length, Field(description="standard deviation of the particles' start")] = 1.0
    seed: Annotated[Whole, Field(description="of the start, the weights and all draws")] = 0
    device: Annotated[str, Field(description="auto, cpu, cuda or cuda:N")] = "auto"
    log_every: Annotated[Whole, Field(description="steps between rows of metrics.jsonl; 0: a hundred rows")] = 0
    sample_every: Annotated[
        Whole,
        Field(
            description="steps between saved particles and estimates of KL, MMD and W2; 0: forty, or fewer estimates "
            "within 5 % of the time"
        ),
    ] = 0
    checkpoint_every: Annotated[Whole, Field(description="steps between checkpoints; 0: about once a minute")] = 0
    samples: Annotated[Count, Field(description="particles saved each time")] = 1000
    evaluation_samples: Annotated[Count, Field(description="particles, and real samples, that estimates use")] = 500
    bandwidth: Annotated[Positive, Field(description="kernel width of the estimates of KL and MMD")] = 0.2

    numbers = field_validator("*", mode="before")(no_truth_value)
    held = field_validator("*", mode="after")(as_its_buffer_holds_it)


@rebuilt(*(table for table, _ in FLOW_TABLES.values()))
def flow_model() -> type[FlowGeneral]:
    """The model of all settings of a flow; from the tables; built again when a row is added to one."""
    fields: dict[str, Any] = {name: (choice(table), ...) for name, (table, _) in FLOW_TABLES.items()}
    return create_model("FlowSettings", __base__=FlowGeneral, **fields)


@rebuilt(*(table for table, _ in FLOW_TABLES.values()))
def flow_names() -> Names:
    """The names of all settings of a flow; built again when a row is added to a table."""
    tables = {name: table for name, (table, _) in FLOW_TABLES.items()}
    return names_of(flow_model(), tables, {name: usual for name, (_, usual) in FLOW_TABLES.items()})


def resolve_flow(assignments: Changes, raw: Raw | None = None) -> Any:
    """Validated settings from changes (a mapping, or pairs) over a config file's tables. Raises `SettingError`.

    ``raw["with"]`` names files that register methods.
    """
    load_installed()
    raw = dict(raw or {})
    begin_with(raw.pop("with", []))
    full = assign(raw, assignments, FLOW_TABLES)
    check_names(full, flow_names())
    for name, (table, standard) in FLOW_TABLES.items():
        choose_method(full, name, table, {"kind": standard})
    usual = RULES[full["rule"]["kind"]].dense_learning_rate
    if usual is not None:  # the discriminator must keep up with the particles
        full["rule"].setdefault("learning_rate", usual)
    return validated(flow_model(), full, flow_names())


def is_flow(raw: Raw) -> bool:
    """Whether these are the settings of a flow, and not of a training."""
    return "flow" in raw


def flow_rows(settings: Any) -> set[str]:
    """The methods that a flow's settings choose, as ``kind.name``."""
    return {f"{kind}.{getattr(settings, kind).kind}" for kind in FLOW_TABLES}


PROBES = 500
"""Real samples at which the steepness of a score is measured."""


def build_flow(settings: Any, device: torch.device) -> tuple[Flow, Any]:
    """``(flow, source)``; the discriminator's weights follow from the seed."""
    with within_memory(settings):
        source = make(SOURCES, settings.data)
        check_batch(settings, source, settings.particles)
    key = Key(settings.seed, "score", device)
    score = cache(lambda: score_of(source, key.stream("references")))
    parts: dict[str, Callable[[], Any]] = {
        "data": lambda: source,
        "h": lambda: MonotoneFunction(settings.h, settings.shift, settings.power),
        "ratio": lambda: _made(RATIOS, settings.ratio, parts),
        "discriminator": lambda: make(DISCRIMINATORS, settings.discriminator, shape=source.shape),
        "rule": lambda: make(RULES, settings.rule),
        "target": lambda: _density(source, settings.data.kind),
        "score": score,
    }
    with seeded(derive(settings.seed, "weights")), within_memory(settings):
        flow = _made(FLOWS, settings.flow, parts).to(device)
    if "score" in accepts(FLOWS[settings.flow.kind]):
        flow.longest_step = longest_step(score(), source.draw(key.stream("probes"), PROBES)["real"].flatten(1), key)
    return flow, source


def build_integrator(settings: Any, device: torch.device) -> Integrator:
    """The integrator that the settings choose."""
    return make(INTEGRATORS, settings.integrator).to(device)


def start(settings: Any, shape: tuple[int, ...], device: torch.device) -> Tensor:
    """The particles at time 0: ``N(start_mean, start_deviation²)`` in every coordinate, [particles, *shape]."""
    rng = generator(derive(settings.seed, "start"), device)
    with within_memory(settings):
        normal = torch.randn((settings.particles, *shape), generator=rng, device=device)
    return settings.start_mean + settings.start_deviation * normal


def _made(table: Any, chosen: Method, parts: dict[str, Callable[[], Any]]) -> Any:
    return make(table, chosen, **{name: parts[name]() for name in accepts(table[chosen.kind]) if name in parts})


def _density(source: Any, kind: str) -> Callable[[Tensor], Tensor]:
    if not isinstance(source, HasDensity):
        raise SettingError(f"ratio: density needs data of known density; {kind} has none. Use discriminator or kde")
    return source.log_density
