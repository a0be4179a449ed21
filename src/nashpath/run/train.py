"""Starting and resuming runs from settings, and training games of one's own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nashpath.core import Game
from nashpath.diagnostics import Diagnostic
from nashpath.run.alike import difference
from nashpath.run.build import build_source, build_trial
from nashpath.run.by_name import build_diagnostics
from nashpath.run.choose import Choice, choose
from nashpath.run.events import Events
from nashpath.run.measure import yardstick_of
from nashpath.run.members import Member, groups, plan, record
from nashpath.run.overrides import Raw, SettingError
from nashpath.run.program import Program, never
from nashpath.run.resolve import used
from nashpath.run.session import Session
from nashpath.run.settings import General
from nashpath.run.step import Trial, outcome
from nashpath.run.store import Store
from nashpath.run.team import Progress, Team
from nashpath.run.threads import choose_threads
from nashpath.run.view import place
from nashpath.run.watch import watch
from nashpath.solvers import Solver

FREE = {"steps", "tensorboard", "diagnostics", "metrics", "features"} | {
    f"{what}_every" for what in ("log", "sample", "checkpoint", "diagnose", "evaluate")
}
"""Settings that a resumed run may change."""


def open_session(
    raw: Raw,
    sweeps: dict[str, list[Any]],
    folder: Path,
    notify: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = never,
) -> Session:
    """A fresh run in ``folder``: members planned, built, and the way to run them chosen and written down.

    ``raw`` are settings as a TOML file holds them, ``sweeps`` the values to cross by key. Raises `SettingError`.
    """
    store = Store(folder)
    if store.exists():
        raise SettingError(f"{folder} already holds a run; add --resume to continue it, or choose another --out")
    members = plan(raw, sweeps)
    settings = members[0].settings
    _settle(members, device=str(find_device(settings.device)))
    events = Events(folder / "events") if settings.tensorboard else None
    prepare(members, notify)
    teams = build_teams(members, settings)
    stacked = any(team.program.mode == "stacked" for team in teams)
    _settle(members, stack=_switch(stacked), compile=_switch(teams[0].program.compiled))
    _settle(members, threads=torch.get_num_threads())
    store.create({**record(raw, members), **({"sweep": sweeps} if sweeps else {})})
    return Session(store, teams, folder.name, notify, stop, events)


def _settle(members: list[Member], **chosen: str | int) -> None:
    """Writes what was found out into every member's settings, in place."""
    for member in members:
        for name, value in chosen.items():
            setattr(member.settings, name, value)


def _switch(on: bool) -> str:
    return "on" if on else "off"


def resume_session(
    folder: Path,
    changes: list[tuple[str, Any]],
    notify: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = never,
) -> Session:
    """The run in ``folder``, where its last checkpoint left it; ``changes`` may name settings in `FREE` only."""
    store = Store(folder)
    if not store.exists():
        raise SettingError(f"{folder} holds no run to resume; leave out --resume to start one there")
    raw = store.read_config()
    for key, value in changes:
        if key not in FREE and raw.get(key) != value:
            free = ", ".join(sorted(FREE))
            raise SettingError(f"{key}: a resumed run keeps its settings, except {free}; start anew in another --out")
        raw[key] = value
    sweeps = raw.pop("sweep", {})
    members = plan(raw, sweeps)
    settings = members[0].settings
    find_device(settings.device)
    session = Session(store, build_teams(members, settings), folder.name, notify, stop)
    session.restore()
    session.events = Events(folder / "events", session.taken) if settings.tensorboard else None
    store.create({**raw, **({"sweep": sweeps} if sweeps else {})})
    return session


def prepare(members: list[Member], notify: Callable[[Progress], None]) -> None:
    """Lets each data set do its slow work (decoding, downloading) before training, and says so."""
    sources = [build_source(m.settings) for m in members if "data" in used(m.settings)]
    for source in {id(source): source for source in sources}.values():
        ready = getattr(source, "prepare", None)
        if ready is not None:
            ready(lambda done, total: notify(Progress(done, total, 0, 0, {}, 0.0, "reading the data")))


def build_teams(members: list[Member], settings: General) -> list[Team]:
    """One program a structure; the largest group decides how all of them are run."""
    device, precision = torch.device(settings.device), precision_of(settings.precision)
    built = [(group, [build_trial(m.settings, m.seed, device) for m in group]) for group in groups(members)]
    group, trials = max(built, key=lambda entry: len(entry[0]))
    seeds = [m.seed for m in group]
    torch.set_num_threads(settings.threads or choose_threads(trials[0], seeds[0], precision))
    choice = choose(trials, seeds, settings.steps, settings.stack, settings.compile, precision)
    return [_team(group, trials, choice, precision) for group, trials in built]


