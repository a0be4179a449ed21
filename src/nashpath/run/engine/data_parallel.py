"""One game on several processes: each prices its part of every batch, and players move by the mean over all parts.

Networks, solver and memory are whole in every process, and equal. Each makes the draws of the whole batch and keeps its
part, so that the numbers of a run do not depend on how many processes there are (but for rounding, and for costs that
are no means over samples: `Spread.differences`), and a checkpoint is that of one process.

The sum over processes sits where a player's gradient leaves the game, as an operator of its own: it is the same
eagerly, stacked and compiled. Solvers that differentiate the field get it as a pair of functions around the cost, each
the other's derivative, which is not compiled.
"""

import copy
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from importlib import import_module
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from nashpath.core import Batch, FunctionalGame, Game, Key, PlayerGradient, Point, Tree, pick, point_of, tree_map
from nashpath.core import tree as trees
from nashpath.core.torch_compat import is_plain_pass
from nashpath.core.tree import leaves
from nashpath.run.engine.sampler import draw
from nashpath.run.engine.step import Trial, begin, hyperparameters_of
from nashpath.run.errors import RanksError, SettingError

PATIENCE = timedelta(days=1)
"""How long a process waits for the others: the first one evaluates and writes alone."""
EXACT = {torch.float64: 1e-12, torch.float32: 1e-4}
"""The relative difference of a gradient up to which it counts as that of the whole batch: rounding stays below."""


