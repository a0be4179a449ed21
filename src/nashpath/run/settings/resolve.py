"""Raw settings, completed by defaults and validated, with errors that a person can act on."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError, create_model

from nashpath.core import Game, Table, did_you_mean, rebuilt
from nashpath.data import SOURCES
from nashpath.games import GAMES
from nashpath.networks import DISCRIMINATORS, GENERATORS
from nashpath.networks.dcgan import STAGES
from nashpath.run.errors import SettingError
from nashpath.run.settings.method_files import load_installed
from nashpath.run.settings.model import CHOICES, DEFAULTS, SHARED, TABLES, General, settings_model
from nashpath.run.settings.overrides import Raw, assign
from nashpath.run.settings.schema import accepts
from nashpath.run.settings.sizes import within_memory
from nashpath.solvers import RULES

_Settings = TypeVar("_Settings", bound=BaseModel)

ALWAYS = {"game", "technique", "solver", "constraint", "average"} | (set(General.model_fields) - SHARED)
"""Top-level settings that every game uses; the others only where the game's constructor asks for them."""


def resolve(raw: Raw, changes: Mapping[str, Any] = MappingProxyType({})) -> General:
    """The settings with changes by dotted key, completed and validated.

    Raises `SettingError`, for values that do not fit with every fault at once.
    """
    load_installed()
    full = assign(raw, changes.items())
    given = set(full)
    _complete(full)
    settings = validated(settings_model(), full)
    _check_used(settings, given)
    return settings


def validated(model: type[_Settings], full: Raw) -> _Settings:
    """The settings as a model. Raises `SettingError` that lists every fault at once."""
    try:
        return model(**full)
    except ValidationError as error:
        raise SettingError("\n".join(_explain(fault, model, full) for fault in error.errors())) from None


def _complete(raw: Raw) -> None:
    """Chooses every method, in place. Raises `SettingError` for methods that do not exist."""
    _check_top_level(raw)
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
    name, known = path.rpartition(".")[2], f"Known: {', '.join(table)}"
    chosen = holder.setdefault(name, {})
    if isinstance(chosen, str):
        chosen = holder[name] = {"kind": chosen}
    if not isinstance(chosen, dict) or not isinstance(chosen.get("kind", ""), str):
        raise SettingError(f"{path}: expected the name of a {table.kind}, got {_shown(chosen)}. {known}")
    kind = chosen.get("kind", usual.get("kind"))
    if kind is None:
        return
    if kind not in table:
        raise SettingError(f"{path}: no {table.kind} is called {kind!r}.{did_you_mean(kind, list(table))} {known}")
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
    """Chooses networks by the shape of the data: convolutional for square images that DCGAN makes, else dense."""
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
    convolutional = len(shape) == 3 and shape[1] == shape[2] and shape[1] in STAGES
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


def _check_top_level(raw: Raw) -> None:
    known = list(settings_model().model_fields)
    for key in raw:
        if key not in known:
            raise SettingError(f"{key}: no such setting.{_nearest(key, known, raw)} Known: {', '.join(known)}")


ALIASES = {
    "lr": "learning_rate",
    "learning": "learning_rate",
    "momentum": "b1",
    "beta1": "b1",
    "beta2": "b2",
    "eps": "epsilon",
    "lr_d": "solver.discriminator.learning_rate",
    "d_lr": "solver.discriminator.learning_rate",
    "lr_g": "solver.generator.learning_rate",
    "g_lr": "solver.generator.learning_rate",
    "n_critic": "discriminator_steps",
    "n_disc": "discriminator_steps",
    "d_steps": "discriminator_steps",
    "critic_steps": "discriminator_steps",
    "ema_decay": "average.decay",
    "ema_beta": "average.decay",
    "bs": "batch_size",
    "batch": "batch_size",
    "epochs": "steps",
    "iterations": "steps",
    "iters": "steps",
    "max_iters": "steps",
    "seed": "seeds",
    "z_dim": "latent",
    "nz": "latent",
    "noise_dim": "latent",
    "hidden_dim": "width",
    "ngf": "generator.width",
    "ndf": "discriminator.width",
    "spectral_norm": "discriminator.norm=spectral",
    "amp": "precision",
    "fp16": "precision",
    "dataset": "data",
    "loss": "objective",
    "model": "generator",
    "optimizer": "solver.generator",
    "regulariser": "penalty",
    "regularizer": "penalty",
    "lambda": "weight",
    "gamma": "weight",
    "gp": "penalty",
    "gp_weight": "penalty.weight",
    "gp_lambda": "penalty.weight",
    "lambda_gp": "penalty.weight",
}
"""What other programs call settings: the name of a setting, wherever it stands, or its whole key."""


