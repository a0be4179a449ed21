"""Does a player's gradient say the same on every batch?"""

import torch

from nashpath.core import Batch, Count, FunctionalGame, Point, pick
from nashpath.diagnostics.base import Diagnostic, Readings, field, flatten


class SignalToNoise(Diagnostic):
    """Signal to noise of each player's gradient over batches.

    ::

        signal = max(0, ‖ḡ‖² − tr Σ / B),   noise = tr Σ,   reading = sqrt(signal / noise)

    where ḡ and Σ are mean and (unbiased) covariance of the gradient over B = ``draws`` batches; the subtraction makes
    the signal an unbiased estimate of ‖E g‖². Infinite where all batches agree. A reading far below 1 means that one
    step is mostly noise. Readings: ``signal_to_noise.<player>``, scalars. Raises `ValueError` below two batches.

    Reference: McCandlish et al. 2018, "An Empirical Model of Large-Batch Training", Appendix A.1 (the unbiased pair).
    """

    readings = ("signal_to_noise",)

    def __init__(self, draws: Count = 16):
        if draws < 2:
            raise ValueError(f"draws is {draws}; a spread over batches needs at least 2")
        self.draws = draws

    def __call__(self, problem: FunctionalGame, point: Point, batches: Batch) -> Readings:
        fields = [field(problem, point, pick(batches, k)) for k in range(self.draws)]
        readings = {}
        for who in problem.players:
            rows = torch.stack([flatten(found[who]) for found in fields])
            noise = rows.var(0).sum()
            signal = (rows.mean(0).square().sum() - noise / self.draws).clamp(min=0)
            readings[f"signal_to_noise.{who}"] = (signal / noise).sqrt()
        return readings
