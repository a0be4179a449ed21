"""Which settings are not the usual ones: what a reader of a run wants to see first."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from nashpath.core import Table
from nashpath.networks import DISCRIMINATORS, GENERATORS
from nashpath.run.settings.flow import FLOW_TABLES, FlowGeneral
from nashpath.run.settings.members import Member
from nashpath.run.settings.model import TABLES, General, dotted
from nashpath.run.settings.names import DEFAULTS
from nashpath.run.settings.overrides import Raw, assign
from nashpath.run.settings.resolve import dump, resolve, usual_method
from nashpath.run.settings.schema import arguments
from nashpath.solvers import RULES

ALWAYS = frozenset({"data.kind", "generator.kind", "discriminator.kind", "steps", "seeds", "seed"})
"""What every reader wants to know, usual or not."""
PLAYERS = ("generator", "discriminator")
"""Who has a rule, in ``solver``, and mostly a network."""
SETTLED = frozenset({"device", "compile", "stack", "threads"})
"""A run settles these for itself where they are left to it; how it ran is told elsewhere."""


def not_default(config: Raw) -> list[str]:
    """The dotted keys of resolved settings (of a run or a flow) that are not the defaults, in their order.

    Those of a method are held against its own defaults, a method against the one that its game plays by default. What
    belongs to no table that is known here counts as changed.
    """
    own = config.get("flow")
    tables: Mapping[str, Table] = TABLES if own is None else {key: table for key, (table, _) in FLOW_TABLES.items()}
    general: type[BaseModel] = General if own is None else FlowGeneral
    defaults = {name: field.default for name, field in general.model_fields.items()}
    for path, table in tables.items():
        defaults |= _of_method(config, path, table, own is not None)
    return [
        key
        for key, value in dotted(config).items()
        if key in ALWAYS or (key not in SETTLED and (key not in defaults or value != defaults[key]))
    ]


def _of_method(config: Raw, path: str, table: Table, flows: bool) -> dict[str, Any]:
    """The default method at a path, and the default numbers of the one that is chosen there, by dotted key."""
    chosen: Any = config
    for key in path.split("."):
        chosen = chosen.get(key, {}) if isinstance(chosen, Mapping) else {}
    kind = str(chosen.get("kind")) if isinstance(chosen, Mapping) else ""
    usual = (
        {"kind": FLOW_TABLES[path][1]}
        if flows
        else dict(usual_method({"game": {"kind": DEFAULTS["game"]}, **config}, path))
    )
    found = {name: default for name, (_, default) in arguments(table[kind]).items()} if kind in table else {}
    if table is RULES and kind in table:
        found |= _dense_rate(config, "" if flows else path.rpartition(".")[2], kind)
    if kind != usual.get("kind") and table is RULES:  # another rule's default is another rate, which a reader looks for
        found.pop("learning_rate", None)
    numbers = usual if kind == usual.get("kind") else {k: v for k, v in usual.items() if k == "kind"}
    return {f"{path}.{name}": value for name, value in (found | numbers).items()}


def rates_that_follow(raw: Raw, members: Iterable[Member]) -> list[str]:
    """What to say of learning rates that nobody set, and that are others because a rule or a network was chosen.

    ``raw`` are the settings as given, ``members`` what was planned from them.
    """
    found: dict[str, list[str]] = {}
    for settings, swept in {id(one.settings): (one.settings, one.swept) for one in members}.values():
        config, given = dump(settings), assign(raw, swept.items())
        asked = dotted(given).keys()
        chosen = {key.removesuffix(".kind") for key in asked}
        players = [who for who in PLAYERS if who in config["solver"] and chosen & {who, f"solver.{who}"}]
        usual = dump(resolve({key: given[key] for key in ("game", "data") if key in given})) if players else {}
        for who in players:
            key, (now, rate), (before, other) = f"solver.{who}.learning_rate", _rate(config, who), _rate(usual, who)
            if key not in asked and rate != other:
                said = f"{rate:g} as none is set, the default of {now}; of {before}, the usual choice, it is {other:g}"
                found.setdefault(said, []).append(key)
    return [f"{' and '.join(dict.fromkeys(keys))}: {said}" for said, keys in found.items()]


def _rate(config: Raw, who: str) -> tuple[str, Any]:
    """A player's rule and network, in words, and its learning rate."""
    rule, network = config["solver"][who], config.get(who, {}).get("kind")
    return f"{rule['kind']} on {network}" if network else rule["kind"], rule.get("learning_rate", 0.0)


def _dense_rate(config: Raw, who: str, rule: str) -> dict[str, Any]:
    """The rate that a player without convolutions gets (`resolve`), and the discriminator of every flow."""
    networks = {"generator": GENERATORS, "discriminator": DISCRIMINATORS}.get(who, {})
    network = networks.get(str(config.get(who, {}).get("kind")))
    usual = RULES[rule].dense_learning_rate
    return {} if usual is None or getattr(network, "convolutional", False) else {"learning_rate": usual}
