"""Members of one structure, trained side by side: as one stacked program, or one after the other through one program.

Both ways take the same pure step, so they agree; which is faster depends on the networks (stacking wins on small
dense nets, loses on convolutions, where it means grouped kernels).
"""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.func import vmap

from nashpath.core import pick, tree_map
from nashpath.core.contracts import KEEPS_FORM, other_form
from nashpath.core.own import own_title
from nashpath.core.purity import counted
from nashpath.core.torch_compat import global_random_state
from nashpath.core.torch_compat.one_graph import CompilerError, as_one_graph
from nashpath.run.engine.blame import refusal
from nashpath.run.engine.cause import cause
from nashpath.run.engine.device import Precision, tf32_products, wait_for
from nashpath.run.engine.interrupt import Interrupted, interruptible
from nashpath.run.engine.onednn import WORK, float32_matmul
from nashpath.run.engine.recording import LONGEST, RECORDS, Record, Recordings, copied
from nashpath.run.engine.sampler import BLOCK_STEPS, DrawFunction, Sampler
from nashpath.run.engine.step import NOT_DIVERGED, TrainState, Trial, begin, hyperparameters_of, make_step, outcome
from nashpath.run.errors import SettingError

if TYPE_CHECKING:
    from nashpath.run.engine.data_parallel import Spread

Mode = Literal["stacked", "looped"]

DRAWN = "the global random state of PyTorch or NumPy moved"
PURE = (
    "where a module or a cost draws from it, this run cannot be repeated: take the noise from nashpath.networks.Noise, "
    "or from the key of draw(key, batch)"
)


def never() -> bool:
    """Never stop (default)."""
    return False


def stack(trees: Sequence[Any]) -> Any:
    """Trees of equal structure as one tree with a leading member axis."""
    return tree_map(lambda *leaves: torch.stack(leaves), *trees)


class Prepared(NamedTuple):
    """A step as one program runs it, and whether it draws its batches itself."""

    step: Any
    drawing: bool


