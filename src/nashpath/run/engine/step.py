"""One step of one member, a pure function: from state, hyper-parameters and batches to the next state and a report.

Being pure, it can be stacked with `vmap`, compiled, or both, and means the same each time.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from nashpath.core import FunctionalGame, Game, Point, Tree, point_of, split_buffers, tree_map
from nashpath.core.torch_compat import call_with, is_outermost
from nashpath.core.tree import finite, norm
from nashpath.run.engine.sampler import DrawFunction
from nashpath.solvers import Solver

if TYPE_CHECKING:
    from nashpath.run.engine.data_parallel import Spread

NOT_DIVERGED = -1
"""Marker: this member has not diverged."""


class Annealing(NamedTuple):
    """Where numbers of a trial go, by ``game`` or ``solver`` and qualified name, and in how many steps.

    ::

        number(n) = end + (start − end) · ½ (1 + cos(π min(n / steps, 1))),   n = 0, 1, …

    Reference: Huang et al. 2024 (learning rate, b2, weight of the penalty and half-life of the average),
    brownvc/R3GAN ``training/training_loop.py``; Loshchilov and Hutter 2017, Eq. 5.
    """

    end: dict[str, Tree]
    steps: int

    def at(self, numbers: dict[str, Tree], step: Tensor) -> dict[str, Tree]:
        """The hyper-parameters at a step, from those of the start."""
        left = 0.5 * (1 + torch.cos(torch.pi * (step / max(self.steps, 1)).clamp(max=1)))
        found = dict(numbers)
        for who, ends in self.end.items():
            moved = {k: end.to(numbers[who][k]) for k, end in ends.items()}
            found[who] = {**numbers[who], **{k: v + (numbers[who][k] - v) * left for k, v in moved.items()}}
        return found


class Trial(nn.Module):
    """An experiment as one module: the game, and the solver that plays it."""

    def __init__(self, game: Game, solver: Solver, annealing: "Annealing | None" = None):
        super().__init__()
        self.game, self.solver, self.annealing = game, solver, annealing


class TrainState(NamedTuple):
    """The training state of a member, carried from step to step.

    ``steps`` counts the steps it took; ``diverged_player`` is the index of the player whose cost or parameters left the
    finite numbers (the member then stays where it was before that step), or `NOT_DIVERGED`.
    """

    point: Point
    memory: Any
    steps: Tensor
    diverged_player: Tensor


Step = Callable[[TrainState, dict[str, Tree], Any], tuple[TrainState, dict[str, Tensor]]]


def hyperparameters_of(trial: Trial) -> dict[str, Tree]:
    """The hyper-parameters of the ``game`` and of the ``solver``, each by qualified name; copies."""
    numbers = {who: split_buffers(own)[0] for who, own in trial.named_children()}
    return tree_map(lambda v: v.detach().clone(), numbers)


def numbers_at(trial: Trial, step: Tensor) -> dict[str, Tree]:
    """The hyper-parameters at a step: `hyperparameters_of` where none is annealed."""
    numbers = hyperparameters_of(trial)
    return numbers if trial.annealing is None else trial.annealing.at(numbers, step)


def with_numbers_of(trial: Trial, step: Tensor) -> Trial:
    """The trial with the numbers of a step, which change no more; itself, changed in place."""
    for who, numbers in numbers_at(trial, step).items() if trial.annealing is not None else ():
        hold(trial.get_submodule(who), numbers)
    trial.annealing = None
    return trial


def hold(module: nn.Module, numbers: Tree) -> None:
    """Writes hyper-parameters into a game or a solver, in place, by their qualified names."""
    for name, value in numbers.items():
        module.get_buffer(name).copy_(value)


def begin(trial: Trial, point: Point | None = None) -> TrainState:
    """The training state before the first step, at the game's own parameters or at ``point``."""
    point = point_of(trial.game) if point is None else point
    memory = trial.solver.init(FunctionalGame(trial.game), point)
    device = next(v for params in point.players.values() for v in params.values()).device
    zero = torch.zeros((), dtype=torch.int64, device=device)
    return TrainState(point, memory, zero, zero.clone() + NOT_DIVERGED)


def outcome(trial: Trial, train_state: TrainState, cause: str = "") -> str:
    """The outcome of a member: ``finished``, or which player left the finite numbers, when, and through what."""
    diverged_player = int(train_state.diverged_player)
    if diverged_player == NOT_DIVERGED:
        return "finished"
    told = f"diverged: {trial.game.players[diverged_player]} at step {int(train_state.steps) + 1}"
    return f"{told}: {cause} is not finite" if cause else told


def make_step(
    trial: Trial,
    precision: torch.dtype | None = None,
    drawing: DrawFunction | None = None,
    spread: "Spread | None" = None,
) -> Step:
    """The step of every member that has this trial's structure; the trial's own values are not used.

    Its third argument is the step's batches; of a step that draws for itself, by ``drawing``, the words of the member's
    key and its own tensors (`Sampler.keys`). ``spread`` says how batches are spread over several processes.
    """
    game, solver, annealing = trial.game, trial.solver, trial.annealing
    general = FunctionalGame(game, precision=precision) if spread is None else spread.problem(game, precision)
    players = game.players

    def step(train_state, numbers, batches):
        if drawing is not None:
            words, tensors = batches
            batches = drawing.at(words, tensors, train_state.steps)
        if spread is not None:
            batches = spread.part(batches)
        if annealing is not None:
            numbers = annealing.at(numbers, train_state.steps)
        problem = general.with_hyperparameters(numbers["game"])
        given = problem, train_state.point, train_state.memory, batches
        point, memory, info = call_with(solver, numbers["solver"], given)
        if is_outermost() and _goes_on(train_state, point, info):  # nothing to wait for: what moves has moved
            return train_state._replace(point=point, memory=memory, steps=train_state.steps + 1), info
        sound = torch.stack([_sound(info, who) & finite(point.players[who]) for who in players])
        fault = torch.where(sound.all(), NOT_DIVERGED, sound.int().argmin())
        diverged_player = torch.where(train_state.diverged_player == NOT_DIVERGED, fault, train_state.diverged_player)
        going = diverged_player == NOT_DIVERGED
        point, memory = tree_map(
            lambda new, old: torch.where(going, new, old), (point, memory), (train_state.point, train_state.memory)
        )
        return TrainState(point, memory, train_state.steps + going, diverged_player), info

    return step


def _goes_on(train_state: TrainState, point: Point, info: dict[str, Tensor]) -> bool:
    """Whether the member has surely not diverged, nor does now, in one look at all numbers.

    Not asked on a GPU, where it is False, as it is of finite parameters whose squares add up to more than can be told.
    """
    if train_state.diverged_player.device.type != "cpu":
        return False
    told = [v for k, v in info.items() if k.rpartition(".")[2] in point.players]
    sound = all(math.isfinite(v.item()) for v in (*told, norm(point.players)))
    return sound and int(train_state.diverged_player) == NOT_DIVERGED


def _sound(info: dict[str, Tensor], player: str) -> Tensor:
    """Whether all that a step reports of a player (its cost, its gradient's norm, …) is finite."""
    reported = torch.stack([v for k, v in info.items() if k.endswith(f".{player}")])
    return torch.isfinite(reported).all()
