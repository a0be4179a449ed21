"""Inception score and Fréchet distance of images, as this study measures them: one split, one reference."""

from torch import Tensor

from nashpath.metrics import Sample, evaluate_samples


def image_scores(fake: Tensor, real: Sample) -> dict[str, float]:
    """``inception_score`` (over all samples at once, not ten splits) and ``fid`` against ``real``."""
    found = evaluate_samples(real, fake, ("inception_score", "fid"), settings={"inception_score": {"splits": 1}})
    return {m.name: round(m.value, 5) for m in found if m.name in ("inception_score", "fid")}