class Program:
    """Trains ``trials``, all of one structure, with draws seeded by ``seeds``.

    ``mode`` says whether members are stacked or looped over, ``compiled`` whether the step is compiled. A step
    that is ``ready``, of another program of this structure, mode and number of members, is taken over, compiled as it
    is; ``spread`` says how batches are spread over several processes, ``record`` whether steps may be recorded where
    the device can do that (`recordings`). ``taken`` counts the steps so far; ``seconds`` is the time spent in all steps
    (and their draws) but the first, which compiles, and ``busy`` that of it in which a CPU's run did not wait for other
    processes.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        seeds: Sequence[int],
        mode: Mode = "looped",
        compiled: bool = False,
        precision: Precision = None,
        ready: Prepared | None = None,
        spread: "Spread | None" = None,
        record: bool = True,
    ):
        self.spread = spread
        self.trials, self.compiled = list(trials), compiled
        self.precision: Precision = precision
        self._cast = None if precision == "tf32" else precision
        self.mode: Mode = mode
        train_states = [begin(trial) for trial in trials]
        self.device = train_states[0].steps.device
        together = len(trials) * sum(v.numel() for v in trials[0].parameters())
        self._onednn = mode == "stacked" and self.device.type == "cpu" and together >= WORK
        self.sampler = Sampler([trial.game for trial in trials], trials[0].solver.draws, seeds, self.device)
        self.drawing = compiled and self.sampler.alike and (ready is None or ready.drawing)
        """Whether the step draws its batches itself."""
        numbers = [hyperparameters_of(trial) for trial in trials]
        self._train_state: Any = stack(train_states) if mode == "stacked" else train_states
        self._numbers: Any = stack(numbers) if mode == "stacked" else numbers
        drawing = self.sampler.drawings[0] if self.drawing else None
        known = ready if ready is not None and ready.drawing == self.drawing else None
        self.step: Any = self._made(drawing) if known is None else known.step
        self.compiles = compiled and known is None
        """Whether its first step is compiled before it is taken."""
        self._block, self._first = list[Any](), 0
        self._info: Sequence[dict[str, Any]] | dict[str, Tensor] = []
        self._keys = self.sampler.keys(mode == "stacked") if self.drawing else None
        self._recorder = RECORDS.get(self.device.type) if record and spread is None else None
        self.recordings: Recordings | None = None
        self.taken, self.seconds, self.busy, self.timed, self._warm = 0, 0.0, 0.0, 0, False
        self.causes: dict[int, str] = {}
        """Why members of this program diverged, as far as it saw them do so."""
        self.drew = ""
        """Which steps first moved a global random state, in words; nothing where none did."""

    @property
    def prepared(self) -> Prepared:
        """Its step, for other programs of its kind."""
        return Prepared(self.step, self.drawing)

    def train_state(self, member: int) -> TrainState:
        """One member's carry."""
        return tree_map(lambda v: v[member], self._train_state) if self.mode == "stacked" else self._train_state[member]

    def load(self, train_states: Sequence[TrainState], taken: int, report: list[dict[str, float]]) -> None:
        """Restores all members from a checkpoint: training states, steps taken and the last report."""
        self._train_state = stack(train_states) if self.mode == "stacked" else list(train_states)
        self._block, self.taken, self._info = [], taken, report

    def share(self) -> None:
        """Puts the training states of the leading process in the place of everyone's; all of them do it."""
        if self.spread is not None:
            self.spread.ranks.share(self._train_state)

    @torch.no_grad()
    def run(self, steps: int, stop: Callable[[], bool] = never) -> None:
        """Takes ``steps`` steps with every member, or fewer if ``stop()`` is true between two steps.

        The first step of a compiled program may take half a minute: it is given up where ``stop()`` becomes true in it.
        """
        while steps > 0 and not stop():
            warm, count, before = self._warm, 0, (self._train_state, self._info)
            compiling = interruptible(stop) if self.compiled and not warm else nullcontext()
            try:
                with compiling, float32_matmul(self._onednn), tf32_products(self.precision == "tf32"):
                    if warm and self._recorder is not None:
                        self._record(self._recorder, steps)
                    random = global_random_state()[1:]  # type checkers draw from Python's
                    start, used = time.perf_counter(), time.process_time()
                    batches = self._batches(steps)
                    while count < len(batches):
                        count += self._take(batches[count], len(batches) - count if warm else 0)
                        if not warm or stop():
                            break
                    if self.recordings is not None:  # the next replay changes what they left
                        self._train_state, self._info = tree_map(copied, (self._train_state, self._info))
            except Interrupted:
                self._train_state, self._info = before
                if not stop():  # it is a block around this one that is to end
                    raise
                return
            if not (warm and self.compiled):  # a graph keeps the form that its first step had
                self._check_form(before, count)
            self._explain(count)
            self._warm, self.compiles = True, False
            if warm:
                self.wait()
                took, used = time.perf_counter() - start, time.process_time() - used
                self.seconds, self.timed = self.seconds + took, self.timed + count
                self.busy += took if self.device.type == "cuda" else min(took, used)
                if not self.drew and random != global_random_state()[1:]:
                    self.drew = f"{DRAWN} in the steps {self.taken + 1:,} to {self.taken + count:,}; {PURE}"
            self.taken, steps = self.taken + count, steps - count

    def _check_form(self, before: tuple[Any, Any], count: int) -> None:
        """Raises `SettingError` where what is carried from step to step has not the form of ``before``.

        The members are then where they were, which their modules can hold.
        """
        parts, now = ("point", "memory"), self._train_state
        for old, new in [(before[0], now)] if self.mode == "stacked" else zip(before[0], now):
            wrong = next((w for one in parts if (w := other_form(getattr(old, one), getattr(new, one), one))), "")
            if wrong:
                self._train_state, self._info = before
                trial = self.trials[0]
                state = wrong.removeprefix("point.state.").split()[0].rpartition(".")[0]
                inside = wrong.startswith("point.state.")
                whose = trial.game.get_submodule(state) if inside else trial.solver.unwrapped(old.memory)[0]
                raise SettingError(f"{own_title(whose)}: {wrong}, after step {self.taken + count}: {KEEPS_FORM}")

    def wait(self) -> None:
        """Returns when the device has done all that was asked of it."""
        wait_for(self.device)

    def outcome(self, member: int) -> str:
        """The member's outcome, and its cause where that is known."""
        return outcome(self.trials[member], self.train_state(member), self.causes.get(member, ""))

    def steps(self) -> list[int]:
        """The steps that each member took itself."""
        if self.mode == "stacked":
            return self._train_state.steps.tolist()
        return [int(one.steps) for one in self._train_state]

    def diverged(self) -> list[int]:
        """The members that move no more."""
        found = self._train_state.diverged_player if self.mode == "stacked" else None
        each = found.tolist() if found is not None else [int(one.diverged_player) for one in self._train_state]
        return [i for i, player in enumerate(each) if player != NOT_DIVERGED]

    def _explain(self, count: int) -> None:
        """Finds the cause where a member diverged in the last ``count`` steps."""
        for member in self.diverged():
            if member in self.causes:
                continue
            state = self.train_state(member)
            index = int(state.steps)
            self.causes[member] = ""
            if self.taken <= index < self.taken + count:
                own = pick(self._numbers, member) if self.mode == "stacked" else self._numbers[member]
                self.causes[member] = cause(self.trials[member], state, own, self.sampler.step(member, index))

    def info(self) -> list[dict[str, float]]:
        """The last step's report of every member; of a step that was undone (`Rollback`) it is NaN."""
        if isinstance(self._info, dict):
            columns = {k: v.tolist() for k, v in self._info.items()}
            return [_told({k: v[i] for k, v in columns.items()}) for i in range(len(self.trials))]
        return [_told({k: float(v) for k, v in info.items()}) for info in self._info]

    def alive(self) -> bool:
        """Whether any member still moves."""
        return len(self.diverged()) < len(self.trials)

    def _batches(self, steps: int) -> Sequence[Any]:
        """What the next steps are given, for ``steps`` of them at most: batches, or keys where they draw themselves."""
        length = self.sampler.length
        if self.drawing:
            return [self._keys] * min(steps, BLOCK_STEPS)
        if not self._first <= self.taken < self._first + len(self._block):
            self._block, self._first = self.sampler.block(self.taken, length, self.mode == "stacked"), self.taken
        begin = self.taken - self._first
        return self._block[begin : begin + steps]

    def _record(self, recorder: Record, steps: int) -> None:
        """Records as many steps as are of use; where they do not draw themselves, that is one."""
        if self.recordings is None:
            self.recordings = Recordings(self._stepper(), recorder)
        given, most = self._batches(1)[0], min(steps, BLOCK_STEPS) if self.drawing else 1
        self.recordings.prepare(self._train_state, given, self._info, most)

    def _take(self, given: Any, left: int) -> int:
        """Takes one step, or several where ``left`` of them fit into a recording; returns how many."""
        recording = None if self.recordings is None else self.recordings.fitting(left)
        if recording is not None:
            self._train_state, self._info = recording(self._train_state, given)
            return recording.length
        before, count = counted(self.trials[0]) if self.compiles else {}, self._together(left)
        try:
            self._step_all(given, count)
            if self.compiles:
                self._refuse_counting(before)
        except CompilerError as error:
            raise SettingError(f"{error}; train with compile=off (compile=False)") from error
        except RuntimeError as error:
            if self.drawing and not self._warm and "memory" not in str(error):  # perhaps it is only the draw
                self.drawing = False
                self.step = self._made(None)
                return self._take(self.sampler.block(self.taken, 1, self.mode == "stacked")[0], 0)
            how = "stacked" if self.mode == "stacked" else "compiled" if self.compiled else "differentiated"
            refused = None if self._warm or "memory" in str(error) else refusal(error, self.trials[0].game, how)
            if refused is None:
                raise
            raise refused from error
        return count

    def _together(self, left: int) -> int:
        """How many of ``left`` steps are taken in one call of a compiled program: what takes a moment, once timed."""
        if not self.drawing or not self.timed or self.spread is not None:
            return 1
        return max(1, min(left, int(LONGEST * self.timed / max(self.seconds, 1e-9))))

    def _refuse_counting(self, before: dict[str, Any]) -> None:
        """Raises `SettingError` where a module counts in Python: a graph holds what it did once."""
        changed = [name for name, value in counted(self.trials[0]).items() if before.get(name, value) != value]
        if changed:
            raise SettingError(
                f"{changed[0]} changed while the step was compiled: a forward is a function of tensors, and a compiled "
                "one keeps what Python did the first time. Keep it in a buffer, or train with compile=off "
                "(compile=False)"
            )

    def _made(self, drawing: DrawFunction | None) -> Any:
        """The step as this program takes it, which draws by ``drawing`` where that is given."""
        step = make_step(self.trials[0], self._cast, drawing, self.spread)
        step = vmap(step) if self.mode == "stacked" else step
        return as_one_graph(step) if self.compiled else step

    def _step_all(self, given: Any, count: int) -> None:
        self._train_state, self._info = self._stepper(count)(self._train_state, given)

    def _stepper(self, count: int = 1) -> Callable[[Any, Any], tuple[Any, Any]]:
        """All members ``count`` steps on, and what the last one reports of them."""
        step = partial(self.step.repeated, count) if count > 1 else self.step
        return partial(_stacked_step if self.mode == "stacked" else _looped_step, step, self._numbers)


def _stacked_step(step: Any, numbers: Any, train_state: Any, batches: Any) -> tuple[Any, Any]:
    return step(train_state, numbers, batches)


def _told(info: dict[str, float]) -> dict[str, float]:
    undone = info.pop("undone", 0.0)
    return {k: math.nan if undone and k != "rollbacks" else v for k, v in info.items()}


def _looped_step(step: Any, numbers: Any, train_states: Any, batches: Any) -> tuple[Any, Any]:
    taken = [step(*one) for one in zip(train_states, numbers, batches)]
    return [train_state for train_state, _ in taken], [info for _, info in taken]


def spent(program: Program, steps: int) -> dict[str, float]:
    """The gradient evaluations of a member that took ``steps``, and its seconds of training since the first step.

    ``gradients`` are the steps it took itself (a member that diverged takes no more) times the player-gradients and
    the second-order products of one step of its solver; a product counts as one gradient. ``train_seconds`` are the
    seconds that its program spent drawing batches and stepping, shared equally by the members; the first step of a
    session, which compiles, is left out.
    """
    solver = program.trials[0].solver
    each = solver.gradients + solver.products
    return {
        "gradients": steps * each,
        "train_seconds": round(program.seconds / len(program.trials), 6),
    }
