"""What the package's own tables say, kept as a file, so that lists and refusals of settings need no PyTorch."""

import itertools
import json
import sys
import tomllib
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from nashpath.run.errors import SettingError
from nashpath.run.settings.names import Names, check_names
from nashpath.run.settings.overrides import Raw, asked, assign, parse_overrides
from nashpath.run.settings.points import points
from nashpath.run.settings.values import check_values

INDEX = Path(__file__).with_name("methods.json")
"""What `nashpath.cli.list_methods.described` returns (``make index`` writes it, a test compares)."""
GROUP = "nashpath.methods"
"""What `nashpath.run.settings.method_files.GROUP` is (a test): packages that add methods."""
MOST_POINTS = 100
"""Points of a sweep that are looked at before the run looks at all of them."""


def shipped_index(own: Sequence[Path] | None) -> dict[str, Any] | None:
    """What stands in the file; None where there are methods from outside, or may be."""
    if own or "nashpath.run.settings.register" in sys.modules or entry_points(group=GROUP):
        return None
    return json.loads(INDEX.read_text(encoding="utf-8"))


def check_known(
    verb: str, config: Path | None, texts: Sequence[str], swept: Sequence[str], own: Sequence[Path] | None
) -> None:
    """Refuses names that no setting and no method of the package has, and values that do not fit.

    Raises `SettingError`, in the words of the run.

    ``verb`` is train or flow. Of what is not sure here nothing is said: the run will. A file of another ending may be
    gigabytes of data, so it is not read here, and a recipe chooses the methods.
    """
    index = shipped_index(own)
    if index is None:
        return
    names, values = Names(**index[verb]["names"]), index[verb]["values"]
    try:
        if config and config.suffix != ".toml":
            given = _overridden({}, texts, names)
            check_values({name: given[name] for name in names.general if name in given}, names, values)
            return
        raw = tomllib.loads(config.read_text(encoding="utf-8-sig")) if config else {}
        if raw.keys() & {"with", "places"}:  # files that may add methods; the settings of a run that was made
            return
        for full in _points(raw, texts, swept, names) if verb == "train" else [_overridden(raw, texts, names)]:
            check_names(full, names)
            check_values(full, names, values)
    except SettingError:
        raise
    except (OSError, ValueError, RecursionError):
        return


def _points(raw: Raw, texts: Sequence[str], swept: Sequence[str], names: Names) -> Iterator[Raw]:
    raw, sweeps = asked(raw, texts, swept)
    for given, point in itertools.islice(points(raw, sweeps, names), MOST_POINTS):
        yield assign(given, point.items())


def _overridden(raw: Raw, texts: Sequence[str], names: Names) -> Raw:
    return assign(raw, parse_overrides(texts), names.rows)
