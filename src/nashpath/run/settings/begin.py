"""From data to settings: which recipe a folder of pictures, a table or an array begins with, and why."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from nashpath.core import Source
from nashpath.core.errors import first_names
from nashpath.core.source import Finite, Foldered, OneHot, Prepares
from nashpath.data import SOURCES
from nashpath.networks import DISCRIMINATORS, GENERATORS
from nashpath.run.errors import SettingError
from nashpath.run.settings.build import build_source, make
from nashpath.run.settings.model import TABLES, dotted
from nashpath.run.settings.overrides import TOGETHER, Raw, override, parse_overrides, parse_sweeps
from nashpath.run.settings.recipe import Recipe, of_kind, reached, recipe_named, recipe_race
from nashpath.run.settings.resolve import resolve
from nashpath.run.settings.schema import accepts

FEW = 10_000
"""Fewer pictures are augmented: Zhao et al. 2020 gained most on a fifth and a tenth of CIFAR-10, 10,000 and 5,000."""
LOW = 3
"""Dimensions of what counts as points; vectors of more numbers are tables."""
SIDES = range(8, 129)
"""Sides that pictures of a folder may be scaled to."""


MOST_CLASSES = 300
"""Of more subfolders it is not said that they can be classes."""


@dataclass(frozen=True)
class Beginning:
    """Settings to begin with, as a settings file has them, and why these, in sentences."""

    settings: Raw
    why: list[str]


def data_at(path: Path) -> Raw | None:
    """The data settings for what lies at a path, by the first data set that reads it (`ReadsPath`); None for others."""
    for kind, source in SOURCES.items():
        reads = getattr(source, "settings_for", None)
        found = None if reads is None else reads(path)
        if found is not None:
            return {"kind": kind, **found}
    return None


def begin_with_data(
    data: Raw,
    name: str = "",
    texts: Sequence[str] = (),
    swept: Sequence[str] = (),
    largest: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Beginning:
    """The recipe for these data: the one of that ``name``, else the one that fits their kind best.

    ``texts`` and ``swept`` are what the user set (``-s``, ``--sweep``), which holds: the size of pictures is chosen
    only where they do not, to be ``largest`` at most (0: near their own), and no number that they set is annealed.
    Raises `SettingError` where the networks of that recipe do not make such samples.
    """
    given = dict(parse_overrides(texts))
    mine = {*given, *(key for one in _swept(swept) for key in one)}
    own = [text for text in texts if text.partition("=")[0].strip().split(".")[0] == "data"]
    data = override({"data": data}, own)["data"]
    source = build_source(resolve({"data": data}))
    kind = data_kind(source)
    choices, raced = ([recipe_named(name)], "") if name else of_kind(kind, source.shape[0])
    sizes = _sizes(data, source, largest) if kind == "pictures" and "data.size" not in mine else [0]
    refusals: list[str] = []
    for recipe in choices:
        for size in sizes:
            sized = {**data, "size": size} if size else data
            raw = {**recipe.settings, **_annealed(recipe, mine), "data": sized}
            refusal = unfit(override(raw, texts), (source.shape[0], size, size) if size else source.shape)
            if not refusal:
                return _told(recipe, raw, raced, bool(name), mine, progress)
            refusals.append(refusal)
    if name:
        raise SettingError(
            f"recipe {name}: {refusals[0]}; choose another --recipe, or other networks with -s generator="
        )
    (dense, *_), _ = of_kind("tables")
    why = f"recipe {dense.name}: no convolutional network here makes pictures of {_by(source.shape)}; dense ones do"
    return Beginning({**dense.settings, "data": data}, [why])


def data_kind(source: Source) -> str:
    """What recipes are for: ``pictures``, ``points`` of few numbers, or ``tables``."""
    if len(source.shape) == 3:
        return "pictures"
    return "points" if source.shape[0] <= LOW and not isinstance(source, OneHot) else "tables"


def unfit(raw: Raw, shape: tuple[int, ...]) -> str:
    """Why the networks of these settings do not make samples of a shape; empty where they do."""
    settings: Any = resolve(raw)
    try:
        with torch.device("meta"):  # of no size
            make(GENERATORS, settings.generator, latent=settings.latent, shape=shape)
            make(DISCRIMINATORS, settings.discriminator, shape=shape)
    except ValueError as error:
        return str(error)
    return ""


def _sizes(data: Raw, source: Source, largest: int) -> list[int]:
    """Sides that pictures may be given, the nearest to their own first; 0 where they cannot be scaled."""
    if "size" not in accepts(SOURCES[data["kind"]]):
        return [0]
    side = min(source.shape[1], largest or source.shape[1])
    return sorted(SIDES, key=lambda size: abs(math.log(size / side)))


def _annealed(recipe: Recipe, mine: set[str]) -> Raw:
    """The recipe's numbers at the end of training, without those that the user set, or whose method they chose."""
    ends = dotted(recipe.settings.get("anneal", {}))
    kept = {key: end for key, end in ends.items() if not {key, *_methods(key)} & mine}
    return {"anneal": kept} if ends else {}


