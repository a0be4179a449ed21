"""The settings of a flow of particles, validated: what ``nashpath flow -s key=value`` sets."""

from collections.abc import Iterable
from typing import Annotated, Any, get_args

from annotated_types import Ge
from pydantic import BaseModel, Field, ValidationError, create_model, field_validator

from nashpath.core import Count, Number, Positive, did_you_mean, rebuilt
from nashpath.core.math.monotone import MonotoneName
from nashpath.data import SOURCES
from nashpath.flows import FLOWS, INTEGRATORS, RATIOS
from nashpath.networks import DISCRIMINATORS
from nashpath.run.errors import SettingError
from nashpath.run.settings.method_files import load_installed
from nashpath.run.settings.overrides import Raw, assign
from nashpath.run.settings.schema import STRICT, Method, choice, no_truth_value
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
    full: Raw = dict(raw or {})
    for path, value in sorted(assignments, key=lambda item: (item[0] not in FLOW_TABLES, item[0].count("."))):
        assign(full, path, {"kind": value} if path in FLOW_TABLES and isinstance(value, str) else value)
    for name, (table, standard) in FLOW_TABLES.items():
        chosen = full.setdefault(name, {})
        chosen = full[name] = {"kind": chosen} if isinstance(chosen, str) else chosen
        kind = chosen.setdefault("kind", standard)
        if kind not in table:
            known = f"{did_you_mean(str(kind), list(table))} Known: {', '.join(table)}"
            raise SettingError(f"{name}: no {table.kind} is called {kind!r}.{known}")
    usual = RULES[full["rule"]["kind"]].dense_learning_rate
    if usual is not None:  # the discriminator must keep up with the particles
        full["rule"].setdefault("learning_rate", usual)
    try:
        return flow_model()(**full)
    except ValidationError as error:
        raise SettingError("\n".join(_explain(fault, full) for fault in error.errors())) from None


def flow_rows(settings: Any) -> set[str]:
    """The methods that a flow's settings choose, as ``kind.name``."""
    return {f"{kind}.{getattr(settings, kind).kind}" for kind in FLOW_TABLES}


def _explain(fault: Any, raw: Raw) -> str:
    """One fault of validation as a sentence that names the key."""
    place = [str(part) for part in fault["loc"]]
    path = [place[0], *place[2:]] if place[0] in FLOW_TABLES else place
    key = ".".join(path)
    if fault["type"] != "extra_forbidden":
        return f"{key}: expected {fault['msg'].removeprefix('Input should be ')}, got {fault['input']!r}"
    known = _known(path[0], raw) if len(path) > 1 else list(flow_model().model_fields)
    return f"{key}: no such setting.{did_you_mean(path[-1], known)} Known here: {', '.join(known) or 'none'}"


def _known(name: str, raw: Raw) -> list[str]:
    """The settings of the chosen method."""
    for model in _models(flow_model().model_fields[name].annotation):
        if model.model_fields["kind"].default == raw[name]["kind"]:
            return [field for field in model.model_fields if field != "kind"]
    return []


def _models(annotation: Any) -> list[type[Method]]:
    if isinstance(annotation, type):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]
