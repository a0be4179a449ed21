"""Each member draws from a generator of its own, a block of steps at a time.

A block amortises the cost of drawing. Its length depends on the trial's structure alone, never on who else is
trained, so a member of a sweep sees the numbers that it would see alone. A sampler can be stopped inside a block: it
remembers the generator's state at the block's start and how far into the block it is.
"""

import hashlib

import torch
from torch import Tensor

from nashpath.core import Batch, Game, derive, generator
from nashpath.core.tree import leaves

BLOCK_BYTES = 1 << 20
BLOCK_STEPS = 64


def block_length(game: Game, draws: int, device: torch.device) -> int:
    """Number of steps in one block: as many as fit in `BLOCK_BYTES`, at least 1, at most `BLOCK_STEPS`."""
    one = leaves(game.draw(generator(0, device), (1, draws)))
    size = sum(v.numel() * v.element_size() for v in one)
    return max(1, min(BLOCK_STEPS, BLOCK_BYTES // max(1, size)))


class Sampler:
    """The stream of batches of one member."""

    def __init__(self, game: Game, draws: int, seed: int, device: torch.device, length: int):
        self.game, self.draws, self.length, self.seed = game, draws, length, seed
        self.rng = generator(derive(seed, "draws"), device)
        self.block_state = self.rng.get_state()
        self.offset = 0

    def block(self) -> Batch:
        """The present block: batches with axes (steps, draws, …). Draws it anew, so ask once a block."""
        self.rng.set_state(self.block_state)
        return self.game.draw(self.rng, (self.length, self.draws))

    def advance(self, steps: int) -> None:
        """Marks ``steps`` of the present block as used; at its end the next block begins where the draws left off."""
        self.offset += steps
        if self.offset > self.length:
            raise ValueError(f"a block has {self.length} steps; {self.offset} were used")
        if self.offset == self.length:
            self.block_state, self.offset = self.rng.get_state(), 0

    def state(self) -> dict[str, Tensor]:
        """All that `restore` needs, as tensors."""
        return {"generator": self.block_state.clone(), "offset": torch.tensor(self.offset)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Continues exactly where `state` was taken.

        A state of another kind of device says nothing here: then the draws begin anew, by a seed that follows from it.
        """
        if state["generator"].shape != self.block_state.shape:
            told = hashlib.sha256(state["generator"].numpy().tobytes()).hexdigest()[:16]
            self.rng = generator(derive(self.seed, f"draws after {told} {int(state['offset'])}"), self.rng.device)
            self.block_state, self.offset = self.rng.get_state(), 0
            return
        self.block_state, self.offset = state["generator"].clone(), int(state["offset"])
