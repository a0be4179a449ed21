"""Members that share a program, with what is read of them through training; and where a run stands."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor

from nashpath.diagnostics import Diagnostic
from nashpath.run.engine.program import Program
from nashpath.run.observe.metrics import ReferenceSet
from nashpath.run.settings.members import Member


@dataclass
class RunProgress:
    """Where training stands: the step of all members, the median cost of each player, and the rate."""

    step: int
    total: int
    alive: int
    members: int
    costs: dict[str, float]
    steps_per_second: float
    message: str = ""
    warning: str = ""


@dataclass
class MemberGroup:
    """One group of members and the program that trains them."""

    members: list[Member]
    program: Program
    chosen: str
    """Why it is run as it is, as far as that was known before the first step."""
    diagnostics: list[Diagnostic] = field(default_factory=list)
    reference_set: ReferenceSet | None = None
    latents: dict[int, Tensor] = field(default_factory=dict)
    """Latents of the samples that are evaluated, by the game's `id`: the same each time."""

    @property
    def reason(self) -> str:
        """Why it is run as it is, in words."""
        recordings = self.program.recordings
        return f"{self.chosen}; {recordings.told}" if recordings is not None and recordings.told else self.chosen

    @cached_property
    def measured(self) -> set[str]:
        """The numbers that the metrics of the settings give; a look at samples leaves these to them."""
        return set(self.reference_set.numbers) if self.reference_set else set()


def in_order(groups: Sequence[MemberGroup]) -> list[tuple[Member, MemberGroup, int]]:
    """Every member with its group and its place in it, in member order."""
    found = [(m, group, i) for group in groups for i, m in enumerate(group.members)]
    return sorted(found, key=lambda entry: entry[0].index)
