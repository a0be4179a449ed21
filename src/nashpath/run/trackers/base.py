"""What a tracker is: where the numbers of a run go beside its folder, to follow many runs in one place."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

WHERE = ("step", "member", "seconds", "train_seconds")
"""What of a row says where it belongs, and is no measurement."""


@dataclass(frozen=True)
class Tracked:
    """The run that is tracked. Each member that is tracked is a run of the tracker."""

    folder: Path
    project: str
    configs: Mapping[int, Mapping[str, Any]]
    """The settings of each member that is tracked, by dotted key."""
    start: int = 0
    """Steps that were taken when this part of the run began."""
    known: Mapping[int, str] = field(default_factory=dict)
    """The names of the tracker's runs that earlier parts of this run began, by member."""

    @property
    def group(self) -> str:
        """What the tracker's runs of all members are found under."""
        return self.folder.absolute().name

    def title(self, member: int) -> str:
        """What people read as the name of a member's run."""
        return self.group if len(self.configs) == 1 else f"{self.group} member {member}"

    def key(self, member: int) -> str:
        """A name of the tracker's run that no other run has: the one of an earlier part, or a new one."""
        return self.known.get(member) or uuid4().hex[:16]


class Tracker(ABC):
    """Where the numbers of a run go beside its folder; one run of the tracker a member.

    The constructor opens, or opens again, the tracker's runs, and ``runs`` names them, so that a resumed run goes on in
    the same ones. Any method may raise: training goes on without the tracker (`nashpath.run.training.tracking`).
    """

    module = ""
    """What `import` must find."""
    extra = ""
    """The extra of the package that installs it."""
    every_member = False
    """Whether it takes all members of a run of hundreds; else those alone whose samples are saved."""

    def __init__(self, tracked: Tracked):
        self.tracked, self.runs = tracked, dict(tracked.known)

    @classmethod
    def library(cls) -> Any:
        """What it tracks with, imported. Raises `ImportError`."""
        return import_module(cls.module or "builtins")

    @abstractmethod
    def scalars(self, member: int, step: int, values: Mapping[str, float]) -> None:
        """Adds what one row of ``metrics.jsonl`` measured of a member: finite numbers by name (``cost/generator``)."""

    def picture(self, member: int, step: int, pixels: np.ndarray) -> None:  # noqa: B027
        """Adds a sheet of samples, bytes [height, width, 1 or 3]; a tracker without pictures leaves it."""

    @abstractmethod
    def close(self, outcomes: Mapping[int, str]) -> None:
        """Writes what is still in memory, and each member's outcome: ``finished``, ``stopped``, ``diverged: …``."""


def finite_numbers(row: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers of a row, each under its group: ``cost.generator`` as ``cost/generator``."""
    return {
        key.replace(".", "/", 1): value
        for key, value in row.items()
        if key not in WHERE and isinstance(value, int | float) and math.isfinite(value)
    }
