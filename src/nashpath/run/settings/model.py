"""All settings of a run, as one validated tree: what a TOML file holds and what ``-s key=value`` overrides."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, Lt, MaxLen, MinLen
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, create_model, field_validator

from nashpath.core import Count, Game, Whole, rebuilt
from nashpath.data import SOURCES
from nashpath.games import GAMES, OBJECTIVES, PENALTIES
from nashpath.games.techniques import TECHNIQUES
from nashpath.metrics import GROUPS, METRICS, metric_and_features
from nashpath.networks import DISCRIMINATORS, GENERATORS
from nashpath.run.settings.diagnostics import runnable_by_name
from nashpath.run.settings.names import DEFAULTS, SHARED, Names
from nashpath.run.settings.overrides import MOST_MEMBERS
from nashpath.run.settings.schema import choice, names_of
from nashpath.run.settings.values import STRICT, no_truth_value
from nashpath.run.trackers import TRACKERS
from nashpath.solvers import AVERAGES, CONSTRAINTS, RULES, SCHEDULES, SOLVERS

GIVEN = frozenset({"outputs"})
"""Network arguments that follow from the game and the objective."""

MOST_PATTERNS, MOST_NAME = 1000, 1000
"""Patterns of parameters, and characters in one."""
MOST_THREADS = 1024
"""More crash some builds of OpenMP, and no machine of today gains by them."""


def _runnable(name: str) -> str:
    """A diagnostic that needs nothing but the game, by the rows that there are now."""
    return _one_of(name, runnable_by_name())


def _measurable(name: str) -> str:
    """A metric or a group of metrics, by the rows that there are now."""
    _one_of(metric_and_features(name)[0], [*METRICS, *GROUPS])
    return name


def _tracker(name: str) -> str:
    """A tracker, by the rows that there are now."""
    return _one_of(name, list(TRACKERS))


def parse_part(text: str) -> tuple[int, int]:
    """``"2/4"``, the second of four parts, as numbers. Raises `ValueError`."""
    first, _, last = text.partition("/")
    if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last) <= MOST_MEMBERS):
        raise ValueError("expected I/N, such as 2/4 for the second of four parts")
    return int(first), int(last)


def _part(text: str) -> str:
    """A part of a run, or an empty text."""
    if text:
        parse_part(text)
    return text


def _one_of(name: str, known: list[str]) -> str:
    if name not in known:
        raise ValueError(f"one of {', '.join(map(repr, known))}")
    return name


def nested(value: Any) -> Any:
    """A table whose keys may be dotted, as tables in tables."""
    if not isinstance(value, Mapping):
        return value
    found: dict[str, Any] = {}
    for key, own in value.items():
        first, _, rest = str(key).partition(".")
        inside = nested({rest: own} if rest else own)
        known = found.get(first)
        if isinstance(known, Mapping) and isinstance(inside, Mapping):
            inside = nested({**dotted(known), **dotted(inside)})
        found[first] = inside
    return found


def dotted(table: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Tables in tables as one, by dotted key."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        found |= dotted(value, f"{before}{key}.") if isinstance(value, Mapping) else {f"{before}{key}": value}
    return found


class General(BaseModel):
    """The settings that belong to no method."""

    model_config = STRICT
    batch_size: Annotated[Count, Field(description="real samples (and latents) in one batch")] = 64
    latent: Annotated[Count, Field(description="latent coordinates")] = 16
    latent_distribution: Annotated[
        Literal["normal", "uniform"], Field(description="latents from N(0, I) or from U[-1, 1]")
    ] = "normal"
    steps: Annotated[Whole, Field(description="solver steps of every member")] = 3000
    seeds: Annotated[
        list[Whole], MinLen(1), MaxLen(MOST_MEMBERS), Field(description="one member a seed (and a point of the sweep)")
    ] = [0]
    part: Annotated[
        str,
        AfterValidator(_part),
        Field(description="I/N: the I-th of N parts of the members alone (`nashpath train --part`); empty: all"),
    ] = ""
    device: Annotated[str, Field(description="auto, cpu, cuda or cuda:N")] = "auto"
    precision: Annotated[
        Literal["fp32", "bf16", "tf32"],
        Field(description="bf16 computes costs under autocast; tf32 rounds the factors of products on CUDA"),
    ] = "fp32"
    compile: Annotated[
        Literal["auto", "on", "off"], Field(description="auto compiles where that will pay for itself")
    ] = "auto"
    stack: Annotated[
        Literal["auto", "on", "off"],
        Field(description="train members stacked or one after the other; auto measures which is faster"),
    ] = "auto"
    cuda_graph: Annotated[
        Literal["auto", "off"],
        Field(description="auto replays several steps as one CUDA graph where that is as exact, and faster"),
    ] = "auto"
    threads: Annotated[
        int, Ge(0), Le(MOST_THREADS), Field(description="CPU threads; 0 measures whether more than one is faster")
    ] = 0
    log_every: Annotated[Whole, Field(description="steps between rows of metrics.jsonl; 0: a hundred rows")] = 0
    sample_every: Annotated[
        Whole,
        Field(description="steps between saved samples and evaluations; 0: twenty, or fewer within 5 % of the time"),
    ] = 0
    checkpoint_every: Annotated[Whole, Field(description="steps between checkpoints; 0: about once a minute")] = 0
    samples: Annotated[Count, Field(description="generated samples saved a member each time")] = 64
    evaluation_samples: Annotated[Count, Field(description="generated samples that metrics are computed from")] = 2000
    on_divergence: Annotated[
        Literal["freeze", "stop", "rollback"],
        Field(
            description="a member that leaves the finite numbers freezes, stops the run, or goes back at half its rates"
        ),
    ] = "freeze"
    track: Annotated[
        list[Annotated[str, AfterValidator(_tracker)]],
        Field(description="trackers that get the numbers, too: names (nashpath list tracker)"),
    ] = []
    track_project: Annotated[
        str, MinLen(1), MaxLen(MOST_NAME), Field(description="the project or experiment that they file a run under")
    ] = "nashpath"

    anneal: Annotated[
        dict[str, Any],
        BeforeValidator(nested),
        Field(description="numbers at the end of training, reached along half a cosine: anneal.penalty.weight=0.1"),
    ] = {}
    anneal_steps: Annotated[Whole, Field(description="steps until they arrive; 0: those of the run")] = 0

    freeze: Annotated[
        list[Annotated[str, MinLen(1), MaxLen(MOST_NAME)]],
        MaxLen(MOST_PATTERNS),
        Field(description="patterns of the names of parameters that stay as they are, such as discriminator.0.*"),
    ] = []
    start_from: Annotated[
        str, Field(description="a run folder whose weights members start from (--start-from); empty: random ones")
    ] = ""
    start_member: Annotated[
        int,
        Ge(-1),
        Lt(MOST_MEMBERS),
        Field(description="the member that all start from; -1: each from that of its number, or from the only one"),
    ] = -1
    start_with: Annotated[
        Literal["weights", "averages", "memory"],
        Field(description="its last weights, its averaged ones, or the last ones and the solver's memory"),
    ] = "weights"
    start_digest: Annotated[
        str, MaxLen(64), Field(description="SHA-256 of the checkpoint that members start from, which a run writes down")
    ] = ""

    diagnostics: Annotated[
        list[Annotated[str, AfterValidator(_runnable)]],
        Field(description="diagnostics recorded through training: a list of names (nashpath list diagnostic)"),
    ] = []
    diagnose_every: Annotated[Whole, Field(description="steps between their rows; 0: where samples are saved")] = 0

    metrics: Annotated[
        list[Annotated[str, AfterValidator(_measurable)]],
        Field(description="more metrics measured through training: names (nashpath list metric), as fid or fid@pixels"),
    ] = []
    features: Annotated[
        str, Field(description="features of those metrics: auto, digits, inception, pixels, or a file")
    ] = "auto"
    real_samples: Annotated[
        Whole, Field(description="real samples that they compare with; 0: up to 50,000 held ones, or 10,000 draws")
    ] = 0
    evaluate_every: Annotated[Whole, Field(description="steps between their rows; 0: where samples are saved")] = 0

    numbers = field_validator("*", mode="before")(no_truth_value)

    @field_validator("diagnostics", "metrics", "freeze", "track", mode="before")
    @classmethod
    def names(cls, value: Any) -> Any:
        """A list, or names with commas between them, as the command line gives them."""
        return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


TABLES = {
    "game": GAMES,
    "data": SOURCES,
    "objective": OBJECTIVES,
    "penalty": PENALTIES,
    "technique": TECHNIQUES,
    "generator": GENERATORS,
    "discriminator": DISCRIMINATORS,
    "solver": SOLVERS,
    "solver.generator": RULES,
    "solver.discriminator": RULES,
    "solver.generator.schedule": SCHEDULES,
    "solver.discriminator.schedule": SCHEDULES,
    "constraint": CONSTRAINTS,
    "average": AVERAGES,
}
"""By setting, the table that a method is chosen from."""


@rebuilt(SCHEDULES)
def _schedule() -> tuple[Any, Any]:
    return choice(SCHEDULES), Field(default_factory=lambda: {"kind": "constant"}, validate_default=True)


@rebuilt(RULES, SCHEDULES)
def _rule() -> Any:
    return choice(RULES, schedule=_schedule())


@rebuilt(SOLVERS, RULES, SCHEDULES)
def _solver() -> Any:
    return choice(SOLVERS, discriminator=(_rule(), ...), generator=(_rule(), ...))


LEFT_OUT = {"game": SHARED, "discriminator": GIVEN}
CHOICES: dict[str, Callable[[], Any]] = {
    path: rebuilt(table)(partial(choice, table, LEFT_OUT.get(path, frozenset())))
    for path, table in TABLES.items()
    if not path.startswith("solver")
} | {"solver": _solver}
"""By setting, the type of what may be chosen. Each is built again when its own tables change, and the others stay."""


@rebuilt(*TABLES.values())
def settings_model() -> type[General]:
    """The model of all settings, from the tables of every room; built again when a row is added to one."""
    fields: dict[str, Any] = {path: (CHOICES[path](), ...) for path in TABLES if path in CHOICES}
    return create_model("Settings", __base__=General, **fields)


@rebuilt(*TABLES.values())
def setting_names() -> Names:
    """The names of all settings; built again when a row is added to a table."""
    games = {name: game for name, game in GAMES.items() if isinstance(game, type) and issubclass(game, Game)}
    played = {name: {path: own["kind"] for path, own in game.defaults.items()} for name, game in games.items()}
    return names_of(settings_model(), TABLES, DEFAULTS, {name: own for name, own in played.items() if own})
