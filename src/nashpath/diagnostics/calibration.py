"""Does the discriminator know how likely a sample is to be real?"""

from collections.abc import Callable

import torch
from torch import Tensor

from nashpath.core import Batch, Count, FunctionalGame, Point, pick
from nashpath.diagnostics.base import Diagnostic, Readings

LogRatio = Callable[[Tensor, Point], Tensor]
"""From samples [n, *shape] and the point that the game is at, ``log p(x) − log q(x)``, [n]."""


class Calibration(Diagnostic):
    """Calibration: distance of σ(d) from the probability of being real, and of d from the true log-ratio if known.

    Looks at real and generated samples of ``draws`` batches; readings as `calibration_of`. ``log_ratio`` is the true
    one, of data whose density is known against the generator at the point. For discriminators with one logit a sample,
    trained to tell real from generated (minimax, non-saturating); a critic's values are no logits. A sample that has a
    class is judged with it.

    Raises `ValueError` for a game without real samples and latents, or with more than one logit a sample.

    Reference: Goodfellow et al. 2014, Prop. 1 (the best D has d = log p/q); Guo, Pleiss, Sun & Weinberger 2017, "On
    Calibration of Modern Neural Networks", Eq. 3.
    """

    readings = ("calibration",)

    def __init__(self, log_ratio: LogRatio | None = None, draws: Count = 4, bins: Count = 15):
        self.log_ratio, self.draws, self.bins = log_ratio, draws, bins

    def __call__(self, problem: FunctionalGame, point: Point, batches: Batch) -> Readings:
        if not {"real", "latent"} <= batches.keys():
            raise ValueError(f"calibration needs real samples and latents; this game draws {sorted(batches) or 'none'}")
        real, fake, true_real, true_fake = [], [], [], []
        for batch in (pick(batches, k) for k in range(self.draws)):
            for logits, truths, x, made in (
                (real, true_real, batch["real"], False),
                (fake, true_fake, problem.apply("generator", point, batch["latent"]), True),
            ):
                logits.append(problem.judge(point, x, batch, made))
                if self.log_ratio is not None:
                    truths.append(self.log_ratio(x, point))
        if self.log_ratio is None:
            return calibration_of(torch.cat(real), torch.cat(fake), bins=self.bins)
        return calibration_of(*(torch.cat(parts) for parts in (real, fake, true_real, true_fake)), bins=self.bins)


def calibration_of(
    real: Tensor, fake: Tensor, true_real: Tensor | None = None, true_fake: Tensor | None = None, bins: int = 15
) -> Readings:
    """The calibration of logits of ``real [n]`` and ``fake [m]`` samples ([n, 1] will do), which count half each.

    ::

        calibration.ece     Σ_b w_b |share of real in bin b − mean σ(d) in it|, equal bins of [0, 1]
        calibration.brier   ½ E_p (1 − σ(d))² + ½ E_q σ(d)²: ¼ where nothing can be told apart, 0 where everything is

    and with ``true_real [n]`` and ``true_fake [m]``, the true log-ratios t = log p/q at the same samples::

        calibration.slope, calibration.intercept    of the least-squares line d ≈ slope · t + intercept; 1 and 0
        calibration.mse_real, calibration.mse_fake  E_p (d − t)² and E_q (d − t)²

    A slope below 1 is a timid discriminator, above 1 one that is too sure. It is NaN where all true ratios are equal.

    Raises `ValueError` for other shapes, or for one of the two true log-ratios alone.
    """
    logits = _column(real, "real"), _column(fake, "fake")
    found = _reliability(*logits, bins)
    if (true_real is None) != (true_fake is None):
        raise ValueError("true log-ratios were given of one kind of samples only; give true_real and true_fake")
    if true_real is None or true_fake is None:
        return found
    truths = _column(true_real, "true_real"), _column(true_fake, "true_fake")
    for d, t, name in zip(logits, truths, ("real", "fake")):
        if d.shape != t.shape:
            raise ValueError(f"{len(d)} {name} logits, but {len(t)} true log-ratios; give one a sample")
    return found | _fit(logits, truths)


def _column(values: Tensor, name: str) -> Tensor:
    if values.numel() != len(values) or not len(values):
        raise ValueError(
            f"{name} has shape {tuple(values.shape)}; calibration needs one number a sample, [n] or [n, 1]"
        )
    return values.reshape(-1)


def _halved(real: Tensor, fake: Tensor) -> Tensor:
    """Weights that sum to ½ over the real and to ½ over the fake samples, [n + m]."""
    return torch.cat([torch.full_like(part, 0.5 / len(part)) for part in (real, fake)])


def _reliability(real: Tensor, fake: Tensor, bins: int) -> Readings:
    weight, probability = _halved(real, fake), torch.cat([real, fake]).sigmoid()
    label = torch.cat([torch.ones_like(real), torch.zeros_like(fake)])
    index = (probability * bins).floor().clamp(0, bins - 1)
    inside = weight[:, None] * (index[:, None] == torch.arange(bins, device=real.device))
    ece = (inside * (label - probability)[:, None]).sum(0).abs().sum()
    return {"calibration.ece": ece, "calibration.brier": (weight * (label - probability).square()).sum()}


def _fit(logits: tuple[Tensor, Tensor], truths: tuple[Tensor, Tensor]) -> Readings:
    weight, d, t = _halved(*logits), torch.cat(logits), torch.cat(truths)
    mean_d, mean_t = (weight * d).sum(), (weight * t).sum()
    slope = (weight * (t - mean_t) * (d - mean_d)).sum() / (weight * (t - mean_t).square()).sum()
    errors = [(a - b).square().mean() for a, b in zip(logits, truths)]
    return {
        "calibration.slope": slope,
        "calibration.intercept": mean_d - slope * mean_t,
        "calibration.mse_real": errors[0],
        "calibration.mse_fake": errors[1],
    }
