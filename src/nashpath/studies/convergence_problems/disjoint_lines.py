"""Two parallel lines: what each distance says of how far apart they are, exactly and from samples.

Data on {0} × [0, 1], a model on {θ} × [0, 1].
Reference: Arjovsky, Chintala & Bottou 2017, "Wasserstein GAN", Example 1.
"""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from nashpath.core import derive, generator
from nashpath.core.math.f_divergences import js_of_masses, kl_of_masses, total_variation_of_masses
from nashpath.core.math.mmd import mmd_of_masses
from nashpath.core.math.transport import wasserstein_of_masses
from nashpath.metrics import exact_wasserstein, from_densities, from_samples
from nashpath.studies.figures import Lines
from nashpath.studies.rows import Row
from nashpath.studies.study import Cell, Experiment, Size

OFFSETS = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
POINTS = 33
"""Points of a discretised line."""
_NAMES = ("js", "total_variation")


def line(offset: float, heights: Tensor) -> Tensor:
    """Points [n, 2] at the given heights on the line at ``offset``."""
    return torch.stack([torch.full_like(heights, offset), heights], 1)


def masses(offset: float) -> tuple[Tensor, Tensor, Tensor]:
    """Equal masses p and q on the points of both lines, and those points; the lines are one where the offset is 0."""
    heights = torch.linspace(0, 1, POINTS, dtype=torch.double)
    both = torch.cat([line(0.0, heights), line(offset, heights)])
    points, where = torch.unique(both, dim=0, return_inverse=True)
    p, q = (torch.bincount(part, minlength=len(points)).double() / POINTS for part in where.chunk(2))
    return p, q, points


def measure_exact(cell: Cell, size: Size) -> Iterator[Row]:
    """One row an offset: the divergences of the discretised lines."""
    for offset in OFFSETS:
        p, q, points = masses(offset)
        kl = float(kl_of_masses(p, q))
        yield {
            "offset": offset,
            "js": float(js_of_masses(p, q)),
            "total_variation": float(total_variation_of_masses(p, q)),
            "kl_infinite": float(math.isinf(kl)),
            "wasserstein": float(wasserstein_of_masses(p, q, points)),
            "mmd": float(mmd_of_masses(p, q, points).clamp_min(0).sqrt()),
        }


def density_on(points: Tensor) -> Callable[[Tensor], Tensor]:
    """The logarithm of the density by length on the line of these points: 0 there, −∞ elsewhere."""
    return lambda x: torch.where(x[:, 0] == points[0, 0], 0.0, -torch.inf)


def measure_samples(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a seed and offset: the same distances from samples of both lines."""
    count = size.options["count"]
    for seed in range(size.seeds):
        rng = generator(derive(seed, "lines"))
        for offset in OFFSETS:
            real, fake = (line(at, torch.rand(count, generator=rng)) for at in (0.0, offset))
            known = from_densities(density_on(real), density_on(fake), real, fake, _NAMES)
            kernel = from_samples(real, fake, ["mmd"], settings={"mmd": {"bandwidth": 1.0}})
            yield {
                "seed": seed,
                "offset": offset,
                **{name: round(known[name].value, 9) for name in _NAMES},
                "wasserstein": round(exact_wasserstein(real, fake), 6),
                "mmd": round(math.sqrt(max(kernel["mmd"], 0.0)), 6),
            }


EXACT_LINES = Experiment(
    name="exact-lines",
    about="Equal masses on 33 points of each of two parallel segments of length 1, at offsets from 0 to 2; divergences "
    "from the masses, W₁ by linear programming, MMD with a Gaussian kernel of bandwidth 1.",
    measure=measure_exact,
    sizes={"quick": Size(seeds=1), "default": Size(seeds=1)},
    figures=[
        Lines("Wasserstein distance", "Grows with the offset.", x="offset", y="wasserstein", by=()),
        Lines("Jensen-Shannon divergence", "One step, from 0 to log 2.", x="offset", y="js", by=(), target=math.log(2)),
    ],
)

SAMPLED_LINES = Experiment(
    name="sampled-lines",
    about="Uniform samples of each of two parallel segments of length 1, at offsets from 0 to 2: exact W₁ between the "
    "samples, unbiased MMD (bandwidth 1), and JS and total variation by Monte Carlo from densities along the lines.",
    measure=measure_samples,
    sizes={
        "quick": Size(seeds=4, options={"count": 64}),
        "default": Size(seeds=8, options={"count": 512}),
    },
    figures=[
        Lines("W₁ of samples", "Grows with the offset.", x="offset", y="wasserstein", by=()),
        Lines("MMD of samples", "Grows with the offset.", x="offset", y="mmd", by=()),
    ],
)
