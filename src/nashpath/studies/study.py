"""A study: experiments that measure rows, and claims that judge them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from nashpath.core import did_you_mean
from nashpath.run import SettingError
from nashpath.studies.claim import Claim
from nashpath.studies.figures import Figure
from nashpath.studies.rows import Row

SCALES = ("quick", "default", "real", "full")
Cell = Mapping[str, Any]
"""One condition of an experiment; it is measured at once, by one process, and its entries are in all of its rows."""


@dataclass(frozen=True)
class Size:
    """The size of an experiment at one scale: seeds 0 to ``seeds - 1``, training ``steps``, and what else it asks for.

    ``compiled`` says whether programs are compiled: it costs 10 to 30 seconds a cell and halves the time or better.
    """

    seeds: int
    steps: int = 0
    compiled: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Experiment:
    """``measure(cell, size)`` returns the rows of one cell; ``about`` is the set-up in words.

    ``sizes`` has one `Size` for each scale at which the experiment is run.
    """

    name: str
    about: str
    measure: Callable[[Cell, Size], Iterable[Row]]
    sizes: Mapping[str, Size]
    cells: Sequence[Cell] = ({},)
    figures: Sequence[Figure] = ()

    def __post_init__(self) -> None:
        unknown = set(self.sizes) - set(SCALES)
        if unknown or not self.sizes or not self.cells:
            raise ValueError(f"experiment {self.name}: sizes must be of {', '.join(SCALES)}, and cells not empty")

    def condition(self, cell: int) -> str:
        """A cell in words."""
        return ", ".join(f"{key}={value}" for key, value in self.cells[cell].items())

    def resized(self, scale: str, options: Mapping[str, Any]) -> "Experiment":
        """The experiment with those of the ``options`` that it has, at one scale."""
        size = self.sizes[scale]
        plain = {key: value for key, value in options.items() if key != "options" and hasattr(size, key)}
        own = {key: options.get(key, value) for key, value in size.options.items()}
        return replace(self, sizes={**self.sizes, scale: replace(size, **plain, options=own)})


@dataclass(frozen=True)
class Study:
    """One paper: its experiments, and its claims with their criteria."""

    name: str
    title: str
    paper: str
    experiments: Sequence[Experiment]
    claims: Sequence[Claim]

    def __post_init__(self) -> None:
        names = [experiment.name for experiment in self.experiments]
        for kind, given in (("experiment", names), ("claim", [claim.name for claim in self.claims])):
            twice = sorted({name for name in given if given.count(name) > 1})
            if twice:
                raise ValueError(f"study {self.name}: {kind} {', '.join(twice)} is there twice")
        for claim in self.claims:
            if claim.experiment not in names:
                raise ValueError(f"study {self.name}: claim {claim.name} rests on no experiment {claim.experiment!r}")

    def adjusted(self, scale: str, options: Mapping[str, Any]) -> "Study":
        """The study with other sizes at a scale: ``seeds``, ``steps``, ``compiled``, or an option of an experiment.

        Raises `SettingError` for an option that no experiment has, and for seeds or steps that are no such number.
        """
        if not self.experiments_at(scale):
            raise SettingError(f"{self.name} has no experiment at {scale} scale")
        sizes = [experiment.sizes[scale] for experiment in self.experiments_at(scale)]
        known = [
            *(f.name for f in fields(Size) if f.name != "options"),
            *(key for size in sizes for key in size.options),
        ]
        for key in options:
            if key not in known:
                raise SettingError(f"{key}: {self.name} has no such option.{did_you_mean(key, known)}")
        for key, least in (("seeds", 1), ("steps", 0)):
            value = options.get(key, least)
            if type(value) is not int or value < least:
                raise SettingError(f"{key} = {value}: expected a whole number, {least} or more")
        experiments = [e if scale not in e.sizes else e.resized(scale, options) for e in self.experiments]
        return replace(self, experiments=experiments)

    def experiments_at(self, scale: str) -> list[Experiment]:
        """The experiments that are run at a scale."""
        return [experiment for experiment in self.experiments if scale in experiment.sizes]

    def cells_at(self, scale: str) -> list[tuple[Experiment, int]]:
        """Every cell at a scale, by its experiment and its number there, in order."""
        return [(experiment, k) for experiment in self.experiments_at(scale) for k in range(len(experiment.cells))]

    def claims_at(self, scale: str) -> list[Claim]:
        """The claims that are judged at a scale."""
        return [claim for claim in self.claims if scale in claim.scales]
