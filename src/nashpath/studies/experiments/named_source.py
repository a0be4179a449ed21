"""Data sets by name and options, as an experiment's size gives them."""

from typing import Any

from nashpath.data import SOURCES


def named_source(chosen: dict[str, Any]) -> Any:
    """The data set of ``{"kind": name, **options}``."""
    options = dict(chosen)
    return SOURCES[options.pop("kind")](**options)
