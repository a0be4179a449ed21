"""The settings of a flow of particles, validated: what ``nashpath flow -s key=value`` sets."""

from collections.abc import Iterable
from typing import Annotated, Any

from annotated_types import Ge
from pydantic import BaseModel, Field, create_model, field_validator

from nashpath.core import Count, Number, Positive, rebuilt
from nashpath.core.math.monotone import MonotoneName
from nashpath.data import SOURCES
from nashpath.flows import FLOWS, INTEGRATORS, RATIOS
from nashpath.networks import DISCRIMINATORS
from nashpath.run.settings.method_files import load_installed
from nashpath.run.settings.overrides import Raw, assign
from nashpath.run.settings.resolve import choose_method, validated
from nashpath.run.settings.schema import STRICT, choice, no_truth_value
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
    steps: Annotated[int, Ge(0), Field(description="steps of the integrator")] = 500
    start_mean: Annotated[float, Field(description="every coordinate of the mean of the particles' start")] = 0.0
    start_deviation: Annotated[Positive, Field(description="standard deviation of the particles' start")] = 1.0
    seed: Annotated[int, Ge(0), Field(description="of the start, the weights and all draws")] = 0
    device: Annotated[str, Field(description="auto, cpu, cuda or cuda:N")] = "auto"
    log_every: Annotated[int, Ge(0), Field(description="steps between rows of metrics.jsonl; 0: a hundred rows")] = 0
    sample_every: Annotated[
        int, Ge(0), Field(description="steps between saved particles and estimates of KL, MMD and W2; 0: forty of them")
    ] = 0
    samples: Annotated[Count, Field(description="particles saved each time")] = 1000
    evaluation_samples: Annotated[Count, Field(description="particles, and real samples, that estimates use")] = 500
    bandwidth: Annotated[Positive, Field(description="kernel width of the estimates of KL and MMD")] = 0.2

    numbers = field_validator("*", mode="before")(no_truth_value)


@rebuilt(*(table for table, _ in FLOW_TABLES.values()))
def flow_model() -> type[FlowGeneral]:
    """The model of all settings of a flow; from the tables; built again when a row is added to one."""
    fields: dict[str, Any] = {name: (choice(table), ...) for name, (table, _) in FLOW_TABLES.items()}
    return create_model("FlowSettings", __base__=FlowGeneral, **fields)


def resolve_flow(assignments: Iterable[tuple[str, Any]], raw: Raw | None = None) -> Any:
    """Validated settings from ``(key, value)`` pairs over a config file's tables. Raises `SettingError`."""
    load_installed()
    full = assign(raw or {}, assignments, FLOW_TABLES)
    for name, (table, standard) in FLOW_TABLES.items():
        choose_method(full, name, table, {"kind": standard})
    usual = RULES[full["rule"]["kind"]].dense_learning_rate
    if usual is not None:  # the discriminator must keep up with the particles
        full["rule"].setdefault("learning_rate", usual)
    return validated(flow_model(), full)


def flow_rows(settings: Any) -> set[str]:
    """The methods that a flow's settings choose, as ``kind.name``."""
    return {f"{kind}.{getattr(settings, kind).kind}" for kind in FLOW_TABLES}
