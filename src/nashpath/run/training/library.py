"""Training games of one's own: `train` and `train_many`."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from nashpath.core import Game, Whole, checks_arguments
from nashpath.core.game import check_own
from nashpath.core.memory import shared
from nashpath.core.passes import told_apart
from nashpath.core.purity import check_game, check_precision
from nashpath.core.torch_compat import kind_of, other_names
from nashpath.diagnostics import Diagnostic
from nashpath.run.engine.device import check_mixed
from nashpath.run.engine.interrupt import ending_by_ctrl_c
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import TrainState, Trial
from nashpath.run.observe.diagnostics import watch
from nashpath.run.observe.snapshot import place
from nashpath.solvers import Solver


@dataclass(frozen=True, repr=False)
class PlayedGame:
    """A game after training, and its two networks."""

    game: Game
    outcome: str
    steps: int

    def __repr__(self) -> str:
        """What it is and what became of it, in a line; the networks are printed by themselves."""
        told = "".join(f", {one}" for one in self._told())
        return f"<{type(self).__name__} {type(self.game).__name__}: {self.outcome}, {self.steps:,} steps{told}>"

    def _told(self) -> list[str]:
        return []

    @property
    def generator(self) -> nn.Module:
        """The trained generator, from ``[n, latent]`` to samples ``[n, *shape]``: the module inside the game.

        It is in training mode as there: call ``.eval()`` before using it where batches are normalised.
        """
        return self.game.get_submodule("generator")

    @property
    def discriminator(self) -> nn.Module:
        """The trained discriminator, from samples to logits."""
        return self.game.get_submodule("discriminator")


@dataclass(frozen=True, repr=False)
class Trained(PlayedGame):
    """What `train` gives back: the game, its networks (trained in place) and what happened.

    ``outcome`` is ``finished``, ``stopped`` (by Ctrl-C, after ``steps``), or which player left the finite numbers.
    ``averages`` has a state dict for each player that the solver averages: its averaged weights and running statistics.
    """

    history: list[dict[str, float]]
    averages: dict[str, dict[str, torch.Tensor]]

    def _told(self) -> list[str]:
        last = self.history[-1] if self.history else {}
        costs = [f"{key.removeprefix('cost.')} {value:.3g}" for key, value in last.items() if key.startswith("cost.")]
        kept = [f"averages of the {' and '.join(self.averages)}"] if self.averages else []
        return [*([f"costs: {', '.join(costs)}"] if costs else []), *kept]


@checks_arguments
def train(
    game: Game,
    solver: Solver,
    steps: Whole,
    seed: Whole = 0,
    log_every: Whole = 0,
    compile: bool = False,
    precision: torch.dtype | None = None,
    notify: Callable[[dict[str, float]], None] = lambda row: None,
    diagnostics: Sequence[Diagnostic] = (),
) -> Trained:
    """Plays ``game`` with ``solver`` for ``steps`` steps, on the device where the game's parameters are.

    The game's modules are trained in place. ``seed`` seeds all draws. ``history`` has a row every ``log_every`` steps
    (by default a hundred rows) with the readings of ``diagnostics``; ``notify`` receives each, too. A game that leaves
    the finite numbers stays at its last finite state, and ``outcome`` says which player left, when, and
    which module, gradient, norm or parameter was the first that was not finite. Ctrl-C ends it after the present step:
    what was done is given back, with the outcome ``stopped``. ``precision=torch.bfloat16`` is mixed
    precision: products in bfloat16, parameters and costs in float32.

    Raises `ValueError` for another precision, and for a game that no run could repeat (`docs/networks.md`).
    """
    return train_many([game], [solver], steps, [seed], log_every, compile, precision, notify, diagnostics=diagnostics)[
        0
    ]


@checks_arguments
def train_many(
    games: Sequence[Game],
    solvers: Sequence[Solver],
    steps: Whole,
    seeds: Sequence[Whole],
    log_every: Whole = 0,
    compile: bool = False,
    precision: torch.dtype | None = None,
    notify: Callable[[dict[str, float]], None] = lambda row: None,
    stack: bool = True,
    diagnostics: Sequence[Diagnostic] = (),
) -> list[Trained]:
    """`train` for several games of one structure at once, stacked; each equals its solo run.

    Raises `ValueError` if the numbers of games, solvers and seeds differ, or if the games differ in structure.
    """
    check_mixed(precision)
    trials = _trials(games, solvers, seeds)
    program = Program(trials, seeds, "stacked" if stack and len(trials) > 1 else "looped", compile, precision)
    every = log_every or max(1, steps // 100)
    histories: list[list[dict[str, float]]] = [[] for _ in trials]
    try:
        with ending_by_ctrl_c() as stop:
            while program.taken < steps and program.alive() and not stop():
                before = program.taken
                program.run(min(steps, (before // every + 1) * every) - before, stop)
                if program.taken == before:
                    break
                seen = watch(program, seeds, diagnostics) if diagnostics else [{}] * len(trials)
                for history, row, readings in zip(histories, program.info(), seen):
                    history.append({"step": program.taken, **row, **readings})
                    notify(history[-1])
            stopped = stop() and program.taken < steps
        if program.drew:
            warnings.warn(program.drew, stacklevel=3)
    except BaseException:  # the modules hold what was reached, whatever ends it
        for i in range(len(trials)):
            place(trials[i], program.train_state(i), averaged=False)
        raise
    return [_finish(program, i, history, stopped) for i, history in enumerate(histories)]


def _trials(games: Sequence[Game], solvers: Sequence[Solver], seeds: Sequence[int]) -> list[Trial]:
    """The members, each on its game's device. Raises `ValueError` where they cannot be played, or not together."""
    if not len(games) == len(solvers) == len(seeds) > 0:
        given = f"{len(games)} games, {len(solvers)} solvers and {len(seeds)} seeds"
        raise ValueError(f"{given}; give one of each for every member")
    _check_separate(games)
    trials = [Trial(game, solver) for game, solver in zip(games, solvers)]
    for trial in trials[1:]:
        differs = difference(trials[0], trial)
        if differs:
            raise ValueError(f"the members differ in structure, at {differs}; train each kind in a call of its own")
    for index, trial in enumerate(trials[1:], 1):
        told = told_apart(trials[0], trial, f"games[{index}] (and its solver)", "games[0]")
        if told:
            raise ValueError(f"{told}, or train each kind in a call of its own")
    check_game(games[0], len(games))
    for trial in trials:
        trial.solver.to(next(trial.game.parameters()).device)
    return trials