def _nearest(key: str, known: list[str], raw: Raw) -> str:
    """A hint at what was meant: the setting of that name (or of its usual other name) elsewhere, else the nearest.

    The name of a method is a hint at the setting that chooses it.
    """
    name = key.rpartition(".")[2]
    meant = ALIASES.get(name, name)
    places = [place for place in _places(settings_model(), raw) if meant in (place, place.rpartition(".")[2])]
    if not places and name in ALIASES:
        places = [meant]
    if not places:
        places = [f"{path}={name}" for path, table in TABLES.items() if name in table]
    return f" Did you mean {' or '.join(places[:4])}?" if places else did_you_mean(name, known)


def _places(model: type[BaseModel], raw: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The dotted paths of all settings under the methods that are chosen (or the usual ones)."""
    found: list[str] = []
    for name, field in model.model_fields.items():
        options, given = _models(field.annotation), raw.get(name, {})
        if not options:
            found.append(prefix + name)
            continue
        inner: Mapping[str, Any] = given if isinstance(given, Mapping) else {"kind": given}
        kind = inner.get("kind", DEFAULTS.get(prefix + name, "mlp"))
        chosen = next((one for one in options if one.model_fields["kind"].default == kind), None)
        found += [] if chosen is None else _places(chosen, inner, f"{prefix}{name}.")
    return found


def _check_used(settings: General, given: set[str]) -> None:
    unused = sorted(given - used(settings))
    if unused:
        kind = settings.game.kind  # type: ignore[attr-defined]
        raise SettingError(
            f"{', '.join(unused)}: the game {kind!r} has no use for {'it' if len(unused) == 1 else 'these'}"
        )


def _explain(fault: Any, model: type[BaseModel], full: Raw) -> str:
    """One pydantic fault as a sentence that names the key."""
    path, known = _place(fault["loc"], model)
    key = ".".join(path)
    if fault["type"] == "extra_forbidden" and known == ["kind"]:
        return _without_settings(path, model, full)
    if fault["type"] == "extra_forbidden":
        return f"{key}: no such setting.{_nearest(key, known, full)} Known here: {', '.join(known)}"
    given, expected = fault["input"], fault["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    near = did_you_mean(given, re.findall("'(.*?)'", expected)) if isinstance(given, str) else ""
    return f"{key}: expected {expected}, got {_shown(given)}.{near}"


def _shown(given: Any) -> str:
    """A value in the words of Python, as far as that is short."""
    try:
        text = repr(given)
    except (ValueError, RecursionError):  # an integer of thousands of digits
        return "a number of many digits"
    return text if len(text) <= 200 else f"{text[:160]}… ({len(text)} characters)"


def _without_settings(path: list[str], model: type[BaseModel], full: Raw) -> str:
    """The refusal of a setting of a method that has none: which other methods have it."""
    holder, node = ".".join(path[:-1]), full
    for key in path[:-1]:
        node = node.get(key, {})
    options = (
        _models(model.model_fields[path[0]].annotation) if len(path) == 2 and path[0] in model.model_fields else []
    )
    having = [one.model_fields["kind"].default for one in options if path[-1] in one.model_fields]
    hint = f"; choose one that has it, such as {holder}={having[0]} (of {', '.join(having)})" if having else ""
    return f"{'.'.join(path)}: no such setting. {holder}={node.get('kind')} has none{hint}. Known here: kind"


def _place(location: tuple[Any, ...], node: type[BaseModel]) -> tuple[list[str], list[str]]:
    """``(path, known)`` of a fault: its place without the kinds in between, and the names that exist there."""
    path, parts = [], list(location)
    while True:
        known, here = list(node.model_fields), parts.pop(0)
        path.append(str(here))
        options = _models(node.model_fields[here].annotation) if here in node.model_fields else []
        if not options or not parts:
            return [*path, *map(str, parts)], known
        kind = parts.pop(0) if len(options) > 1 else options[0].model_fields["kind"].default
        node = next(option for option in options if option.model_fields["kind"].default == kind)
        if not parts:
            return path, known


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models in a field's annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]
