"""Which settings are not the usual ones: what a reader of a run wants to see first."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from nashpath.core import Table
from nashpath.networks import DISCRIMINATORS, GENERATORS
from nashpath.run.settings.flow import FLOW_TABLES, FlowGeneral
from nashpath.run.settings.model import TABLES, General, dotted
from nashpath.run.settings.names import DEFAULTS
from nashpath.run.settings.overrides import Raw
from nashpath.run.settings.resolve import usual_method
from nashpath.run.settings.schema import arguments
from nashpath.solvers import RULES

ALWAYS = frozenset({"data.kind", "generator.kind", "discriminator.kind", "steps", "seeds", "seed"})
"""What every reader wants to know, usual or not."""
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
    numbers = usual if kind == usual.get("kind") else {k: v for k, v in usual.items() if k == "kind"}
    return {f"{path}.{name}": value for name, value in (found | numbers).items()}


def _dense_rate(config: Raw, who: str, rule: str) -> dict[str, Any]:
    """The rate that a player without convolutions gets (`resolve`), and the discriminator of every flow."""
    networks = {"generator": GENERATORS, "discriminator": DISCRIMINATORS}.get(who, {})
    network = networks.get(str(config.get(who, {}).get("kind")))
    usual = RULES[rule].dense_learning_rate
    return {} if usual is None or getattr(network, "convolutional", False) else {"learning_rate": usual}
