"""Steps recorded on a GPU as one graph of kernels and replayed, so that the host says once what it would say of each.

A recording holds addresses: the state that it starts from, what it is given and what it reports stay at their places,
and are changed there. Whether a replay does what the steps do, and whether it is faster, is tried before it is used.
"""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from nashpath.core import tree_map
from nashpath.core.torch_compat import foreach_copy_
from nashpath.core.tree import tensor_leaves
from nashpath.run.engine.device import wait_for

Step = Callable[[Any, Any], tuple[Any, Any]]
"""From a state and what a step is given to the next state and a report: trees of tensors."""
Record = Callable[[Callable[[], None], torch.device], Callable[[], None]]
"""Takes work that has no arguments and no result, and a device; returns what does that work again."""

LENGTHS = (1, 4, 32)
"""Steps of one recording, of which those are used that fit between two reports. By prototypes on an H100 a step of a
small MLP is 4.8 times faster recorded, and many steps in one graph, with their draws, 1.1 to 1.2 times faster again."""
WARM = 3
"""Times that work is done before it is recorded, by which libraries choose their kernels."""
ROUNDS = 5
SAME = 0.01
"""A replay may end this share of the way of its steps away from where the steps themselves end: sums of a GPU need not
be the same twice, and one step too few or too many of 32 would be three times as much."""
LONGEST = 0.05
"""Seconds that several steps of one recording may take: of slower ones the host's part is small, and trying costs ten
times that."""
PAYS = 1.02
"""How many times faster a recording must be to be used."""


def recorded_on_cuda(work: Callable[[], None], device: torch.device) -> Callable[[], None]:
    """Records the kernels of ``work`` as one CUDA graph.

    All graphs of a device share their memory, which is free between replays: results are copied to places of their own.
    """
    side, main = torch.cuda.Stream(device), torch.cuda.current_stream(device)
    side.wait_stream(main)
    with torch.cuda.stream(side):
        for _ in range(WARM):
            work()
    main.wait_stream(side)
    torch.cuda.synchronize(device)
    if device not in _POOLS:
        _POOLS[device] = torch.cuda.graph_pool_handle()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.device(device), torch.cuda.graph(graph, pool=_POOLS[device]):
        work()
    return graph.replay


_POOLS: dict[torch.device, Any] = {}

RECORDS: Mapping[str, Record] = {"cuda": recorded_on_cuda}
"""How work is recorded, by the type of device."""


class Places:
    """Where recordings of one program find a state and what a step is given, and leave the next state and report."""

    def __init__(self, state: Any, given: Any, info: Any):
        self.state, self.given, self.info = (tree_map(copied, tree) for tree in (state, given, info))
        self._last = given

    def take(self, state: Any, given: Any) -> None:
        """Copies to their places what is not there."""
        if state is not self.state:
            _put(self.state, state)
        if given is not self._last:
            _put(self.given, given)
            self._last = given


class Recording:
    """``length`` steps as one, from the state it is given to that in the ``places``, which the next call changes."""

    def __init__(self, step: Step, places: Places, length: int, record: Record):
        self.length, self.places, self._step = length, places, step
        self._replay = record(self._work, tensor_leaves(places.state)[0].device)

    def _work(self) -> None:
        state, info = self.places.state, self.places.info
        for _ in range(self.length):
            state, info = self._step(state, self.places.given)
        _put(self.places.state, state)
        _put(self.places.info, info)

    def __call__(self, state: Any, given: Any) -> tuple[Any, Any]:
        """The state and the report after ``length`` steps."""
        self.places.take(state, given)
        self._replay()
        return self.places.state, self.places.info


class Recordings:
    """The recordings of one program's steps that pay, and what was measured of them (``told``)."""

    def __init__(self, step: Step, record: Record):
        self._step, self._record = step, record
        self._made: list[Recording] = []
        self._places: Places | None = None
        self._left = list(LENGTHS)
        self._best = self._plain = math.inf
        self.told = ""

    def prepare(self, state: Any, given: Any, info: Any, most: int) -> None:
        """Records what fits into ``most`` steps and was not tried yet, from any state that the program has."""
        device = tensor_leaves(state)[0].device
        while self._left and self._left[0] <= most:
            length = self._left.pop(0)
            if length > 1 and length * self._best > LONGEST:
                self._left = []
                break
            if self._plain == math.inf:
                self._best = self._plain = _seconds(lambda: self._step(state, given), device)
            try:
                self._places = self._places or Places(state, given, info)
                made = Recording(self._step, self._places, length, self._record)
                away = self._away(made, state, given)
            except RuntimeError as error:  # an operation that waits for the device cannot be recorded
                self._end(f"not recorded: {str(error).strip().splitlines()[0][:160]}")
                return
            if not away <= SAME:
                self._end(f"not recorded: a replay of {length} ends {away:.2g} of their way from where the steps end")
                return
            took = _seconds(lambda made=made: made(made.places.state, given), device) / length
            if took * PAYS > self._best:
                self._left, self._places = [], self._places if self._made else None
            else:
                self._made, self._best = [made, *self._made], took
        if self._made:
            gain, most = self._plain / self._best, self._made[0].length
            self.told = f"a step is {gain:.2g} times faster recorded, up to {most} in one CUDA graph, measured"
        elif self._plain < math.inf:
            self.told = "not recorded: a replay is no faster, measured"

    def fitting(self, left: int) -> Recording | None:
        """The longest recording of at most ``left`` steps."""
        return next((made for made in self._made if made.length <= left), None)

    def _end(self, told: str) -> None:
        self._made, self._left, self._places, self.told = [], [], None, told

    def _away(self, made: Recording, state: Any, given: Any) -> float:
        """How far a replay ends from where the steps themselves end, as a share of their way."""
        expected = state
        for _ in range(made.length):
            expected, _ = self._step(expected, given)
        found, _ = made(state, given)
        way, gap = 0.0, 0.0
        for before, after, ours in zip(*map(tensor_leaves, (state, expected, found)), strict=True):
            if not after.is_floating_point():
                gap = gap if torch.equal(after, ours) else math.inf
                continue
            way += float((after.double() - before.double()).square().sum())
            gap += float((after.double() - ours.double()).square().sum())
        return math.sqrt(gap / way) if way else math.inf if gap else 0.0


def _seconds(work: Callable[[], Any], device: torch.device) -> float:
    best = math.inf
    for _ in range(ROUNDS):
        wait_for(device)
        start = time.perf_counter()
        work()
        wait_for(device)
        best = min(best, time.perf_counter() - start)
    return best


def copied(leaf: Any) -> Any:
    """A tensor in memory of its own; anything else as it is."""
    return leaf.clone() if isinstance(leaf, Tensor) else leaf


def _put(own: Any, new: Any) -> None:
    """Copies the tensors of one tree into those of another, from which some of them may have come unchanged."""
    places, values = tensor_leaves(own), tensor_leaves(new)
    memory = {place.untyped_storage().data_ptr() for place in places}
    values = [value.clone() if value.untyped_storage().data_ptr() in memory else value for value in values]
    foreach_copy_(places, values)
