"""Populations for experiments: from settings (as `nashpath train` takes them) to members that train side by side."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from nashpath.run.engine.device import find_device
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import TrainState, Trial, outcome
from nashpath.run.settings.members import Member, plan
from nashpath.run.settings.overrides import Raw
from nashpath.run.training.assemble import build_groups, prepare
from nashpath.run.training.group import MemberGroup
from nashpath.studies.course import Course
from nashpath.studies.study import Size


class MemberState(NamedTuple):
    """The present state of one member: its settings and seed, its trial, its training state and its outcome so far."""

    member: Member
    trial: Trial
    train_state: TrainState
    outcome: str


class Population:
    """Members of all points of ``sweeps`` with seeds 0 to ``size.seeds - 1``, one program for each structure.

    ``settings`` are those of `nashpath train`; what changes numbers only is swept within one program. Members are
    stacked unless ``settings`` say ``stack="off"`` (better for convolutions), on the CPU unless they name a ``device``.
    Raises `SettingError` as the command does.
    """

    def __init__(self, settings: Raw, size: Size, sweeps: dict[str, list[Any]] | None = None):
        way = {"stack": "on", "compile": "on" if size.compiled else "off", "threads": 1}
        raw = {**way, **settings, "device": str(find_device(settings.get("device", "cpu")))}
        raw |= {"seeds": list(range(size.seeds)), "steps": max(1, size.steps)}
        self.members = plan(raw, sweeps or {})
        prepare(self.members, lambda progress: None)
        self.groups: list[MemberGroup] = build_groups(self.members, self.members[0].settings)
        self.course = Course([team.program for team in self.groups])

    def play(self, steps: int) -> None:
        """Trains every member for ``steps`` more steps."""
        self.course.play(steps)

    def look(self, read: Callable[[MemberState], Any]) -> list[Any]:
        """What ``read`` gives of each member now, in order, as plain JSON values.

        A cell that was paused and goes on is given what was read before (`nashpath.studies.course`).
        """
        return self.course.look(lambda: [read(member) for member in self])

    def __iter__(self) -> Iterator[MemberState]:
        """The members in their present state, in order; between two stretches of play use `look`."""
        self.course.check_present()
        seats = [seat for team in self.groups for seat in _seats(team.members, team.program)]
        return iter(sorted(seats, key=lambda seat: seat.member.index))


def alternating_adam(rate: float, b1: float = 0.5, b2: float = 0.999, turns: int = 1) -> dict[str, Any]:
    """Settings of play in turns by Adam at one rate; ``turns`` discriminator steps before each generator step."""
    rule = {"kind": "adam", "learning_rate": rate, "b1": b1, "b2": b2}
    return {"kind": "alternating", "discriminator_steps": turns, "discriminator": dict(rule), "generator": dict(rule)}


def split_steps(steps: int, looks: int) -> list[int]:
    """``looks`` numbers of steps that add up to ``steps``: how far to play between two looks."""
    ends = [round(steps * k / looks) for k in range(looks + 1)]
    return [b - a for a, b in pairwise(ends) if b > a]


def _seats(members: Sequence[Member], program: Program) -> list[MemberState]:
    trials = [(trial, program.train_state(i)) for i, trial in enumerate(program.trials)]
    return [
        MemberState(member, trial, train_state, outcome(trial, train_state))
        for member, (trial, train_state) in zip(members, trials)
    ]
