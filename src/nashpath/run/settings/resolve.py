"""Raw settings, completed by defaults and validated, with errors that a person can act on."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError, create_model

from nashpath.core import Game, Table, rebuilt
from nashpath.data import SOURCES
from nashpath.games import GAMES
from nashpath.networks import DISCRIMINATORS, GENERATORS
from nashpath.networks.base import has_grid
from nashpath.networks.dcgan import TIMES
from nashpath.run.errors import SettingError
from nashpath.run.settings.method_files import load_installed
from nashpath.run.settings.model import CHOICES, TABLES, General, setting_names, settings_model
from nashpath.run.settings.names import DEFAULTS, SHARED, Names, check_names, named, unknown
from nashpath.run.settings.overrides import Changes, Raw, assign
from nashpath.run.settings.schema import accepts, models_of
from nashpath.run.settings.sizes import within_memory
from nashpath.run.settings.values import sentence
from nashpath.solvers import RULES

_Settings = TypeVar("_Settings", bound=BaseModel)

ALWAYS = {"game", "technique", "solver", "constraint", "average"} | (set(General.model_fields) - SHARED)
"""Top-level settings that every game uses; the others only where the game's constructor asks for them."""


def resolve(raw: Raw, changes: Changes = MappingProxyType({})) -> General:
    """The settings with changes by dotted key, completed and validated.

    Raises `SettingError` that lists every name that does not exist, else every value that does not fit.
    """
    load_installed()
    full = assign(raw, changes)
    check_names(full, setting_names())
    given = set(full)
    _complete(full)
    settings = validated(settings_model(), full, setting_names())
    _check_used(settings, given)
    return settings


def validated(model: type[_Settings], full: Raw, names: Names) -> _Settings:
    """The settings as a model. Raises `SettingError` that lists every fault at once."""
    try:
        return model(**full)
    except ValidationError as error:
        raise SettingError("\n".join(_explain(fault, model, full, names) for fault in error.errors())) from None


def _complete(raw: Raw) -> None:
    """Chooses every method, in place; their names were checked."""
    choose_method(raw, "game", GAMES, {"kind": DEFAULTS["game"]})
    for path, table in TABLES.items():
        holder: Any = raw
        for key in path.split(".")[:-1]:
            holder = holder.setdefault(key, {})
        choose_method(holder, path, table, usual_method(raw, path))
    _default_networks(raw)
    _default_rates(raw)


def choose_method(holder: Raw, path: str, table: Table, usual: Mapping[str, Any]) -> None:
    """Chooses the method at a path, in the table that holds it: the one that is named there, else the usual one.

    Raises `SettingError` for one that does not exist.
    """
    name = path.rpartition(".")[2]
    chosen = holder.setdefault(name, {})
    kind = named(path, chosen, table.kind, list(table))
    if isinstance(chosen, str):
        chosen = holder[name] = {"kind": chosen}
    kind = usual.get("kind") if kind is None else kind
    if kind is None:
        return
    chosen["kind"] = kind
    if table[kind] is table.get(usual.get("kind", ""), None):
        for key, value in usual.items():
            chosen.setdefault(key, value)


def usual_method(raw: Raw, path: str) -> Mapping[str, Any]:
    """The default method at a path: the game's, or that of all games."""
    game = GAMES.get(raw["game"]["kind"])
    own = game.defaults.get(path) if isinstance(game, type) and issubclass(game, Game) else None
    return own or ({"kind": DEFAULTS[path]} if path in DEFAULTS else {})


def used(settings: General) -> set[str]:
    """The top-level settings that this game uses."""
    wanted = accepts(GAMES[settings.game.kind])  # type: ignore[attr-defined]
    parts = {"new_generator": "generator", "new_discriminator": "discriminator"}
    return ALWAYS | {parts.get(name, name) for name in wanted} & (set(type(settings).model_fields))


def dump(settings: General) -> Raw:
    """The settings that this run uses, as plain nested tables: resolving them again gives the same run."""
    keep = used(settings)
    full = settings.model_dump(mode="json")
    return {k: v for k, v in full.items() if k in keep}


def _default_networks(raw: Raw) -> None:
    """Chooses networks by the shape of the data: convolutional for images that DCGAN makes, else dense."""
    if all("kind" in raw[who] for who in ("generator", "discriminator")):
        return
    try:
        chosen = _data_model()(data=raw["data"]).data
    except ValidationError:  # of all settings, which comes last, will say what is wrong with these
        shape = ()
    else:
        try:
            with within_memory({"data": dict(chosen)}):
                shape = tuple(SOURCES[chosen.kind](**{k: v for k, v in chosen if k != "kind"}).shape)
        except SettingError:
            raise
        except (TypeError, ValueError) as error:
            raise SettingError(f"data={chosen.kind}: {error}") from error
    convolutional = has_grid(shape, TIMES)
    for who in ("generator", "discriminator"):
        raw[who].setdefault("kind", "dcgan" if convolutional else "mlp")


@rebuilt(SOURCES)
def _data_model() -> type[BaseModel]:
    """The settings of data alone: they are looked at before anything is built from them."""
    return create_model("DataSettings", data=(CHOICES["data"](), ...))


def _default_rates(raw: Raw) -> None:
    """A rule's own default rate for dense networks and toys, where it has one; convolutions keep the constructor's."""
    for who, networks in (("generator", GENERATORS), ("discriminator", DISCRIMINATORS)):
        chosen = raw["solver"][who]
        usual = RULES[chosen["kind"]].dense_learning_rate
        network = networks.get(raw[who]["kind"])
        if usual is not None and not getattr(network, "convolutional", False):
            chosen.setdefault("learning_rate", usual)


def _check_used(settings: General, given: set[str]) -> None:
    unused = sorted(given - used(settings))
    if unused:
        kind = settings.game.kind  # type: ignore[attr-defined]
        raise SettingError(
            f"{', '.join(unused)}: the game {kind!r} has no use for {'it' if len(unused) == 1 else 'these'}"
        )


def _explain(fault: Any, model: type[BaseModel], full: Raw, names: Names) -> str:
    """One pydantic fault as a sentence that names the key."""
    path = _place(fault["loc"], model)
    key = ".".join(path)
    if fault["type"] == "extra_forbidden":  # of a method that was chosen after the names were checked
        return unknown(key, names.chosen(full, ".".join(path[:-1]))[1] or "", names, full)
    return sentence(key, fault)


def _place(location: tuple[Any, ...], node: type[BaseModel]) -> list[str]:
    """The place of a fault, without the kinds in between."""
    path, parts = [], list(location)
    while True:
        here = parts.pop(0)
        path.append(str(here))
        options = models_of(node.model_fields[here].annotation) if here in node.model_fields else []
        if not options or not parts:
            return [*path, *map(str, parts)]
        kind = parts.pop(0) if len(options) > 1 else options[0].model_fields["kind"].default
        node = next(option for option in options if option.model_fields["kind"].default == kind)
        if not parts:
            return path
