"""The settings that members of a sweep have: those of their run, with their point of the sweep put in."""

from collections.abc import Mapping
from typing import Any

from nashpath.run.errors import SettingError
from nashpath.run.settings.model import dotted, setting_names
from nashpath.run.settings.overrides import METHODS, assign, flatten_sweeps
from nashpath.run.settings.points import partly_used
from nashpath.run.settings.resolve import dump, resolve

UNEQUAL_BY_NATURE = ("name", "out", "sweep", "with")
"""Top-level settings that say nothing about the method (what is swept, or chosen, stands in each line of a table)."""


def played_settings(config: Mapping[str, Any], point: Mapping[str, Any], defaults: bool = False) -> dict[str, Any]:
    """The settings by dotted key, of members at a ``point`` of the sweep of a run with these settings.

    A method that the point chooses, by its key or by ``key.kind``, takes the place of the run's, of which no number
    stays. With ``defaults`` what hangs on the choice and nobody set is there, too, where it can be found out.
    """
    own = {key: value for key, value in config.items() if key not in UNEQUAL_BY_NATURE}
    chosen = {_method(key): value for key, value in point.items()}
    if not chosen:
        return dotted(own)
    try:
        unused = _unused(own, config.get("sweep", {}), chosen)
        flat = {key: value for key, value in dotted(assign(own, chosen)).items() if key not in unused}
    except SettingError:  # of a folder that was edited
        return {**dotted(own), **point}
    return {**flat, **_hanging(flat)} if defaults and METHODS & chosen.keys() else flat


def _method(key: str) -> str:
    """``penalty.kind`` as ``penalty``, which chooses the same."""
    return short if (short := key.removesuffix(".kind")) in METHODS else key


def _unused(own: dict[str, Any], sweep: Any, chosen: Mapping[str, Any]) -> list[str]:
    """The settings of some of the swept methods that the chosen one has not."""
    sweeps = {_method(key): values for key, values in flatten_sweeps(sweep).items()}
    lacking = partly_used(own, sweeps, setting_names())
    return [key for key, kinds in lacking.items() if chosen.get(key.rpartition(".")[0]) in kinds]


def _hanging(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults of settings that are not given; none where these cannot be resolved here."""
    try:
        found = dotted(dump(resolve({}, flat)))
    except SettingError:
        return {}
    return {key: value for key, value in found.items() if key not in flat and key not in UNEQUAL_BY_NATURE}
