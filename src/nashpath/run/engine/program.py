"""Members of one structure, trained side by side: as one stacked program, or one after the other through one program.

Both ways take the same pure step, so they agree; which is faster depends on the networks (stacking wins on small
dense nets, loses on convolutions, where it means grouped kernels).
"""

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, Literal

import torch
from torch import Tensor
from torch.func import vmap

from nashpath.core import pick, tree_map
from nashpath.core.torch_compat import as_one_graph
from nashpath.run.engine.blame import refusal
from nashpath.run.engine.cause import cause
from nashpath.run.engine.interrupt import Interrupted, interruptible
from nashpath.run.engine.onednn import float32_matmul
from nashpath.run.engine.sampler import Sampler, block_length
from nashpath.run.engine.step import NOT_DIVERGED, TrainState, Trial, begin, hyperparameters_of, make_step, outcome

Mode = Literal["stacked", "looped"]


def never() -> bool:
    """Never stop (default)."""
    return False


def stack(trees: Sequence[Any]) -> Any:
    """Trees of equal structure as one tree with a leading member axis."""
    return tree_map(lambda *leaves: torch.stack(leaves), *trees)


class Program:
    """Trains ``trials``, all of one structure, with draws seeded by ``seeds``.

    ``mode`` says whether members are stacked or looped over, ``compiled`` whether the step is compiled. ``step`` is
    that of another program of this structure, mode and number of members, where it is compiled already. ``taken``
    counts the steps so far; ``seconds`` is the time spent in all steps (and their draws) but the first, which
    compiles.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        seeds: Sequence[int],
        mode: Mode = "looped",
        compiled: bool = False,
        precision: torch.dtype | None = None,
        step: Any = None,
    ):
        self.trials, self.mode, self.compiled = list(trials), mode, compiled
        train_states = [begin(trial) for trial in trials]
        self.device = train_states[0].steps.device
        draws = trials[0].solver.draws
        length = block_length(trials[0].game, draws, self.device)
        self.samplers = [Sampler(t.game, draws, seed, self.device, length) for t, seed in zip(trials, seeds)]
        numbers = [hyperparameters_of(trial) for trial in trials]
        self._train_state: Any = stack(train_states) if mode == "stacked" else train_states
        self._numbers: Any = stack(numbers) if mode == "stacked" else numbers
        self.step: Any = _prepared(make_step(trials[0], precision), mode, compiled) if step is None else step
        self.compiles = compiled and step is None
        """Whether its first step is compiled before it is taken."""
        self._block: list[Any] = []
        self._info: Sequence[dict[str, Any]] | dict[str, Tensor] = []
        self.taken, self.seconds, self.timed, self._warm = 0, 0.0, 0, False
        self.causes: dict[int, str] = {}
        """Why members of this program diverged, as far as it saw them do so."""

    def train_state(self, member: int) -> TrainState:
        """One member's carry."""
        return tree_map(lambda v: v[member], self._train_state) if self.mode == "stacked" else self._train_state[member]

    def load(
        self, members: Sequence[tuple[TrainState, dict[str, Tensor]]], taken: int, report: list[dict[str, float]]
    ) -> None:
        """Restores all members from a checkpoint: training states, samplers, steps taken and the last report."""
        train_states = [train_state for train_state, _ in members]
        self._train_state = stack(train_states) if self.mode == "stacked" else train_states
        for sampler, (_, state) in zip(self.samplers, members):
            sampler.restore(state)
        self._block, self.taken, self._info = [], taken, report

    @torch.no_grad()
    def run(self, steps: int, stop: Callable[[], bool] = never) -> None:
        """Takes ``steps`` steps with every member, or fewer if ``stop()`` is true between two steps.

        The first step of a compiled program may take half a minute: it is given up where ``stop()`` becomes true in it.
        """
        while steps > 0 and not stop():
            start, warm, count = time.perf_counter(), self._warm, 0
            if not self._block:
                self._block = self._draw()
            first, before = self.samplers[0], (self._train_state, self._info)
            compiling = interruptible(stop) if self.compiled and not warm else nullcontext()
            try:
                with compiling, float32_matmul(self.mode == "stacked" and self.device.type == "cpu"):
                    for index in range(first.offset, min(first.length, first.offset + steps)):
                        self._take(self._block[index])
                        count += 1
                        if not warm or stop():
                            break
            except Interrupted:
                self._train_state, self._info = before
                if not stop():  # it is a block around this one that is to end
                    raise
                return
            self._explain(self.taken, first.offset, count)
            self._warm, self.compiles = True, False
            if warm:
                self.wait()
                self.seconds, self.timed = self.seconds + time.perf_counter() - start, self.timed + count
            for sampler in self.samplers:
                sampler.advance(count)
            self.taken, steps = self.taken + count, steps - count
            if first.offset == 0:
                self._block = []

    def wait(self) -> None:
        """Returns when the device has done all that was asked of it."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def outcome(self, member: int) -> str:
        """The member's outcome, and its cause where that is known."""
        return outcome(self.trials[member], self.train_state(member), self.causes.get(member, ""))

    def diverged(self) -> list[int]:
        """The members that move no more."""
        found = self._train_state.diverged_player if self.mode == "stacked" else None
        each = found.tolist() if found is not None else [int(one.diverged_player) for one in self._train_state]
        return [i for i, player in enumerate(each) if player != NOT_DIVERGED]

    def _explain(self, taken: int, offset: int, count: int) -> None:
        """Finds the cause where a member diverged in the last ``count`` steps, whose batches are still there."""
        for member in self.diverged():
            if member in self.causes:
                continue
            state = self.train_state(member)
            index = offset + int(state.steps) - taken
            self.causes[member] = ""
            if offset <= index < offset + count:
                block, numbers = self._block[index], self._numbers
                mine = pick(block, member) if self.mode == "stacked" else block[member]
                own = pick(numbers, member) if self.mode == "stacked" else numbers[member]
                self.causes[member] = cause(self.trials[member], state, own, mine)

    def info(self) -> list[dict[str, float]]:
        """The last step's report of every member."""
        if isinstance(self._info, dict):
            columns = {k: v.tolist() for k, v in self._info.items()}
            return [{k: v[i] for k, v in columns.items()} for i in range(len(self.trials))]
        return [{k: float(v) for k, v in info.items()} for info in self._info]

    def alive(self) -> bool:
        """Whether any member still moves."""
        return any(int(self.train_state(i).diverged_player) == NOT_DIVERGED for i in range(len(self.trials)))

    def _draw(self) -> list[Any]:
        """The present block as a list over steps; stacked or as a list over members, as the mode needs it."""
        blocks = [sampler.block() for sampler in self.samplers]
        steps = range(self.samplers[0].length)
        if self.mode == "stacked":
            joint = tree_map(lambda *leaves: torch.stack(leaves, 1), *blocks)
            return [pick(joint, k) for k in steps]
        return [[pick(block, k) for block in blocks] for k in steps]

    def _take(self, batches: Any) -> None:
        try:
            self._step_all(batches)
        except RuntimeError as error:
            how = "stacked" if self.mode == "stacked" else "compiled" if self.compiled else "differentiated"
            refused = None if self._warm or "memory" in str(error) else refusal(error, self.trials[0].game, how)
            if refused is None:
                raise
            raise refused from error

    def _step_all(self, batches: Any) -> None:
        if self.mode == "stacked":
            self._train_state, self._info = self.step(self._train_state, self._numbers, batches)
            return
        taken = [self.step(c, n, b) for c, n, b in zip(self._train_state, self._numbers, batches)]
        self._train_state, self._info = [train_state for train_state, _ in taken], [info for _, info in taken]


def _prepared(step: Any, mode: Mode, compiled: bool) -> Any:
    step = vmap(step) if mode == "stacked" else step
    return as_one_graph(step) if compiled else step


def spent(program: Program, member: int, train_state: TrainState) -> dict[str, float]:
    """The member's gradient evaluations and its seconds of training since the first step.

    ``gradients`` are the steps it took itself (a member that diverged takes no more) times the player-gradients and
    the second-order products of one step of its solver; a product counts as one gradient. ``train_seconds`` are the
    seconds that its program spent drawing batches and stepping, shared equally by the members; the first step of a
    session, which compiles, is left out.
    """
    solver = program.trials[member].solver
    each = solver.gradients + solver.products
    return {
        "gradients": int(train_state.steps) * each,
        "train_seconds": round(program.seconds / len(program.trials), 6),
    }
