"""The generator's gradient while the discriminator learns, on the parallel lines: one loss's vanishes, the other's not.

The generator is held. Reference: Arjovsky & Bottou 2017, Theorem 2.4 and Fig. 2.
"""

import math
from collections.abc import Iterator
from itertools import pairwise

from nashpath.studies.figures import Lines
from nashpath.studies.rows import Row
from nashpath.studies.shared.parallel_lines import lines_game, pretrain
from nashpath.studies.study import Cell, Experiment, Size

SMALLEST = 1e-38
"""Gradients below count as this, the least normal number of single precision."""


def falls(norms: list[float]) -> float:
    """The share of steps that go down (or stay at 0), from the largest value on."""
    after = norms[norms.index(max(norms)) :]
    down = [b < a or b == 0 for a, b in pairwise(after)]
    return sum(down) / len(down) if down else 0.0


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a seed: both losses' gradient norms along the discriminator's training, and what becomes of them."""
    games = [lines_game("minimax", seed) for seed in range(size.seeds)]
    for seed, read in enumerate(pretrain(games, size.steps)):
        saturating, other = (
            [max(value, SMALLEST) for value in read[f"pretraining_{loss}"]] for loss in ("minimax", "non_saturating")
        )
        yield {
            "seed": seed,
            "updates": read["pretraining_step"],
            "saturating": saturating,
            "other": other,
            "js_bound": read["pretraining_js"],
            "log_last": round(math.log10(saturating[-1]), 6),
            "log_other": round(math.log10(other[-1]), 6),
            "log_ratio": round(math.log10(other[-1] / saturating[-1]), 6),
            "falls": falls(read["pretraining_minimax"]),
        }


VANISHING_GRADIENT = Experiment(
    name="vanishing-gradient",
    about="Data (0, z), z ~ N(0, 1), generator held at (2, z); discriminator MLP 2-128-128-1, ReLU, trained alone with "
    "Adam (0.001, decays 0.5 and 0.9), batch 128. Norm of the generator's gradient of log(1 − D) and of −log D on one "
    "batch, at checkpoints evenly spread in the logarithm.",
    measure=measure,
    sizes={"quick": Size(seeds=2, steps=200), "default": Size(seeds=12, steps=2000)},
    figures=[
        Lines("Gradient of log(1 − D)", "Saturating.", x="updates", y="saturating", by=(), log_y=True),
        Lines("Gradient of −log D", "Non-saturating.", x="updates", y="other", by=(), log_y=True),
    ],
)