def _team(members: list[Member], trials: list[Trial], choice: Choice, precision: torch.dtype | None) -> Team:
    mode = choice.mode if len(members) > 1 else "looped"
    diagnostics = build_diagnostics(members[0].settings.diagnostics, trials[0].game)
    program = Program(trials, [m.seed for m in members], mode, choice.compiled, precision)
    yardstick = yardstick_of(members[0].settings, trials[0])
    return Team(members, program, choice.reason, list(diagnostics.values()), yardstick)


def find_device(name: str) -> torch.device:
    """The device that is called ``name``; ``auto`` is a GPU if there is one. Raises `SettingError` if there is not."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise SettingError(f"device: {name!r} is no device; use auto, cpu, cuda or cuda:N") from None
    if device.type not in ("cpu", "cuda"):
        raise SettingError(f"device: {name!r} is not supported; use auto, cpu, cuda or cuda:N")
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and not found:
        raise SettingError("device: cuda was asked for, but PyTorch finds no usable GPU here; use device=cpu or auto")
    if device.type == "cuda" and (device.index or 0) >= found:
        raise SettingError(f"device: there is no {name}; PyTorch finds cuda:0 to cuda:{found - 1}")
    return device


def precision_of(name: str) -> torch.dtype | None:
    """The dtype of mixed precision, or None for full precision."""
    return {"fp32": None, "bf16": torch.bfloat16}[name]


@dataclass(frozen=True)
class Trained:
    """What `train` gives back: the game, its networks (trained in place) and what happened."""

    game: Game
    outcome: str
    steps: int
    history: list[dict[str, float]]
    averages: dict[str, dict[str, torch.Tensor]]

    @property
    def generator(self) -> nn.Module:
        """The trained generator, the very module that was given to the game."""
        return self.game.get_submodule("generator")

    @property
    def discriminator(self) -> nn.Module:
        """The trained discriminator."""
        return self.game.get_submodule("discriminator")


def train(
    game: Game,
    solver: Solver,
    steps: int,
    seed: int = 0,
    log_every: int = 0,
    compile: bool = False,
    precision: torch.dtype | None = None,
    notify: Callable[[dict[str, float]], None] = lambda row: None,
    diagnostics: Sequence[Diagnostic] = (),
) -> Trained:
    """Plays ``game`` with ``solver`` for ``steps`` steps, on the device where the game's parameters are.

    The game's modules are trained in place. ``seed`` seeds all draws. ``history`` has a row every ``log_every`` steps
    (by default a hundred rows) with the readings of ``diagnostics``; ``notify`` receives each, too. A game that leaves
    the finite numbers stays at its last finite state, and ``outcome`` says which player left, and when.
    """
    return train_many([game], [solver], steps, [seed], log_every, compile, precision, notify, diagnostics=diagnostics)[
        0
    ]


def train_many(
    games: Sequence[Game],
    solvers: Sequence[Solver],
    steps: int,
    seeds: Sequence[int],
    log_every: int = 0,
    compile: bool = False,
    precision: torch.dtype | None = None,
    notify: Callable[[dict[str, float]], None] = lambda row: None,
    stack: bool = True,
    diagnostics: Sequence[Diagnostic] = (),
) -> list[Trained]:
    """`train` for several games of one structure at once, stacked; each equals its solo run.

    Raises `ValueError` if the numbers of games, solvers and seeds differ, or if the games differ in structure.
    """
    if not len(games) == len(solvers) == len(seeds) > 0:
        given = f"{len(games)} games, {len(solvers)} solvers and {len(seeds)} seeds"
        raise ValueError(f"{given}; give one of each for every member")
    trials = [Trial(game, solver) for game, solver in zip(games, solvers)]
    for trial in trials[1:]:
        differs = difference(trials[0], trial)
        if differs:
            raise ValueError(f"the members differ in structure, at {differs}; train each kind in a call of its own")
    for trial in trials:
        trial.solver.to(next(trial.game.parameters()).device)
    program = Program(trials, seeds, "stacked" if stack and len(trials) > 1 else "looped", compile, precision)
    every = log_every or max(1, steps // 100)
    histories: list[list[dict[str, float]]] = [[] for _ in trials]
    while program.taken < steps and program.alive():
        program.run(min(steps, (program.taken // every + 1) * every) - program.taken)
        seen = watch(program, seeds, diagnostics) if diagnostics else [{}] * len(trials)
        for history, row, readings in zip(histories, program.info(), seen):
            history.append({"step": program.taken, **row, **readings})
            notify(history[-1])
    return [_finish(program, i, history) for i, history in enumerate(histories)]


def _finish(program: Program, member: int, history: list[dict[str, float]]) -> Trained:
    trial, carry = program.trials[member], program.carry(member)
    place(trial, carry, averaged=False)
    taken = int(carry.steps)
    rows = [row for row in history if row["step"] <= taken]
    return Trained(trial.game, outcome(trial, carry), taken, rows, trial.solver.averages(carry.memory))
