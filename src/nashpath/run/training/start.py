"""Starting and resuming runs from settings, and training games of one's own."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from nashpath.core import Source
from nashpath.core.passes import told_apart
from nashpath.core.purity import check_game
from nashpath.core.source import Prepares
from nashpath.run.engine.autotune import Choice, choose, choose_threads
from nashpath.run.engine.device import Precision, find_device, precision_of
from nashpath.run.engine.interrupt import interruptible
from nashpath.run.engine.memory import even, most_together, readable, step_bytes
from nashpath.run.engine.program import Prepared, Program, never
from nashpath.run.engine.step import Trial
from nashpath.run.errors import SettingError
from nashpath.run.folder.checkpoint import read_meta
from nashpath.run.folder.identity import (
    FREE,
    changed_settings,
    flat_settings_of,
    identity_of,
    other_data,
    since,
)
from nashpath.run.folder.outputs import check_new
from nashpath.run.folder.places import absolute_sweeps, find_data, remember_data
from nashpath.run.folder.run_folder import RunFolder
from nashpath.run.observe.metrics import reference_set_of
from nashpath.run.settings.build import build_source, build_trial
from nashpath.run.settings.diagnostics import build_diagnostics
from nashpath.run.settings.flow import is_flow
from nashpath.run.settings.members import Member, by_structure, chosen_rows, plan, record
from nashpath.run.settings.method_files import Entry, MethodFile, load_methods, origins, recall, renewed
from nashpath.run.settings.model import General
from nashpath.run.settings.overrides import Changes, Raw, assign, pairs_of
from nashpath.run.settings.resolve import dump, used
from nashpath.run.settings.sizes import check_draws, check_training, within_memory
from nashpath.run.training.group import MemberGroup, RunProgress
from nashpath.run.training.recorder import Recorder
from nashpath.run.training.resume import begins_again, claimed, device_here, device_kind, differences, told
from nashpath.run.training.session import Session
from nashpath.run.training.start_from import StartingPoints, starting_points
from nashpath.run.training.tracking import check_installed

if TYPE_CHECKING:
    from nashpath.run.engine.data_parallel import Ranks, Spread


def open_session(
    raw: Raw,
    sweeps: dict[str, list[Any]],
    folder: str | Path,
    notify: Callable[[RunProgress], None] = lambda progress: None,
    stop: Callable[[], bool] = never,
    ranks: "Ranks | None" = None,
) -> Session:
    """A fresh run in ``folder``: members planned, built, and the way to run them chosen and written down.

    ``raw`` are settings as a TOML file holds them, ``sweeps`` the values to cross by key; ``raw["with"]`` names files
    that register methods. ``ranks`` are the processes over which batches are spread. Raises `SettingError`.
    """
    folder = Path(folder)
    store = RunFolder(folder)
    if store.exists():
        raise SettingError(f"{folder} already holds a run; add --resume to continue it, or choose another --out")
    check_new(folder)
    raw = dict(raw)
    files = begin_with(raw.pop("with", []))
    sweeps = absolute_sweeps(sweeps)
    members = plan(raw, sweeps)
    part = members[0].settings.part
    every = plan({**raw, "part": ""}, sweeps) if part else members
    methods = origins(chosen_rows(every), files)
    settings = members[0].settings
    own = [*members, *every] if part else members
    _settle(own, device=str(find_device(settings.device)))
    with claimed(store):
        check_installed(settings.track)
        before = _recorded(raw, every, part)
        about = identity_of(before, sweeps, methods, settings.device)  # before the data's slow work
        with interruptible(stop):  # nothing is written yet
            start = starting_points(members, len(every))
            sources = prepare(members, notify)
            groups = build_groups(members, settings, notify, ranks=ranks, start=start)
        del sources  # from here on the games hold them
        stacked = any(group.program.mode == "stacked" for group in groups)
        _settle(own, stack=_switch(stacked), compile=_switch(groups[0].program.compiled))
        _settle(own, threads=torch.get_num_threads(), start_digest=start.about.get("sha256", ""))
        full = _recorded(raw, every, part)
        about = {**about, "settings": flat_settings_of({**full, "sweep": sweeps})}
        about |= {"start": start.about} if start.about else {}
        store.create(remember_data(_config(full, sweeps, methods), folder))
        session = Session(Recorder(store, groups, notify, methods=methods, stands_on=about), stop, ranks)
        session.recorder.track()
        if start.about:
            session.checkpoint()  # from here on the run needs no other one
        return session


def begin_with(named: Any) -> list[MethodFile]:
    """Executes the files that settings name under ``with``, and finds those that a run's ``config.toml`` remembers.

    Raises `SettingError`.
    """
    if not isinstance(named, list) or not all(isinstance(one, str | dict) for one in named):
        raise SettingError(f'with: expected a list of files that register methods, such as ["own.py"], got {named!r}')
    recall([one for one in named if isinstance(one, dict)])
    return [load_methods(Path(one)) for one in named if isinstance(one, str)]


def _recorded(raw: Raw, every: list[Member], part: str) -> Raw:
    """The settings to write down, which are those of the whole run, and which part of it this is."""
    found = record(raw, every)
    return {**found, "part": part} if part else found


def _config(raw: Raw, sweeps: dict[str, list[Any]], methods: list[Entry]) -> Raw:
    """What ``config.toml`` holds: settings, then sweeps, and where methods of one's own come from."""
    return {**raw, **({"sweep": sweeps} if sweeps else {}), **({"with": methods} if methods else {})}


