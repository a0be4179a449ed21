"""From members to programs: data made ready, trials built and looked at, stacked or not, spread over processes."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

from nashpath.core import Source
from nashpath.core.passes import told_apart
from nashpath.core.purity import check_game
from nashpath.core.source import Prepares
from nashpath.run.engine.autotune import Choice, choose, choose_threads
from nashpath.run.engine.device import Precision, precision_of
from nashpath.run.engine.memory import even, most_together, readable, step_bytes, within_caches
from nashpath.run.engine.program import Prepared, Program
from nashpath.run.engine.step import Trial
from nashpath.run.errors import SettingError
from nashpath.run.observe.metrics import reference_set_of
from nashpath.run.settings.build import build_source, build_trial, files_asked_once, own_methods
from nashpath.run.settings.classes import check_each_class
from nashpath.run.settings.diagnostics import build_diagnostics
from nashpath.run.settings.members import Member, by_structure
from nashpath.run.settings.model import General
from nashpath.run.settings.resolve import used
from nashpath.run.settings.sizes import check_draws, check_training, within_memory
from nashpath.run.training.group import MemberGroup, RunProgress
from nashpath.run.training.start_from import StartingPoints

if TYPE_CHECKING:
    from nashpath.run.engine.data_parallel import Ranks, Spread


@files_asked_once()
def prepare(members: list[Member], notify: Callable[[RunProgress], None]) -> list[Source]:
    """Lets each data set do its slow work (decoding, downloading) before training, and says so; returns them.

    Raises `SettingError` for data that lack a class which a game makes samples of.
    """
    wanted = [m.settings for m in members if "data" in used(m.settings)]
    every = [build_source(settings) for settings in wanted]
    sources = list({id(source): source for source in every}.values())
    for source in sources:
        if isinstance(source, Prepares):
            source.prepare(lambda done, total: notify(RunProgress(done, total, 0, 0, {}, 0.0, "reading the data")))
    for settings, source in zip(wanted, every):
        check_each_class(settings, source)
    return sources


@files_asked_once()
def build_groups(
    members: list[Member],
    settings: General,
    notify: Callable[[RunProgress], None] = lambda progress: None,
    sizes: Sequence[int] = (),
    ranks: "Ranks | None" = None,
    start: StartingPoints | None = None,
) -> list[MemberGroup]:
    """One program a structure, or several stacks of it where there are many members.

    The largest group decides how all of them are run. ``sizes`` are those of the programs of a run that goes on,
    ``ranks`` the processes over which batches are spread, ``start`` is what members begin with.
    """
    start = StartingPoints() if start is None else start
    device = torch.device(settings.device)
    precision = precision_of(settings.precision, device)
    built = [(group, build_trials(group, device, start)) for group in by_structure(members)]
    group, trials = max(built, key=lambda entry: len(entry[0]))
    spreads = [spread_over(ranks, games[0], settings, notify) for _, games in built]
    seeds = [m.seed for m in group]
    torch.set_num_threads(settings.threads or choose_threads(trials[0], seeds[0], precision))

    def say(doing: str) -> None:
        notify(RunProgress(0, settings.steps, 0, 0, {}, 0.0, doing))

    fitting, record = most_together(trials[0], len(trials)), settings.cuda_graph == "auto"
    compiles = settings.compile != "off"
    first = even(len(trials), within_caches(fitting, device, compiles), fitting * compiles)[0]
    choice = choose(trials, seeds, settings.steps, settings.stack, settings.compile, precision, say, first, record)
    choice = eager_where_differentiated(choice, settings.compile, spreads)
    most = within_caches(fitting, device, choice.compiled)
    left, groups = list(sizes), list[MemberGroup]()
    for (own, games), spread in zip(built, spreads):
        parts = even(len(own), most, fitting * choice.compiled) if choice.mode == "stacked" else [len(own)]
        if sizes:
            parts = _taken_from(left, len(own))
        ready: dict[int, Prepared] = {first: choice.ready} if choice.ready and games is trials else {}
        reason = f"{choice.reason}; {_told(parts, trials[0])}" if len(parts) > 1 else choice.reason
        begin = 0
        for part in parts:
            at = slice(begin, begin + part)
            group = _team(own[at], games[at], choice, reason, precision, ready.get(part), spread, record, say)
            start.resume_memory(group.members, group.program)
            ready.setdefault(part, group.program.prepared)
            groups.append(group)
            begin += part
    return groups


def spread_over(
    ranks: "Ranks | None", trial: Trial, settings: General, notify: Callable[[RunProgress], None]
) -> "Spread | None":
    """How batches of such trials are spread over the processes of a run, where there are several.

    Says whose gradient is not that of the whole batch.
    """
    if ranks is None:
        return None
    from nashpath.run.engine.data_parallel import Spread

    spread = Spread(ranks, trial)
    away = [f"the {who}'s by {size:.1g} of its length" for who, size in spread.differences().items()]
    if away:
        told = (
            f"statistics are those of each process's part of a batch: gradients differ from those of the whole one at "
            f"the start, {' and '.join(away)}"
        )
        notify(RunProgress(0, settings.steps, 0, 0, {}, 0.0, warning=told))
    return spread


def eager_where_differentiated(choice: Choice, asked: str, spreads: "Sequence[Spread | None]") -> Choice:
    """The choice for steps that are spread over processes, which were not yet so when it was measured.

    Raises `SettingError` where a step was to be compiled that cannot be.
    """
    spread = next((one for one in spreads if one is not None), None)
    if spread is None:
        return choice
    part = f"each of {spread.ranks.size} processes takes its part of every batch"
    if choice.compiled and any(one is not None and one.differentiates() for one in spreads):
        why = "a solver that differentiates the field is not compiled on several processes"
        if asked == "on":
            raise SettingError(f"compile=on: {why}; use compile=off, or one process")
        return Choice(choice.mode, False, f"{choice.reason}; eager: {why}; {part}")
    return Choice(choice.mode, choice.compiled, f"{choice.reason}; {part}")


def _taken_from(sizes: list[int], count: int) -> list[int]:
    """The first of ``sizes`` that make ``count`` together, taken off; all of ``count`` where they do not."""
    found: list[int] = []
    while sizes and sum(found) < count:
        found.append(sizes.pop(0))
    return found if sum(found) == count else [count]


def _told(parts: list[int], trial: Trial) -> str:
    """How many stacks there are, and what memory they take."""
    held, passing = step_bytes(trial)
    kept, working = readable(held * sum(parts)), readable(passing * max(parts))
    return f"{len(parts)} stacks of {max(parts)}, about {kept} for the members and {working} for a step of one stack"


def build_trials(group: list[Member], device: torch.device, start: StartingPoints | None = None) -> list[Trial]:
    """The members' games and solvers. The first is built, and measured, before memory is taken for the others.

    ``start`` is what they begin with in place of weights of their own.
    """
    settings, weights = group[0].settings, {} if start is None else start.weights

    def built(member: Member) -> Trial:
        return build_trial(member.settings, member.seed, device, start=weights.get(member.index))

    with within_memory(settings):
        first = built(group[0])
    fitting = most_together(first, len(group)) if settings.stack == "on" else 1
    check_training(settings, first, len(group), within_caches(fitting, device, settings.compile != "off"))
    check_draws(settings, first)
    try:
        check_game(first.game, len(group))
    except ValueError as error:
        raise SettingError(f"{error}{own_methods(settings, str(error))}") from error
    trials = [first, *map(built, group[1:])]
    for member, trial in zip(group[1:], trials[1:]):
        told = told_apart(first, trial, f"that of seed {member.seed}", f"the member of seed {group[0].seed}")
        if told:
            raise SettingError(f"{told}, or give each a run of its own")
    return trials


def _team(
    members: list[Member],
    trials: list[Trial],
    choice: Choice,
    reason: str,
    precision: Precision,
    ready: Prepared | None,
    spread: "Spread | None",
    record: bool,
    say: Callable[[str], None],
) -> MemberGroup:
    """One group and its program, which takes over a step that is ``ready``."""
    mode = choice.mode if len(members) > 1 else "looped"
    diagnostics = build_diagnostics(members[0].settings.diagnostics, trials[0].game)
    program = Program(trials, [m.seed for m in members], mode, choice.compiled, precision, ready, spread, record)
    reference_set = reference_set_of(members[0].settings, trials[0], say)
    return MemberGroup(members, program, reason, list(diagnostics.values()), reference_set)