def _methods(key: str) -> list[str]:
    """The place where the method of a number is chosen."""
    return sorted((path for path in TABLES if key.startswith(f"{path}.")), key=len)[-1:]


def _swept(texts: Sequence[str]) -> list[Mapping[str, Any]]:
    sweeps = parse_sweeps(texts)
    return [{key: values for key, values in sweeps.items() if key != TOGETHER}, *sweeps.get(TOGETHER, [])]


def _told(
    recipe: Recipe,
    raw: Raw,
    raced: str,
    by_name: bool,
    mine: set[str],
    progress: Callable[[int, int], None],
) -> Beginning:
    """The settings with what the number of samples asks for, and the reasons."""
    source = build_source(resolve({"data": raw["data"]}))
    if isinstance(source, Prepares):
        source.prepare(progress)
    count = len(source) if isinstance(source, Finite) else 0
    why = [f"recipe {recipe.name}: {_reason(recipe, raced, by_name)}; {_about(source, count)}"]
    if recipe.kind == "pictures" and 0 < count < FEW and "technique" not in mine:
        raw = {**raw, "technique": "diff_augment"}
        why.append(
            f"{count:,} pictures are few: the discriminator sees them changed at random (technique diff_augment)"
        )
    if isinstance(source, Foldered) and not {"data.labels", "game"} & mine:
        why += _possible_classes(source.subfolders)
    return Beginning(raw, why)


def _possible_classes(names: list[str]) -> list[str]:
    """That subfolders may be classes, where there are as many as classes may be; nobody but the user knows."""
    if not 2 <= len(names) <= MOST_CLASSES:
        return []
    return [
        f"the pictures lie in {len(names)} subfolders ({first_names(names, 5)}); if these are classes: "
        "-s data.labels=true -s game=conditional"
    ]


def _reason(recipe: Recipe, raced: str, by_name: bool) -> str:
    told = f" (Fréchet distances in the races: {', '.join(reached(recipe.name))})" if reached(recipe.name) else ""
    if by_name:
        return f"as asked{told}"
    if not raced:
        others = len(of_kind(recipe.kind)[0]) > 1
        return (
            f"the simplest of those for {recipe.kind}, which were not raced" if others else f"the one for {recipe.kind}"
        )
    one = recipe_race()[raced]
    if recipe.name != one["best"]:
        return f"the first of those that make pictures of this size{told}"
    if len(one["undecided"]) > 1:
        return f"the simplest of {', '.join(one['undecided'])}, between which the race on {raced} did not decide{told}"
    return f"the best in the race on {raced} at equal time{told}"


def _about(source: Source, count: int) -> str:
    number = f"{count:,} " if count else ""
    if len(source.shape) == 3:
        colours = "grey" if source.shape[0] == 1 else "coloured"
        return f"{number}{colours} pictures at {_by(source.shape)}"
    return f"{number}vectors of {source.shape[0]} numbers"


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape[1:]))