class Ranks:
    """The processes of one run, as ``torchrun`` started them: this is number ``rank`` of ``size``, and 0 leads."""

    def __init__(self, rank: int, size: int):
        self.rank, self.size = rank, size

    @property
    def leads(self) -> bool:
        """Whether this is the process that decides, evaluates and writes."""
        return self.rank == 0

    def tell(self, what: Any) -> None:
        """Tells the others something that JSON can hold; each of them must `hear` it."""
        text = torch.frombuffer(bytearray(json.dumps(what).encode()), dtype=torch.uint8)
        with _together():
            dist.broadcast(torch.tensor(len(text)), 0)
            dist.broadcast(text, 0)

    def hear(self) -> Any:
        """What the leader tells."""
        size = torch.tensor(0)
        with _together():
            dist.broadcast(size, 0)
            text = torch.empty(int(size), dtype=torch.uint8)
            dist.broadcast(text, 0)
        return json.loads(text.numpy().tobytes())

    def share(self, tree: Any) -> None:
        """Puts the leader's tensors in the place of everyone's, in place; trees of equal structure."""
        with _together():
            for leaf in leaves(tree):
                if isinstance(leaf, Tensor):
                    held = leaf.contiguous()
                    dist.broadcast(held, 0)
                    leaf.copy_(held)

    def meet(self) -> None:
        """Returns when all processes have called it. Raises `RanksError` where one of them is gone."""
        with _together():
            dist.all_reduce(torch.zeros(()))

    def rows(self, count: int) -> slice:
        """This process's part of ``count`` rows; parts differ by one row at most."""
        return slice(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def gathered(self, part: Tensor, count: int) -> Tensor:
        """A tensor [count, …] of which each process has its `rows`, whole, in all of them."""
        whole = part.new_zeros(count, *part.shape[1:])
        whole[self.rows(count)] = part
        with _together():
            dist.all_reduce(whole)
        return whole


@contextmanager
def joined(environment: Mapping[str, str] = os.environ) -> Iterator[Ranks | None]:
    """The processes that ``torchrun`` started beside this one, connected within this block; None where there are none.

    When the leader leaves the block, the others, which wait for what to do, are told that it is over.
    """
    if not several(environment):
        yield None
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(environment.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    import_module("torch.distributed.nn")  # imported later, its functions' defaults would hold the group to the end
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
    dist.init_process_group(backend, timeout=PATIENCE)
    ranks = Ranks(dist.get_rank(), dist.get_world_size())
    lost = False
    try:
        yield ranks
    except (RanksError, KeyboardInterrupt):
        lost = True  # nobody is there to be told; the others see the connection end
        raise
    finally:
        if ranks.leads and not lost:
            with suppress(RanksError):
                ranks.tell(None)
        with suppress(RuntimeError):
            dist.destroy_process_group()


def several(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether ``torchrun`` (or what sets the same variables) started more than this process."""
    known = all(name in environment for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"))
    return known and int(environment["WORLD_SIZE"]) > 1


@contextmanager
def _together() -> Iterator[None]:
    """What is done in this block all processes do. Raises `RanksError` where one of them is gone."""
    try:
        yield
    except RuntimeError as error:
        told = " ".join(str(error).split())[:160]
        raise RanksError(
            f"another process of this run is gone ({told}); what the last checkpoint holds is kept: start all of them "
            "again with --resume"
        ) from error


@torch.library.custom_op("nashpath::sum_over_ranks", mutates_args=())
def sum_over_ranks(x: Tensor) -> Tensor:
    """The sum of every process's ``x``, in each of them; no derivative is taken of it."""
    total = x.contiguous().clone()
    with _together():
        dist.all_reduce(total)
    return total


@sum_over_ranks.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x, memory_format=torch.contiguous_format)


torch.library.register_vmap("nashpath::sum_over_ranks", lambda info, dims, x: (sum_over_ranks(x), dims[0]))


class _Across(torch.autograd.Function):
    """What is the same in all processes as what differs, or (``summed``) what differs as its sum; each is the other's
    derivative."""

    @staticmethod
    def forward(x: Tensor, summed: bool) -> Tensor:
        return sum_over_ranks(x) if summed else x.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.summed = inputs[1]

    @staticmethod
    def backward(ctx: Any, *slopes: Any) -> Any:
        return _Across.apply(slopes[0], not ctx.summed), None

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        return _Across.apply(*args), in_dims[0]


def _at_once(through: Callable[[Tensor], Any], tensors: Sequence[Tensor]) -> list[Tensor]:
    """``through`` of all tensors as one vector, in one call: a collective costs what its start costs."""
    if not tensors:
        return []
    done = through(torch.cat([v.reshape(-1) for v in tensors])).split([v.numel() for v in tensors])
    return [part.reshape(v.shape).to(v.dtype) for part, v in zip(done, tensors)]


class SharedGame(FunctionalGame):
    """A game of which every process prices another part of the batch: costs, gradients and state are the means of all.

    State that is no floating-point number (counts of turns) is the same everywhere, and stays as it is.
    """

    def __init__(
        self,
        game: Any,
        size: int,
        precision: torch.dtype | None = None,
        numbers: Tree | None = None,
        tied: dict[str, str] | None = None,
    ):
        super().__init__(game, numbers, precision, tied)
        self.size, self.alone = size, FunctionalGame(self._turn, self._numbers, precision, self._tied)

    def with_hyperparameters(self, numbers: Tree) -> "SharedGame":
        return SharedGame(self._turn, self.size, self._precision, numbers, self._tied)

    def gradient(self, player: str, point: Point, batch: Batch) -> PlayerGradient:
        if not torch.compiler.is_compiling() and not is_plain_pass():
            return super().gradient(player, point, batch)  # by `loss`: this gradient is differentiated in its turn
        own = self.alone.gradient(player, point, batch)
        names, moving = list(own.gradient), {k: v for k, v in own.state.items() if v.is_floating_point()}
        mean = _at_once(lambda x: sum_over_ranks(x) / self.size, [own.cost, *own.gradient.values(), *moving.values()])
        gradient, state = mean[1 : len(names) + 1], mean[len(names) + 1 :]
        return PlayerGradient(dict(zip(names, gradient)), mean[0], {**own.state, **dict(zip(moving, state))})

    def loss(self, player: str, point: Point, batch: Batch, advance: bool = False) -> tuple[Tensor, Tree]:
        if torch.compiler.is_compiling():
            raise SettingError("compile: a solver that differentiates the field is not compiled on several processes")
        places = [(who, name) for who, own in point.players.items() for name in own]
        varying = _at_once(lambda x: _Across.apply(x, False), [point.players[who][name] for who, name in places])
        players: dict[str, Tree] = {who: {} for who in point.players}
        for (who, name), value in zip(places, varying):
            players[who][name] = value
        cost, state = self.alone.loss(player, Point(players, point.state), batch, advance)
        moving = {k: v for k, v in state.items() if v.is_floating_point()}
        mean = _at_once(lambda x: _Across.apply(x, True) / self.size, [cost, *moving.values()])
        return mean[0], {**state, **dict(zip(moving, mean[1:]))}


class _Watched(FunctionalGame):
    """A game that notes whether a solver differentiates what it is told."""

    seen: list[bool]

    def gradient(self, player: str, point: Point, batch: Batch) -> PlayerGradient:
        self.seen.append(not is_plain_pass())
        return FunctionalGame(self._turn, self._numbers).gradient(player, point, batch)

    def loss(self, player: str, point: Point, batch: Batch, advance: bool = False) -> tuple[Tensor, Tree]:
        self.seen.append(not is_plain_pass())
        return super().loss(player, point, batch, advance)


class Spread:
    """How the batches of one trial are spread over the processes of a run.

    Raises `SettingError`, which names what is wrong, for a game without batches, or batches of which no process would
    get as much as the others.
    """

    def __init__(self, ranks: Ranks, trial: Trial):
        self.ranks, self.trial = ranks, trial
        self.device = next(trial.game.parameters()).device
        self.per_sample = _per_sample(trial.game, self.device, ranks.size)
        """Of each tensor of a batch, whether it has an entry for each sample."""

    def problem(self, game: Game, precision: torch.dtype | None) -> SharedGame:
        """The game as the solver sees it."""
        return SharedGame(game, self.ranks.size, precision)

    def part(self, batches: Batch, rank: int | None = None) -> Batch:
        """The part of a step's batches (tensors [draws, batch, ...]) that is for one process, by default this one."""
        rank = self.ranks.rank if rank is None else rank

        def cut(v: "Tensor", splits: "bool") -> "Tensor":
            return v.chunk(self.ranks.size, 1)[rank] if splits else v

        return tree_map(cut, batches, self.per_sample)

    def differentiates(self) -> bool:
        """Whether the solver differentiates a gradient or a cost itself, found by one step that is thrown away."""
        trial = self.trial
        watched = _Watched(trial.game, hyperparameters_of(trial)["game"])
        watched.seen = []
        state, batches = begin(trial), draw(trial.game, Key(0, device=self.device), trial.solver.draws)
        with torch.no_grad():
            trial.solver(watched, state.point, state.memory, batches)
        return any(watched.seen)

    def differences(self) -> dict[str, float]:
        """``‖g − mean of the parts' gradients‖ / ‖g‖`` of each player where it exceeds rounding, at the start.

        A gradient that is no mean over samples (a kernel's, one through batch statistics) is another with smaller
        batches. In double precision, where the game's modules can be used in it.
        """
        try:
            return self._differences(copy.deepcopy(self.trial.game).double())
        except (RuntimeError, TypeError):
            return self._differences(self.trial.game)

    def _differences(self, game: Game) -> dict[str, float]:
        problem, point, found = FunctionalGame(game), point_of(game), dict[str, float]()
        kind = next(game.parameters()).dtype
        batches = draw(game, Key(0, device=self.device), 1)
        parts = [pick(self.part(batches, rank), 0) for rank in range(self.ranks.size)]
        with torch.no_grad():
            for who in game.players:
                whole = problem.gradient(who, point, pick(batches, 0)).gradient
                mean = trees.zeros(whole)
                for part in parts:
                    mean = trees.add(mean, problem.gradient(who, point, part).gradient, 1 / len(parts))
                away = float(trees.norm(trees.add(mean, whole, -1.0)) / trees.norm(whole).clamp(min=1e-30))
                if not away <= EXACT.get(kind, 1e-2):
                    found[who] = away
        return found


def _per_sample(game: Game, device: torch.device, size: int) -> Any:
    """Which tensors of a batch grow with the batch, along their first axis after that of the draws."""
    batch_size: Any = getattr(game, "batch_size", None)
    name = type(game).__name__
    if not isinstance(batch_size, int):
        raise SettingError(f"game: {name} has no batches to spread over {size} processes; train it with one")
    if batch_size % size:
        raise SettingError(
            f"batch_size: {batch_size} samples cannot be spread evenly over {size} processes; use a multiple of {size}"
        )
    larger: Any = copy.copy(game)
    larger.batch_size = 2 * batch_size
    one, two = (which.draw(Key(0, device=device), (1,)) for which in (game, larger))

    def grows(a: "Tensor", b: "Tensor") -> bool:
        if a.shape != b.shape and (a.dim() < 2 or a.shape[2:] != b.shape[2:] or a.shape[1] % size):
            raise SettingError(f"game: {name} draws a tensor of shape {tuple(a.shape[1:])}, which cannot be spread")
        return a.shape != b.shape

    found = tree_map(grows, one, two)
    if not any(leaves(found)):
        raise SettingError(f"game: {name} has no batches to spread over {size} processes; train it with one")
    return found