def _settle(members: list[Member], **chosen: str | int) -> None:
    """Writes what was found out into every member's settings, in place."""
    for member in members:
        for name, value in chosen.items():
            setattr(member.settings, name, value)


def _switch(on: bool) -> str:
    return "on" if on else "off"


def resume_session(
    folder: str | Path,
    changes: Changes,
    notify: Callable[[RunProgress], None] = lambda progress: None,
    stop: Callable[[], bool] = never,
    accept_changes: bool = False,
    data_path: str | Path | None = None,
    ranks: "Ranks | None" = None,
) -> Session:
    """The run in ``folder``, where its last checkpoint left it; ``changes`` (a mapping, or pairs) may name settings in
    `FREE` only.

    Where ``config.toml`` or the data are not those that the checkpoint stands on it refuses, with the differences,
    unless told to ``accept_changes``, which the run then records; ``changes`` may then name any setting.
    ``data_path`` says where its data are now. Raises `SettingError`, `CheckpointError`, or `FolderError` where another
    process writes the folder.
    """
    folder, changes = Path(folder), pairs_of(changes)
    data_path = None if data_path is None else Path(data_path)
    store = RunFolder(folder)
    if not store.exists():
        raise SettingError(f"{folder} holds no run to resume ({store.lacks}); leave out --resume to start one there")
    with claimed(store):
        raw = find_data(store.read_config(), folder, data_path)
        if is_flow(raw):
            raise SettingError(f"{folder} holds a flow; resume it with: nashpath flow --resume --out {folder}")
        remembered, sweeps = raw.pop("with", []), raw.pop("sweep", {})
        recall(remembered, folder)
        stored, again = read_meta(store), begins_again(store, "train", raw.get("start_from", ""))
        with store.configured():
            raw |= {key: value for key, value in changes if key in FREE}
            members = plan(raw, sweeps)
        raw, members = _changed(folder, raw, sweeps, members, changes, accept_changes)
        settings = members[0].settings
        device = device_here(settings.device, "device" in dict(changes), stored)
        _settle(members, device=device)
        raw["device"] = device
        if "device" in stored.get("identity", {}) and device_kind(device) != device_kind(stored["identity"]["device"]):
            _settle(members, compile="auto")  # what pays there need not pay, or be possible, here
        methods = renewed(remembered, chosen_rows(members))
        about = identity_of(raw, sweeps, methods, device)
        about |= since(stored, about)
        said = differences(store, stored, about, accept_changes)
        taken = max(stored.get("taken", [0]))
        if settings.steps < taken:
            raise SettingError(f"steps: the run has taken {taken} steps already; {settings.steps} are fewer")
        with told(), interruptible(stop):
            groups = build_groups(members, settings, notify, stored.get("sizes", ()), ranks)
        raw["compile"] = _switch(groups[0].program.compiled)
        recorder = Recorder(store, groups, notify, methods=methods, stands_on=about)
        recorder.changes = [*stored.get("changes", []), *(f"resumed at step {taken}: {one}" for one in said)]
        for one in [*again, *recorder.changes[len(stored.get("changes", [])) :]]:
            notify(RunProgress(taken, settings.steps, 0, 0, {}, 0.0, warning=one))
        session = Session(recorder, stop, ranks)
        session.restore()
        store.warn_if_unchecked()
        store.create(remember_data(_config(raw, sweeps, methods), folder))
        if other_data(stored.get("identity", {}), about):
            recorder.write_reference()
            session.checkpoint()  # from here on the run is one of these data
        recorder.track()
        return session