def _check_separate(games: Sequence[Game]) -> None:
    """Refuses members that share a module: each is trained in place, and the last would overwrite the others."""
    for game in games:
        check_own(game)
    each = [
        ((index, name), value)
        for index, game in enumerate(games)
        for name, value in dict(game.named_parameters()).items()
    ]
    alike = shared(each)
    if alike is not None:
        (first, _), (index, name) = alike
        raise ValueError(
            f"games[{index}] shares {name} with games[{first}], and both are trained in place; give each member "
            "modules of its own (copy.deepcopy(game))"
        )
    for game in games:
        if game.has_samples:
            for who in game.players:
                check_precision(who, game.get_submodule(who))


def _finish(program: Program, member: int, history: list[dict[str, float]], stopped: bool) -> Trained:
    outcome = program.outcome(member)
    trial, train_state = program.trials[member], program.train_state(member)
    place(trial, train_state, averaged=False)
    taken = int(train_state.steps)
    rows = [row for row in history if row["step"] <= taken]
    if stopped and outcome == "finished":
        outcome = "stopped"
    return Trained(trial.game, outcome, taken, rows, _averages(trial, train_state))


def _averages(trial: Trial, train_state: TrainState) -> dict[str, dict[str, torch.Tensor]]:
    """The averaged weights of each player that has some, with all that its module's ``load_state_dict`` asks for."""
    solver, memory = trial.solver, train_state.memory
    state = {**train_state.point.state, **solver.statistics(memory)}
    modules = dict(trial.game.named_children())
    found = {}
    for player, average in solver.averages(memory).items():
        own = {k.removeprefix(f"{player}."): v for k, v in state.items() if k.startswith(f"{player}.")}
        known, wanted, first = {**own, **average}, {**own, **average}, dict[str, str]()
        if player in modules:
            wanted, first = modules[player].state_dict(), other_names(modules[player])
        each = {name: known.get(first.get(name, name), value) for name, value in wanted.items()}
        found[player] = {k: v.detach().clone() if isinstance(v, torch.Tensor) else v for k, v in each.items()}
    return found


def difference(a: Trial, b: Trial) -> str:
    """The first module (or tensor) in which two trials are not of one structure, or an empty string."""
    kinds, others = ({name: _form(module) for name, module in trial.named_modules()} for trial in (a, b))
    changed = [name for name in {**kinds, **others} if kinds.get(name) != others.get(name)]
    return changed[0] if changed else ""


def _form(module: nn.Module) -> tuple[Any, ...]:
    """What shapes a program in one module: its class, its plain attributes, and the shapes of its tensors."""
    plain = {k: v for k, v in vars(module).items() if k[0] != "_" and isinstance(v, bool | int | float | str | tuple)}
    tensors = {**dict(module.named_parameters(recurse=False)), **dict(module.named_buffers(recurse=False))}
    return kind_of(module), plain, {k: (v.shape, v.dtype) for k, v in tensors.items()}
