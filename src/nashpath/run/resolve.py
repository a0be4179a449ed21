"""Raw settings, completed by defaults and validated, with errors that a person can act on."""

import copy
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from nashpath.core import nearest
from nashpath.data import SOURCES
from nashpath.games import GAMES
from nashpath.run.fields import accepts
from nashpath.run.overrides import Raw, SettingError
from nashpath.run.settings import DEFAULTS, TABLES, General, settings_model

ALWAYS = {"game", "technique", "solver", "constraint", "average"} | (
    set(General.model_fields) - {"batch_size", "latent", "latent_distribution"}
)
"""Top-level settings that every game uses; the others only where the game's constructor asks for them."""


def complete(raw: Raw) -> Raw:
    """The raw settings with every method chosen. Raises `SettingError` for methods that do not exist."""
    raw = copy.deepcopy(raw)
    _check_top_level(raw)
    for path, table in TABLES.items():
        *parents, last = path.split(".")
        holder: Any = raw
        for key in parents:
            holder = holder.setdefault(key, {})
        chosen = holder.get(last)
        if isinstance(chosen, str):
            chosen = holder[last] = {"kind": chosen}
        if path not in DEFAULTS and (chosen is None or "kind" not in chosen):
            continue
        if chosen is None:
            chosen = holder[last] = {}
        if not isinstance(chosen, dict):
            raise SettingError(f"{path}: expected the name of a {table.kind}, got {chosen!r}")
        kind = chosen.setdefault("kind", DEFAULTS.get(path))
        if kind not in table:
            raise SettingError(
                f"{path}: no {table.kind} is called {kind!r}.{nearest(str(kind), list(table))} Known: {', '.join(table)}"
            )
    _default_networks(raw)
    return raw


def resolve(raw: Raw) -> General:
    """Validated settings. Raises `SettingError` that lists every fault at once."""
    full = complete(raw)
    try:
        settings = settings_model()(**full)
    except ValidationError as error:
        raise SettingError("\n".join(_explain(fault) for fault in error.errors())) from None
    _check_used(settings, set(raw))
    return settings


def used(settings: General) -> set[str]:
    """The top-level settings that this game uses."""
    wanted = accepts(GAMES[settings.game.kind])  # type: ignore[attr-defined]
    parts = {"new_generator": "generator", "new_discriminator": "discriminator"}
    return ALWAYS | {parts.get(name, name) for name in wanted} & (set(type(settings).model_fields))


def dump(settings: General) -> Raw:
    """The settings that matter to this run, as plain nested tables: resolving them again gives the same run."""
    keep = used(settings)
    full = settings.model_dump(mode="json")
    return {k: v for k, v in full.items() if k in keep}


def _default_networks(raw: Raw) -> None:
    """Chooses networks by the shape of the data: convolutional for square images of 8 to 64 pixels, else dense."""
    if all(isinstance(raw.get(k), dict) and "kind" in raw[k] for k in ("generator", "discriminator")):
        return
    options = {k: v for k, v in raw["data"].items() if k != "kind"}
    try:
        shape = tuple(SOURCES[raw["data"]["kind"]](**options).shape)
    except TypeError:
        shape = ()
    convolutional = len(shape) == 3 and shape[1] == shape[2] and shape[1] in (8, 16, 32, 64)
    for who in ("generator", "discriminator"):
        raw.setdefault(who, {}).setdefault("kind", "dcgan" if convolutional else "mlp")


def _check_top_level(raw: Raw) -> None:
    known = list(settings_model().model_fields)
    for key in raw:
        if key not in known:
            raise SettingError(f"{key}: no such setting.{nearest(key, known)} Known: {', '.join(known)}")


def _check_used(settings: General, given: set[str]) -> None:
    unused = sorted(given - used(settings))
    if unused:
        kind = settings.game.kind  # type: ignore[attr-defined]
        raise SettingError(f"{', '.join(unused)}: the game {kind!r} has no use for {'it' if len(unused) == 1 else 'these'}")


def _explain(fault: Any) -> str:
    """One pydantic fault as a sentence that names the key."""
    path = [str(part) for part in fault["loc"] if part not in _kinds()]
    key = ".".join(path)
    if fault["type"] == "extra_forbidden":
        known = _known_at(fault["loc"])
        return f"{key}: no such setting.{nearest(path[-1], known)} Known here: {', '.join(known)}"
    expected = fault["msg"].removeprefix("Input should be ")
    return f"{key}: expected {expected}, got {fault['input']!r}"


def _kinds() -> set[str]:
    return {name for table in TABLES.values() for name in table}


def _known_at(location: tuple[Any, ...]) -> list[str]:
    """The setting names that exist beside the faulty one: a walk down the models along the fault's location."""
    node: Any = settings_model()
    for part in location[:-1]:
        fields = node.model_fields
        options = [node] if part not in fields else _models(fields[part].annotation)
        if part in fields:
            node = options[0] if len(options) == 1 else options
        elif isinstance(node, list):
            break
        if isinstance(node, list):
            kind = location[location.index(part) + 1]
            node = next(m for m in node if m.model_fields["kind"].default == kind)
    return list(node.model_fields)


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models in a field's annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]