def _changed(
    folder: Path,
    raw: Raw,
    sweeps: dict[str, list[Any]],
    members: list[Member],
    changes: list[tuple[str, Any]],
    accepted: bool,
) -> tuple[Raw, list[Member]]:
    """A run's settings and members with the changes that are not `FREE`, where those are ``accepted``.

    Raises `SettingError` where they are not, and would give others than it has.
    """
    others = [change for change in changes if change[0] not in FREE]
    if not (accepted and others):
        _check_kept(others, raw, sweeps, members)
        return raw, members
    if raw.get("part"):
        raise SettingError(f"{others[0][0]}: {folder} is a part of a run, and keeps the settings of the whole")
    changed = plan(assign(raw, others), sweeps)
    if len(changed) != len(members):
        raise SettingError(
            f"{', '.join(key for key, _ in others)}: {folder} has {_counted(members)}, not {_counted(changed)}, and "
            f"keeps them; {OTHER_MEMBERS}"
        )
    return record(assign(raw, others), changed), changed


def _check_kept(changes: list[tuple[str, Any]], raw: Raw, sweeps: dict[str, list[Any]], members: list[Member]) -> None:
    """Raises `SettingError` where changes of settings that a run keeps would give others than its members have."""
    if not changes:
        return
    other = assign(raw, changes)
    changed = plan(other, sweeps)
    if [(one.seed, dump(one.settings)) for one in members] == [(one.seed, dump(one.settings)) for one in changed]:
        return
    old, new = ({"settings": flat_settings_of(record(*those))} for those in ((raw, members), (other, changed)))
    said = "; ".join(changed_settings(old, new)) or "where its data are now is said by --data-path"
    accept = (
        "leave it out, start anew in another --out, or go on with the change: --accept-changes (the run records it)"
    )
    cure = accept if len(members) == len(changed) else OTHER_MEMBERS
    raise SettingError(
        f"{', '.join(key for key, _ in changes)}: a resumed run keeps its settings, except {', '.join(sorted(FREE))} "
        f"({said}); {cure}"
    )


OTHER_MEMBERS = "leave it out; a run of those seeds needs its own --out"


def _counted(members: list[Member]) -> str:
    return f"{len(members)} member{'s' * (len(members) > 1)}"


def prepare(members: list[Member], notify: Callable[[RunProgress], None]) -> list[Source]:
    """Lets each data set do its slow work (decoding, downloading) before training, and says so; returns them."""
    every = [build_source(m.settings) for m in members if "data" in used(m.settings)]
    sources = list({id(source): source for source in every}.values())
    for source in sources:
        if isinstance(source, Prepares):
            source.prepare(lambda done, total: notify(RunProgress(done, total, 0, 0, {}, 0.0, "reading the data")))
    return sources


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

    most = most_together(trials[0], len(trials))
    first, record = even(len(trials), most)[0], settings.cuda_graph == "auto"
    choice = choose(trials, seeds, settings.steps, settings.stack, settings.compile, precision, say, first, record)
    choice = eager_where_differentiated(choice, settings.compile, spreads)
    left, groups = list(sizes), list[MemberGroup]()
    for (own, games), spread in zip(built, spreads):
        parts = even(len(own), most) if choice.mode == "stacked" else [len(own)]
        if sizes:
            parts = _taken_from(left, len(own))
        ready: dict[int, Prepared] = {first: choice.ready} if choice.ready and games is trials else {}
        reason = f"{choice.reason}; {_told(parts, trials[0])}" if len(parts) > 1 else choice.reason
        begin = 0
        for part in parts:
            at = slice(begin, begin + part)
            group = _team(own[at], games[at], choice, reason, precision, ready.get(part), spread, record)
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
    check_training(settings, first, len(group), most_together(first, len(group)) if settings.stack == "on" else 1)
    check_draws(settings, first)
    try:
        state = check_game(first.game, len(group))
    except ValueError as error:
        raise SettingError(str(error)) from error
    if state:
        warnings.warn(f"{state}; else a run that is resumed is not the run that was never stopped", stacklevel=2)
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
) -> MemberGroup:
    """One group and its program, which takes over a step that is ``ready``."""
    mode = choice.mode if len(members) > 1 else "looped"
    diagnostics = build_diagnostics(members[0].settings.diagnostics, trials[0].game)
    program = Program(trials, [m.seed for m in members], mode, choice.compiled, precision, ready, spread, record)
    reference_set = reference_set_of(members[0].settings, trials[0])
    return MemberGroup(members, program, reason, list(diagnostics.values()), reference_set)
